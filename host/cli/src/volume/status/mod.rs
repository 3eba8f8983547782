//! `volume status`: which processes there are, and what they tell about themselves.
//!
//! [`row`] has a process of a volume; [`plain`], [`detail`], [`inside`], [`client_list`] and [`tasks`] each lay out one answer.

mod client_list;
mod detail;
mod inside;
mod plain;
mod row;
mod tasks;

use crate::command::Command;
use crate::facts::Facts;
use crate::said::Said;
use crate::session::{Head, Outcome, Session, Stop};
use crate::tree::{Element, element};
pub(crate) use detail::human;
use gluster_xdr::cli::{CliProc, CliRsp};
use inside::Inside;
use plugin_api::Dict;

pub(super) const STATUS: Command = Command::new(
    &[(
        "volume status [all | <VOLNAME> [nfs|shd|<BRICK>|quotad]] [detail|clients|mem|inode|fd|callpool|tasks|client-list]",
        "show the processes of volumes: whether they run, where they listen, and what they are doing",
    )],
    status,
);

/// The bits of a request: of a whole volume,
const VOLUME: i32 = 0x100;
/// the names of all volumes,
const ALL: i32 = 0x200;
/// of one brick.
const BRICK: i32 = 0x400;

/// The line below a title.
const RULE: &str = "------------------------------------------------------------------------------\n";

/// What is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Processes,
    Detail,
    Inside(Inside),
    Tasks,
    ClientList,
}

impl Shown {
    const WORDS: [(&str, Self, i32); 8] = [
        ("detail", Self::Detail, 0x20),
        ("clients", Self::Inside(Inside::Clients), 0x2),
        ("mem", Self::Inside(Inside::Memory), 0x1),
        ("inode", Self::Inside(Inside::Inodes), 0x4),
        ("fd", Self::Inside(Inside::Descriptors), 0x8),
        ("callpool", Self::Inside(Inside::Calls), 0x10),
        ("tasks", Self::Tasks, 0x40),
        ("client-list", Self::ClientList, 0x80),
    ];

    fn of(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|known| known.0 == word).map(|known| known.1)
    }

    fn bits(self) -> i32 {
        Self::WORDS.iter().find(|known| known.1 == self).map_or(0, |known| known.2)
    }
}

/// A service that can be asked for by a word: its bits, what it does not tell, and how that is refused.
struct Service {
    word: &'static str,
    bits: i32,
    silent: &'static [Shown],
    refusal: &'static str,
}

const SERVICES: [Service; 4] = [
    Service {
        word: "nfs",
        bits: 0x800,
        silent: &[Shown::Detail, Shown::Inside(Inside::Descriptors), Shown::Tasks],
        refusal: "Detail/FD/Tasks status not available for NFS Servers",
    },
    Service {
        word: "shd",
        bits: 0x1000,
        silent: &[
            Shown::Detail,
            Shown::Inside(Inside::Descriptors),
            Shown::Inside(Inside::Clients),
            Shown::Tasks,
        ],
        refusal: "Detail/FD/Clients/Tasks status not available for Self-heal Daemons",
    },
    Service {
        word: "quotad",
        bits: 0x2000,
        silent: &UNASKED,
        refusal: "Detail/FD/Clients/Inode status not available for Quota Daemon",
    },
    Service {
        word: "snapd",
        bits: 0x4000,
        silent: &UNASKED,
        refusal: "Detail/FD/Clients/Inode status not available for snap daemon",
    },
];

const UNASKED: [Shown; 4] = [
    Shown::Detail,
    Shown::Inside(Inside::Descriptors),
    Shown::Inside(Inside::Clients),
    Shown::Inside(Inside::Inodes),
];

/// Services of which the daemon only tells whether they run.
const LISTED: [(&str, i32); 2] = [("bitd", 0x8000), ("scrub", 0x10000)];

/// What is asked: about what, and what is shown of it.
#[derive(Debug, Clone, Copy)]
struct Question<'a> {
    bits: i32,
    brick: Option<&'a str>,
    shown: Shown,
    of_service: bool,
}

impl<'a> Question<'a> {
    fn volume(shown: Shown) -> Self {
        Self { bits: VOLUME | shown.bits(), brick: None, shown, of_service: false }
    }

    /// About a service or a brick, by its word.
    ///
    /// # Errors
    /// The service does not tell that.
    fn part(word: &'a str, shown: Option<Shown>) -> Result<Self, Stop> {
        let listed = LISTED.iter().find(|known| known.0 == word && shown.is_none());
        let shown = shown.unwrap_or(Shown::Processes);
        if let Some(service) = SERVICES.iter().find(|service| service.word == word) {
            return match service.silent.contains(&shown) {
                true => Err(Stop::usage(service.refusal)),
                false => Ok(Self { bits: service.bits | shown.bits(), brick: None, shown, of_service: true }),
            };
        }
        match (listed, shown) {
            (Some((_, bits)), _) => Ok(Self { bits: *bits, brick: None, shown, of_service: true }),
            (None, Shown::Tasks) => Err(Stop::usage("Tasks status not available for bricks")),
            (None, _) => Ok(Self { bits: BRICK | shown.bits(), brick: Some(word), shown, of_service: false }),
        }
    }

