//! `volume status`.

use crate::command::Command;
use crate::facts::Facts;
use crate::said::Said;
use crate::session::{Head, Outcome, Session, Stop};
use crate::tree::{Element, element};
use gluster_xdr::cli::{CliProc, CliRsp};
use plugin_api::Dict;

pub(super) const STATUS: Command = Command::new(
    &[(
        "volume status [all | <VOLNAME> [nfs|shd|<BRICK>|quotad]] [detail|clients|mem|inode|fd|callpool|tasks|client-list]",
        "show the processes of volumes: whether they run, and where they listen",
    )],
    status,
);

/// A whole volume.
const VOLUME: i32 = 0x100;
/// The names of all volumes.
const ALL: i32 = 0x200;
/// One brick.
const BRICK: i32 = 0x400;

/// What can be asked about each process.
const OF_PROCESSES: [&str; 12] = [
    "detail",
    "clients",
    "mem",
    "inode",
    "fd",
    "callpool",
    "tasks",
    "client-list",
    "nfs",
    "shd",
    "quotad",
    "bitd",
];

/// The column in which a row's numbers begin; the name before it leaves one blank.
const NAME_WIDTH: usize = 44;

const RULE: &str = "------------------------------------------------------------------------------\n";

fn status(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    match *rest {
        [] | ["all"] => all(session),
        [name] => one(session, name, VOLUME, None),
        [_, word] | [_, _, word] if OF_PROCESSES.contains(&word) => Ok(Said::refused(format!(
            "volume status {word}: this CLI does not show that yet; the incumbent's does, of the same daemon\n"
        ))),
        [name, brick] => one(session, name, BRICK, Some(brick)),
        [_, _, word, ..] => Err(Stop::usage(format!("{word} is not a valid status option"))),
    }
}

fn ask(session: &mut Session<'_>, name: &str, flags: i32, brick: Option<&str>) -> Result<CliRsp, Stop> {
    let request = Dict::new().with("volname", name).with("cmd", flags);
    let request = match brick {
        Some(brick) => request.with("brick", brick),
        None => request,
    };
    session.ask(CliProc::StatusVolume, request)
}

fn one(session: &mut Session<'_>, name: &str, flags: i32, brick: Option<&str>) -> Outcome {
    let reply = ask(session, name, flags, brick)?;
    let facts = Facts::of(&reply.dict);
    Ok(match (session.wants_document(), reply.op_ret) {
        (true, 0) => documented(session, vec![volume_element(&facts)]),
        (true, _) => refusal(session, &reply),
        (false, 0) => Said::out(text(&facts, brick.is_none())),
        (false, _) => Said::refused(format!("{}\n", reply.op_errstr)),
    })
}

/// Asks for the names first; a volume that is not started is told and passed over.
fn all(session: &mut Session<'_>) -> Outcome {
    let names = session.ask(CliProc::StatusVolume, Dict::new().with("cmd", ALL))?;
    if names.op_ret != 0 {
        let told = || Said::refused(format!("{}\n", names.op_errstr));
        return Ok(if session.wants_document() { refusal(session, &names) } else { told() });
    }
    let (mut said, mut elements) = (Said::default(), Vec::new());
    let known = Facts::of(&names.dict);
    let count = known.count("vol_count");
    for number in 0..count {
        let reply = ask(session, known.str(&format!("vol{number}")), VOLUME, None)?;
        let facts = Facts::of(&reply.dict);
        if reply.op_ret == 0 {
            said.out += &text(&facts, true);
            elements.push(volume_element(&facts));
        } else {
            said.err += &format!("{}\n", reply.op_errstr);
            said.out += " \n";
        }
    }
    Ok(match (session.wants_document(), count) {
        (true, _) => documented(session, elements),
        (false, 0) => Said::note("No volumes present\n"),
        (false, _) => said,
    })
}

/// A process of a volume: a brick, or a service.
struct Row<'a> {
    facts: Facts<'a>,
    is_brick: bool,
}

