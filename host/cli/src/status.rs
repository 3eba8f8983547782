//! `volume status`.

use crate::daemon::AskError;
use crate::said::Said;
use crate::words::{Session, counted};
use crate::xml::{Element, document, element};
use gluster_xdr::cli::{CliProc, CliRsp};
use plugin_api::Dict;

const USAGE: &str = "volume status [all | <VOLNAME> [nfs|shd|<BRICK>|quotad]] [detail|clients|mem|inode|fd|callpool|\
                     tasks|client-list]";

/// A whole volume.
const VOLUME: i32 = 0x100;
/// The names of all volumes.
const ALL: i32 = 0x200;
/// One brick.
const BRICK: i32 = 0x400;

/// The column in which a row's numbers begin; the name before it leaves one blank.
const NAME_WIDTH: usize = 44;

const RULE: &str = "------------------------------------------------------------------------------\n";

/// `volume status [all | NAME [BRICK]]`.
pub(crate) fn status(session: &mut Session<'_>, rest: &[&str]) -> Result<Said, AskError> {
    match *rest {
        [] | ["all"] => all(session),
        [name] => one(session, name, VOLUME, None),
        [name, brick] if brick.contains(":/") => one(session, name, BRICK, Some(brick)),
        [_, word, ..] => Ok(Said::usage(&format!("{word} is not a valid status option"), USAGE)),
    }
}

fn ask(session: &mut Session<'_>, name: &str, flags: i32, brick: Option<&str>) -> Result<CliRsp, AskError> {
    let request = Dict::new().with("volname", name).with("cmd", flags);
    let request = brick.map_or_else(|| request.clone(), |brick| request.clone().with("brick", brick));
    session.daemon.ask(CliProc::StatusVolume, session.with_command(request))
}

fn one(session: &mut Session<'_>, name: &str, flags: i32, brick: Option<&str>) -> Result<Said, AskError> {
    let reply = ask(session, name, flags, brick)?;
    Ok(match (session.options.xml, reply.op_ret) {
        (true, 0) => xml(vec![volume_element(&reply.dict)]),
        (true, _) => xml_refusal(&reply),
        (false, 0) => Said::out(text(&reply.dict, brick.is_none())),
        (false, _) => Said::refused(format!("{}\n", reply.op_errstr)),
    })
}

/// Asks for the names first; a volume that is not started is told and passed over.
fn all(session: &mut Session<'_>) -> Result<Said, AskError> {
    let request = session.with_command(Dict::new().with("cmd", ALL));
    let names = session.daemon.ask(CliProc::StatusVolume, request)?;
    if names.op_ret != 0 {
        let refusal = || Said::refused(format!("{}\n", names.op_errstr));
        return Ok(if session.options.xml { xml_refusal(&names) } else { refusal() });
    }
    let (mut said, mut elements) = (Said::default(), Vec::new());
    let count = counted(&names.dict, "vol_count");
    for number in 0..count {
        let name = names.dict.str(&format!("vol{number}")).unwrap_or_default();
        let reply = ask(session, name, VOLUME, None)?;
        if reply.op_ret == 0 {
            said.out += &text(&reply.dict, true);
            elements.push(volume_element(&reply.dict));
        } else {
            said.err += &format!("{}\n", reply.op_errstr);
            said.out += " \n";
        }
    }
    Ok(match (session.options.xml, count) {
        (true, _) => xml(elements),
        (false, 0) => Said::note("No volumes present\n"),
        (false, _) => said,
    })
}

/// A process of a volume: a brick, or a service.
struct Row<'a> {
    dict: &'a Dict,
    index: i64,
}