    fn text(self, facts: &Facts<'_>) -> Said {
        let rows = row::rows(facts);
        match self.shown {
            Shown::Processes => Said::out(plain::text(facts, self.bits & VOLUME != 0)),
            Shown::Detail => Said::out(detail::text(facts, &rows)),
            Shown::Inside(inside) => inside.text(facts, &rows, self.of_service),
            Shown::Tasks => Said::out(tasks::text(facts)),
            Shown::ClientList => Said::out(client_list::text(facts)),
        }
    }

    fn element(self, facts: &Facts<'_>) -> Element {
        let volume = element("volume").leaf("volName", facts.str("volname"));
        if self.shown == Shown::Tasks {
            return volume.child(tasks::element_of(facts));
        }
        let node = |row: &row::Row<'_>| match self.shown {
            Shown::Detail => detail::add(row.element(), row),
            Shown::Inside(inside) if row.is_online() => inside.add(row.element(), row),
            _ => row.element(),
        };
        let nodes = row::rows(facts);
        let volume = volume.number("nodeCount", facts.int("count")).list("node", nodes.iter().map(node));
        match self.shown {
            Shown::Processes if self.bits & VOLUME != 0 => volume.child(tasks::element_of(facts)),
            _ => volume,
        }
    }
}

fn status(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    match *rest {
        [] | ["all"] => all(session, Shown::Processes),
        ["all", word] => match Shown::of(word) {
            Some(shown) => all(session, shown),
            None => Err(unknown(word)),
        },
        [name] => one(session, name, Question::volume(Shown::Processes)),
        [name, word] => match Shown::of(word) {
            Some(shown) => one(session, name, Question::volume(shown)),
            None => one(session, name, Question::part(word, None)?),
        },
        [name, part, word] => match Shown::of(word) {
            Some(shown) => one(session, name, Question::part(part, Some(shown))?),
            None => Err(unknown(word)),
        },
        _ => Err(Stop::misfit()),
    }
}

fn unknown(word: &str) -> Stop {
    Stop::usage(format!("{word} is not a valid status option"))
}

fn ask(session: &mut Session<'_>, name: &str, question: Question<'_>) -> Result<CliRsp, Stop> {
    let request = Dict::new().with("volname", name).with("cmd", question.bits);
    let request = match question.brick {
        Some(brick) => request.with("brick", brick),
        None => request,
    };
    session.ask(CliProc::StatusVolume, request)
}

fn one(session: &mut Session<'_>, name: &str, question: Question<'_>) -> Outcome {
    let reply = ask(session, name, question)?;
    let facts = Facts::of(&reply.dict);
    Ok(match (session.wants_document(), reply.op_ret) {
        (true, 0) => documented(session, Head::of(&reply), vec![question.element(&facts)]),
        (true, _) => refusal(session, &reply),
        (false, 0) => question.text(&facts),
        (false, _) => Said::refused(format!("{}\n", reply.op_errstr)),
    })
}

/// Asks for the names first; a volume that is not started is told and passed over.
fn all(session: &mut Session<'_>, shown: Shown) -> Outcome {
    let names = session.ask(CliProc::StatusVolume, Dict::new().with("cmd", ALL | shown.bits()))?;
    if names.op_ret != 0 {
        let told = || Said::refused(format!("{}\n", names.op_errstr));
        return Ok(if session.wants_document() { refusal(session, &names) } else { told() });
    }
    let (mut said, mut elements) = (Said::default(), Vec::new());
    let known = Facts::of(&names.dict);
    let count = known.count("vol_count");
    let question = Question::volume(shown);
    for number in 0..count {
        let reply = ask(session, known.str(&format!("vol{number}")), question)?;
        let facts = Facts::of(&reply.dict);
        if reply.op_ret == 0 {
            let one = question.text(&facts);
            said.out += &one.out;
            said.err += &one.err;
            elements.push(question.element(&facts));
        } else {
            said.err += &format!("{}\n", reply.op_errstr);
            said.out += " \n";
        }
    }
    Ok(match (session.wants_document(), count) {
        (true, _) => documented(session, Head::GOOD, elements),
        (false, 0) => Said::note("No volumes present\n"),
        (false, _) => said,
    })
}

fn documented(session: &Session<'_>, head: Head<'_>, volumes: Vec<Element>) -> Said {
    let volumes = element("volumes").list("volume", volumes);
    session.document(head, [element("volStatus").child(volumes)])
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