impl<'a> Row<'a> {
    fn host(&self) -> &'a str {
        self.facts.str("hostname")
    }

    fn path(&self) -> &'a str {
        self.facts.str("path")
    }

    fn is_online(&self) -> bool {
        self.facts.int("status") == 1
    }

    /// A number that a process has only while it runs, or N/A.
    fn while_online(&self, number: Option<i64>) -> String {
        number.filter(|_| self.is_online()).map_or_else(|| "N/A".to_owned(), |number| number.to_string())
    }

    fn port(&self) -> String {
        self.while_online(self.facts.number("port").filter(|&port| port > 0))
    }

    fn rdma_port(&self) -> String {
        self.while_online(self.facts.number("rdma_port").filter(|&port| self.is_brick || port > 0))
    }

    fn line(&self) -> String {
        let name = match self.is_brick {
            true => format!("Brick {}:{}", self.host(), self.path()),
            false => format!("{} on {}", self.host(), self.path()),
        };
        let online = if self.is_online() { "Y" } else { "N" };
        let pid = self.while_online(self.facts.number("pid").filter(|&pid| pid >= 0));
        let (port, rdma) = (self.port(), self.rdma_port());
        format!("{}{port:<10}{rdma:<11}{online:<8}{pid:<5}\n", broken(&name))
    }

    fn element(&self) -> Element {
        let (port, rdma) =
            (self.port(), self.while_online(self.facts.number("rdma_port").filter(|&port| port > 0)));
        element("node")
            .leaf("hostname", self.host())
            .leaf("path", self.path())
            .leaf("peerid", self.facts.str("peerid"))
            .number("status", self.facts.int("status"))
            .leaf("port", &port)
            .child(element("ports").leaf("tcp", &port).leaf("rdma", rdma))
            .number("pid", self.facts.number("pid").unwrap_or(-1))
    }
}

/// A name padded to its column; a longer one is broken over several lines, the last of which is padded.
fn broken(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut lines: Vec<String> = letters.chunks(NAME_WIDTH - 1).map(|line| line.iter().collect()).collect();
    if let Some(last) = lines.last_mut() {
        *last = format!("{last:<NAME_WIDTH$}");
    }
    lines.join("\n")
}

/// The rows that the reply holds; an index without a host is a node that did not answer.
fn rows<'a>(facts: &Facts<'a>) -> Vec<Row<'a>> {
    let last_brick = facts.number("brick-index-max").unwrap_or(-1);
    let last = last_brick.saturating_add(facts.count("other-count")).min(facts.most());
    let row =
        |index: i64| Row { facts: facts.below(format_args!("brick{index}.")), is_brick: index <= last_brick };
    (0..=last).map(row).filter(|row| row.facts.has("hostname")).collect()
}

fn text(facts: &Facts<'_>, with_tasks: bool) -> String {
    let name = facts.str("volname");
    let mut out = format!(
        "Status of volume: {name}\nGluster process                             TCP Port  RDMA Port  Online  Pid\n{RULE}"
    );
    rows(facts).iter().for_each(|row| out += &row.line());
    out += " \n";
    if with_tasks {
        out += &format!("Task Status of Volume {name}\n{RULE}{} \n", tasks_text(facts));
    }
    out
}

/// What is done with the volume as a whole, one after the other.
fn tasks<'a>(facts: &Facts<'a>) -> Vec<Facts<'a>> {
    (0..facts.count("tasks")).map(|number| facts.below(format_args!("task{number}."))).collect()
}

/// The bricks that a task takes away.
fn task_bricks<'a>(task: &Facts<'a>) -> Vec<&'a str> {
    (1..=task.count("count")).map(|number| task.str(&format!("brick{number}"))).collect()
}

fn tasks_text(facts: &Facts<'_>) -> String {
    let tasks = tasks(facts);
    if tasks.is_empty() {
        return "There are no active volume tasks\n".to_owned();
    }
    let line = |name: &str, value: &str| format!("{name:<20} : {value:<20}\n");
    let one = |task: &Facts<'_>| {
        let mut out = line("Task", task.str("type")) + &format!("{:<20} : {}\n", "ID", task.str("id"));
        let bricks = task_bricks(task);
        if !bricks.is_empty() {
            out += &format!("{:<20}\n", "Removed bricks:");
        }
        bricks.iter().for_each(|brick| out += &format!("{brick:<20}\n"));
        out + &line("Status", task_status(task))
    };
    tasks.iter().map(one).collect::<Vec<_>>().join(" \n")
}