impl<'a> Row<'a> {
    fn str(&self, key: &str) -> Option<&'a str> {
        self.dict.str(&format!("brick{}.{key}", self.index))
    }

    fn int(&self, key: &str) -> Option<i64> {
        self.dict.int(&format!("brick{}.{key}", self.index))
    }

    fn host(&self) -> &'a str {
        self.str("hostname").unwrap_or_default()
    }

    fn path(&self) -> &'a str {
        self.str("path").unwrap_or_default()
    }

    fn is_online(&self) -> bool {
        self.int("status") == Some(1)
    }

    /// A number that a process has only while it runs, or N/A.
    fn while_online(&self, number: Option<i64>) -> String {
        number.filter(|_| self.is_online()).map_or_else(|| "N/A".to_owned(), |number| number.to_string())
    }

    fn port(&self) -> String {
        self.while_online(self.int("port").filter(|&port| port > 0))
    }

    fn rdma_port(&self, is_brick: bool) -> String {
        self.while_online(self.int("rdma_port").filter(|&port| is_brick || port > 0))
    }

    fn line(&self, is_brick: bool) -> String {
        let name = match is_brick {
            true => format!("Brick {}:{}", self.host(), self.path()),
            false => format!("{} on {}", self.host(), self.path()),
        };
        let online = if self.is_online() { "Y" } else { "N" };
        let pid = self.while_online(self.int("pid").filter(|&pid| pid >= 0));
        let (port, rdma) = (self.port(), self.rdma_port(is_brick));
        format!("{}{port:<10}{rdma:<11}{online:<8}{pid:<5}\n", broken(&name))
    }

    fn element(&self) -> Element {
        let (port, rdma) = (self.port(), self.while_online(self.int("rdma_port").filter(|&port| port > 0)));
        element("node")
            .leaf("hostname", self.host())
            .leaf("path", self.path())
            .leaf("peerid", self.str("peerid").unwrap_or_default())
            .leaf("status", self.int("status").unwrap_or(0))
            .leaf("port", &port)
            .child(element("ports").leaf("tcp", &port).leaf("rdma", rdma))
            .leaf("pid", self.int("pid").unwrap_or(-1))
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
fn rows(dict: &Dict) -> (Vec<Row<'_>>, i64) {
    let last_brick = dict.int("brick-index-max").unwrap_or(-1);
    let most = i64::try_from(dict.len()).unwrap_or(i64::MAX);
    let last = last_brick.saturating_add(counted(dict, "other-count")).min(most);
    let all = (0..=last).map(|index| Row { dict, index });
    (all.filter(|row| row.str("hostname").is_some()).collect(), last_brick)
}

fn text(dict: &Dict, with_tasks: bool) -> String {
    let name = dict.str("volname").unwrap_or_default();
    let mut out = format!(
        "Status of volume: {name}\nGluster process                             TCP Port  RDMA Port  Online  Pid\n{RULE}"
    );
    let (rows, last_brick) = rows(dict);
    rows.iter().for_each(|row| out += &row.line(row.index <= last_brick));
    out += " \n";
    if with_tasks {
        out += &format!("Task Status of Volume {name}\n{RULE}{} \n", tasks_text(dict));
    }
    out
}

fn tasks_text(dict: &Dict) -> String {
    let count = counted(dict, "tasks");
    if count == 0 {
        return "There are no active volume tasks\n".to_owned();
    }
    let line = |name: &str, value: &str| format!("{name:<20} : {value:<20}\n");
    let one = |task: i64| {
        let get = |key: &str| dict.str(&format!("task{task}.{key}")).unwrap_or_default();
        let mut out = line("Task", get("type")) + &format!("{:<20} : {}\n", "ID", get("id"));
        let bricks = counted(dict, &format!("task{task}.count"));
        if bricks > 0 {
            out += &format!("{:<20}\n", "Removed bricks:");
        }
        (1..=bricks).for_each(|brick| out += &format!("{:<20}\n", get(&format!("brick{brick}"))));
        out + &line("Status", task_status(dict, task))
    };
    (0..count).map(one).collect::<Vec<_>>().join(" \n")
}

fn task_status(dict: &Dict, task: i64) -> &'static str {
    match dict.int(&format!("task{task}.status")).unwrap_or(0) {
        0 => "not started",
        1 => "in progress",
        2 => "stopped",
        3 => "completed",
        4 => "failed",
        _ => "unknown",
    }
}

fn volume_element(dict: &Dict) -> Element {
    let (rows, _) = rows(dict);
    let task = |task: i64| {
        let get = |key: &str| dict.str(&format!("task{task}.{key}")).unwrap_or_default();
        let status =
            element("task").leaf("type", get("type")).leaf("id", get("id")).leaf("status", get("status"));
        let bricks = counted(dict, &format!("task{task}.count"));
        let bricks = (1..=bricks).map(|brick| element("brick").text(get(&format!("brick{brick}"))));
        let params = element("params").children(bricks);
        let status = status.leaf("statusStr", task_status(dict, task));
        if params == element("params") { status } else { status.child(params) }
    };
    element("volume")
        .leaf("volName", dict.str("volname").unwrap_or_default())
        .leaf("nodeCount", dict.int("count").unwrap_or(0))
        .children(rows.iter().map(Row::element))
        .child(element("tasks").children((0..counted(dict, "tasks")).map(task)))
}

fn xml(volumes: Vec<Element>) -> Said {
    let body = element("volStatus").child(element("volumes").children(volumes));
    Said::out(document(0, 0, "", vec![body]))
}

fn xml_refusal(reply: &CliRsp) -> Said {
    let body = vec![element("cliOp").text("volStatus"), element("output").text(&reply.op_errstr)];
    Said::out(document(reply.op_ret, reply.op_errno, &reply.op_errstr, body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::tests::Scripted;

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