fn task_status(task: &Facts<'_>) -> &'static str {
    match task.int("status") {
        0 => "not started",
        1 => "in progress",
        2 => "stopped",
        3 => "completed",
        4 => "failed",
        _ => "unknown",
    }
}

fn task_element(task: &Facts<'_>) -> Element {
    let status = element("task").leaf("type", task.str("type")).leaf("id", task.str("id"));
    let status = status.number("status", task.int("status")).leaf("statusStr", task_status(task));
    let bricks = task_bricks(task);
    if bricks.is_empty() {
        return status;
    }
    status.child(element("params").list("brick", bricks.iter().map(|brick| element("brick").text(brick))))
}

fn volume_element(facts: &Facts<'_>) -> Element {
    element("volume")
        .leaf("volName", facts.str("volname"))
        .number("nodeCount", facts.int("count"))
        .list("node", rows(facts).iter().map(Row::element))
        .child(element("tasks").list("task", tasks(facts).iter().map(task_element)))
}

fn documented(session: &Session<'_>, volumes: Vec<Element>) -> Said {
    let volumes = element("volumes").list("volume", volumes);
    session.document(Head::GOOD, [element("volStatus").child(volumes)])
}

fn refusal(session: &Session<'_>, reply: &CliRsp) -> Said {
    let body = [element("cliOp").text("volStatus"), element("output").text(&reply.op_errstr)];
    session.document(Head::of(reply), body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scripted;

    const WIRE: [(&str, &str); 21] = [
        ("tasks", "0"),
        ("hot_brick_count", "-1"),
        ("type", "-1"),
        ("other-count", "1"),
        ("brick-index-max", "0"),
        ("count", "2"),
        ("brick0.hostname", "vm"),
        ("brick0.path", "/bricks/t/d1a"),
        ("brick0.peerid", "u"),
        ("brick0.status", "1"),
        ("brick0.port", "50151"),
        ("brick0.rdma_port", "0"),
        ("brick0.pid", "15222"),
        ("brick1.hostname", "Self-heal Daemon"),
        ("brick1.path", "localhost"),
        ("brick1.peerid", "u"),
        ("brick1.status", "1"),
        ("brick1.port", "0"),
        ("brick1.pid", "15173"),
        ("cmd", "256"),
        ("volname", "d1"),
    ];

    #[test]
    fn the_table_has_the_incumbents_columns() {
        let said = Scripted::default().reply((0, 0, ""), &WIRE).run("volume status d1");
        let wanted = "\
Status of volume: d1
Gluster process                             TCP Port  RDMA Port  Online  Pid
------------------------------------------------------------------------------
Brick vm:/bricks/t/d1a                      50151     0          Y       15222
Self-heal Daemon on localhost               N/A       N/A        Y       15173
 
Task Status of Volume d1
------------------------------------------------------------------------------
There are no active volume tasks
 
";
        assert_eq!(said.out, wanted);
    }

    #[test]
    fn a_long_name_is_broken_at_its_column() {
        assert_eq!(broken(&"x".repeat(43)), format!("{} ", "x".repeat(43)));
        assert_eq!(broken(&"x".repeat(44)), format!("{}\nx{}", "x".repeat(43), " ".repeat(43)));
        assert_eq!(broken(&"x".repeat(86)), format!("{0}\n{0} ", "x".repeat(43)));
    }

    #[test]
    fn a_brick_that_is_down_has_no_port_and_no_pid() {
        let wire: Vec<_> = WIRE
            .iter()
            .map(|&(key, value)| if key == "brick0.status" { (key, "0") } else { (key, value) })
            .collect();
        let said = Scripted::default().reply((0, 0, ""), &wire).run("volume status d1");
        assert!(
            said.out
                .contains("Brick vm:/bricks/t/d1a                      N/A       N/A        N       N/A  \n")
        );
    }

    #[test]
    fn a_refusal_is_the_daemons_own_words() {
        let mut daemon = Scripted::default().reply((-1, 30800, "Volume d1 is not started"), &[]);
        assert_eq!(daemon.run("volume status d1"), Said::refused("Volume d1 is not started\n"));
    }

    #[test]
    fn a_claim_of_endless_rows_is_not_followed() {
        let wire = [("brick-index-max", "9223372036854775807"), ("other-count", "9"), ("volname", "v")];
        assert!(
            Scripted::default().reply((0, 0, ""), &wire).run("volume status v").out.starts_with("Status of")
        );
    }
}
