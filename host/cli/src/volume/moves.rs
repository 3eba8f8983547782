//! `volume rebalance` and `volume remove-brick`: what has files moved, and how far that is.

use crate::brick::{check, leading_number};
use crate::command::Command;
use crate::facts::Facts;
use crate::said::Said;
use crate::session::{Head, Outcome, Session, Stop};
use crate::tree::{Element, element};
use crate::verdict::{self, Verdict};
use gluster_xdr::cli::{CliProc, CliRsp};
use plugin_api::Dict;
use std::time::Duration;

pub(super) const REBALANCE: Command = Command::new(
    &[(
        "volume rebalance <VOLNAME> {{fix-layout start} | {start [force]|stop|status}}",
        "give new bricks their part of the names, and of the files",
    )],
    rebalance,
);

pub(super) const REMOVE: Command = Command::new(
    &[(
        "volume remove-brick <VOLNAME> [replica <COUNT>] <BRICK> ... <start|stop|status|commit|force>",
        "take bricks out of a volume, once their files have been moved to others",
    )],
    remove,
);

const LOSING: &str = "Files that are on these bricks are not moved, and are not in the volume any more. Do you want to continue?";
const LEAVING: &str = "Files of which the move has failed stay on these bricks, and are not in the volume any more. Do you want \
                       to continue?";

/// Orders to the processes that move files.
mod order {
    pub(super) const START: i32 = 1;
    pub(super) const STOP: i32 = 2;
    pub(super) const STATUS: i32 = 3;
    pub(super) const FIX_LAYOUT: i32 = 4;
    pub(super) const START_FORCE: i32 = 5;
}

/// What `remove-brick` does, by the number that stands for it.
mod removal {
    pub(super) const START: i32 = 1;
    pub(super) const COMMIT: i32 = 2;
    pub(super) const STOP: i32 = 3;
    pub(super) const STATUS: i32 = 4;
    pub(super) const FORCE: i32 = 5;
}

fn rebalance(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let (name, order) = match *rest {
        [name, "fix-layout", "start"] => (name, order::FIX_LAYOUT),
        [name, "start"] => (name, order::START),
        [name, "start", "force"] => (name, order::START_FORCE),
        [name, "stop"] => (name, order::STOP),
        [name, "status"] => (name, order::STATUS),
        _ => return Err(Stop::misfit()),
    };
    let request = Dict::new().with("volname", name).with("rebalance-command", order);
    let reply = session.ask(CliProc::DefragVolume, request)?;
    let facts = Facts::of(&reply.dict);
    let tells = matches!(order, order::STOP | order::STATUS);
    if session.wants_document() {
        let task =
            element("volRebalance").maybe_leaf("task-id", facts.text("rebalance-id")).number("op", order);
        return Ok(match (tells, reply.op_ret) {
            (true, 0) => session.document(Head::of(&reply), [with_nodes(task, &facts)]),
            (true, _) => verdict::document(session, &reply, "volRebalance", &reply.op_errstr).with_code(1),
            (false, _) => session.document(Head::of(&reply), [task]),
        });
    }
    let command = format!("volume rebalance: {name}");
    let started = format!(
        "Rebalance on {name} has been started successfully. Use rebalance status command to check status of the rebalance \
         process.\nID: {}",
        facts.str("rebalance-id")
    );
    let good = match order {
        order::STATUS => "",
        order::STOP => STOPPING,
        _ => &started,
    };
    let verdict = Verdict { command: &command, good, bad: None }.text(&reply);
    Ok(if reply.op_ret == 0 && tells {
        Said { out: table(&facts) + &verdict.out, ..verdict }
    } else {
        verdict
    })
}

const STOPPING: &str = "rebalance process may be in the middle of a file migration.\nThe process will be fully stopped once the \
                        migration of the file is complete.\nPlease check rebalance process for completion before doing any \
                        further brick related tasks on the volume.\n";

fn remove(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let [name, ref words @ .., what] = *rest else { return Err(Stop::misfit()) };
    let (number, command) = match what {
        "start" => (removal::START, "start"),
        "commit" => (removal::COMMIT, "commit"),
        "stop" => (removal::STOP, "stop"),
        "status" => (removal::STATUS, "status"),
        "force" => (removal::FORCE, "commit force"),
        _ => return Err(Stop::misfit()),
    };
    let mut request = Dict::new().with("volname", name);
    let words = match *words {
        ["replica", copies, ref words @ ..] => {
            request.set("replica-count", leading_number(copies));
            words
        }
        ref words => words,
    };
    if words.is_empty() {
        return Err(Stop::misfit());
    }
    request.set("command", number);
    for (place, brick) in (1..).zip(words) {
        request.set(format!("brick{place}"), check(brick).map_err(Stop::usage)?.to_owned());
    }
    let doubt = match number {
        removal::FORCE => Some(LOSING),
        removal::COMMIT => Some(LEAVING),
        _ => None,
    };
    if doubt.is_some_and(|doubt| !session.agrees(doubt)) {
        return Ok(Said::default());
    }
    let order = match number {
        removal::STOP => Some(order::STOP),
        removal::STATUS => Some(order::STATUS),
        _ => None,
    };
    let reply = match order {
        Some(order) => session.ask(CliProc::DefragVolume, request.with("rebalance-command", order))?,
        None => {
            let count = i64::try_from(words.len()).unwrap_or(i64::MAX);
            session.ask(CliProc::RemoveBrick, request.with("count", count))?
        }
    };
    Ok(removed(session, &reply, number, command))
}

fn removed(session: &Session<'_>, reply: &CliRsp, number: i32, command: &str) -> Said {
    let facts = Facts::of(&reply.dict);
    let id = facts.text("remove-brick-id");
    let tells = matches!(number, removal::STOP | removal::STATUS);
    if session.wants_document() {
        let task = element("volRemoveBrick").maybe_leaf("task-id", id);
        let body = if tells && reply.op_ret == 0 { with_nodes(task, &facts) } else { task };
        let text = format!(
            "Remove Brick {command} {}",
            if reply.op_ret == 0 { "successful" } else { "unsuccessful" }
        );
        let head = if tells { Head::of(reply) } else { Head::of(reply).or(&text) };
        return session.document(head, [body]);
    }
    let verdict =
        Verdict { command: &format!("volume remove-brick {command}"), good: "", bad: None }.text(reply);
    if reply.op_ret != 0 {
        return verdict;
    }
    let out = match number {
        removal::STATUS => table(&facts),
        removal::STOP => table(&facts) + REMOVAL_STOPS,
        removal::START => format!("{}ID: {}\n", verdict.out, id.unwrap_or_default()),
        removal::COMMIT => verdict.out + LOOK,
        _ => verdict.out,
    };
    Said::out(out)
}

const REMOVAL_STOPS: &str = "'remove-brick' process may be in the middle of a file migration.\nThe process will be fully stopped \
                             once the migration of the file is complete.\nPlease check remove-brick process for completion before \
                             doing any further brick related tasks on the volume.\n";
const LOOK: &str = "Check the removed bricks to ensure all files are migrated.\nIf files with data are found on the brick path, \
                    copy them via a gluster mount point before re-purposing the removed brick. \n";

/// What a node has done.
#[derive(Debug, Default, Clone)]
struct Done {
    files: u64,
    size: u64,
    lookups: u64,
    failures: u64,
    skipped: u64,
    status: i64,
    seconds: f64,
}

impl Done {
    fn of(facts: &Facts<'_>, node: i64) -> Self {
        let text = |key: &str| facts.str(&format!("{key}-{node}"));
        let number = |key: &str| text(key).parse().unwrap_or(0);
        Self {
            files: number("files"),
            size: number("size"),
            lookups: number("lookups"),
            failures: number("failures"),
            skipped: number("skipped"),
            status: facts.int(&format!("status-{node}")),
            seconds: text("run-time").parse().ok().filter(|time: &f64| time.is_finite()).unwrap_or(0.0),
        }
    }

    /// Sums, the longest time, and the state that asks most for somebody's look.
    fn and(self, other: &Done) -> Self {
        let urgency = |status: i64| match status {
            1 | 5 => 4,
            4 | 8 => 3,
            2 | 6 => 2,
            3 | 7 => 1,
            _ => 0,
        };
        Self {
            files: self.files.saturating_add(other.files),
            size: self.size.saturating_add(other.size),
            lookups: self.lookups.saturating_add(other.lookups),
            failures: self.failures.saturating_add(other.failures),
            skipped: self.skipped.saturating_add(other.skipped),
            status: std::cmp::max_by_key(self.status, other.status, |status| urgency(*status)),
            seconds: self.seconds.max(other.seconds),
        }
    }

    fn state(&self) -> &'static str {
        let names = [
            "not started",
            "in progress",
            "stopped",
            "completed",
            "failed",
            "fix-layout in progress",
            "fix-layout stopped",
            "fix-layout completed",
            "fix-layout failed",
            "reset due to replace-brick",
            "reset due to reset-brick",
        ];
        usize::try_from(self.status).ok().and_then(|status| names.get(status)).copied().unwrap_or("unknown")
    }

    fn is_layout(&self) -> bool {
        (5..=8).contains(&self.status)
    }

    fn time(&self) -> String {
        let seconds = Duration::try_from_secs_f64(self.seconds).unwrap_or_default().as_secs();
        format!("{:>8}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }

    fn put(&self, node: Element) -> Element {
        node.number("files", self.files)
            .number("size", self.size)
            .number("lookups", self.lookups)
            .number("failures", self.failures)
            .number("skipped", self.skipped)
            .number("status", self.status)
            .leaf("statusStr", self.state())
            .number("runtime", format!("{:.2}", self.seconds))
    }
}

/// The nodes with what each has done.
fn nodes<'a>(facts: &Facts<'a>) -> Vec<(&'a str, &'a str, Done)> {
    let node = |number: i64| {
        let text = |key: &str| facts.str(&format!("{key}-{number}"));
        (text("node-name"), text("node-uuid"), Done::of(facts, number))
    };
    (1..=facts.count("count")).map(node).collect()
}

fn with_nodes(task: Element, facts: &Facts<'_>) -> Element {
    let nodes = nodes(facts);
    let one = |(name, id, done): &(&str, &str, Done)| {
        done.put(element("node").leaf("nodeName", name).leaf("id", id))
    };
    let all = nodes.iter().fold(Done::default(), |all, (.., done)| all.and(done));
    let task = task.number("nodeCount", nodes.len()).list("node", nodes.iter().map(one));
    task.child(all.put(element("aggregate")))
}

/// A line for each node that has begun.
fn table(facts: &Facts<'_>) -> String {
    let nodes = nodes(facts);
    let begun: Vec<_> = nodes.iter().filter(|(.., done)| done.status != 0).collect();
    let rows = begun.iter().map(|(name, _, done)| {
        let (state, time) = (done.state(), done.time());
        if done.is_layout() {
            return format!("{name:>35} {state:>50} {time}\n");
        }
        let Done { files, lookups, failures, skipped, .. } = done;
        let size = readable(done.size);
        format!("{name:>40} {files:>16} {size:>13} {lookups:>13} {failures:>13} {skipped:>13} {state:>20} {time}\n")
    });
    let head = if begun.iter().any(|(.., done)| done.is_layout()) {
        format!(
            "{:>35} {:>41} {:>27}\n{:>35} {:>41} {:>27}\n",
            "Node",
            "status",
            "run time in h:m:s",
            "-".repeat(9),
            "-".repeat(11),
            "-".repeat(12)
        )
    } else {
        let columns = ["size", "scanned", "failures", "skipped"].map(|name| format!("{name:>13}")).join(" ");
        let rules = [(); 4].map(|()| format!("{:>13}", "-".repeat(11))).join(" ");
        format!(
            "{:>40} {:>16} {columns} {:>20} {:>18}\n{:>40} {:>16} {rules} {:>20} {:>18}\n",
            "Node",
            "Rebalanced-files",
            "status",
            "run time in h:m:s",
            "-".repeat(9),
            "-".repeat(11),
            "-".repeat(12),
            "-".repeat(14)
        )
    };
    head + &rows.collect::<String>()
}

/// Bytes in the largest unit that leaves a whole number before the point.
fn readable(bytes: u64) -> String {
    let units = [("PB", 50), ("TB", 40), ("GB", 30), ("MB", 20), ("KB", 10)];
    match units.into_iter().find(|(_, shift)| bytes >> shift > 0) {
        Some((unit, shift)) => format!("{:.1}{unit}", bytes as f64 / (1_u64 << shift) as f64),
        None => format!("{bytes}Bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scripted;

    const WIRE: [(&str, &str); 11] = [
        ("node-name-1", "localhost"),
        ("rebalance-id", "id"),
        ("run-time-1", "3661.500000"),
        ("skipped-1", "4"),
        ("failures-1", "3"),
        ("status-1", "3"),
        ("lookups-1", "2"),
        ("size-1", "1536"),
        ("files-1", "1"),
        ("node-uuid-1", "u"),
        ("count", "1"),
    ];

    #[test]
    fn the_table_has_the_incumbents_columns() {
        let said = Scripted::default().reply((0, 0, ""), &WIRE).run("volume rebalance d1 status");
        let wanted = "                                    Node Rebalanced-files          size       scanned      failures       skipped               status  run time in h:m:s
                               ---------      -----------   -----------   -----------   -----------   -----------         ------------     --------------
                               localhost                1         1.5KB             2             3             4            completed        1:01:01
volume rebalance: d1: success\n";
        assert_eq!(said.out, wanted);
    }

    #[test]
    fn fixing_layouts_has_a_table_of_its_own() {
        let wire: Vec<_> = WIRE
            .iter()
            .map(|&(key, value)| if key == "status-1" { (key, "7") } else { (key, value) })
            .collect();
        let said = Scripted::default().reply((0, 0, ""), &wire).run("volume rebalance d1 status");
        let wanted = "                               Node                                    status           run time in h:m:s
                          ---------                               -----------                ------------
                          localhost                               fix-layout completed        1:01:01
volume rebalance: d1: success\n";
        assert_eq!(said.out, wanted);
    }

    #[test]
    fn bricks_are_taken_out_by_number_and_order() {
        let mut daemon = Scripted::default().reply((0, 0, ""), &[("remove-brick-id", "id")]);
        let said = daemon.run("volume remove-brick v replica 2 h:/a h:/b start");
        assert_eq!(said.out, "volume remove-brick start: success\nID: id\n");
        let (procedure, request) = &daemon.asked[0];
        assert_eq!(*procedure, CliProc::RemoveBrick);
        assert_eq!((request.str("brick1"), request.str("brick2")), (Some("h:/a"), Some("h:/b")));
        let numbers = ["command", "count", "replica-count"].map(|key| request.int(key));
        assert_eq!(numbers, [Some(1), Some(2), Some(2)]);
        let mut daemon = Scripted::default().reply((0, 0, ""), &WIRE);
        daemon.run("volume remove-brick v h:/a status");
        let (procedure, request) = &daemon.asked[0];
        assert_eq!((*procedure, request.int("rebalance-command")), (CliProc::DefragVolume, Some(3)));
    }

    #[test]
    fn who_does_not_want_to_lose_files_does_not() {
        let mut daemon = Scripted::default().disagreeing();
        daemon.run("volume remove-brick v h:/a force");
        assert!(daemon.asked.is_empty());
    }

    #[test]
    fn what_is_under_way_anywhere_is_under_way() {
        let at = |status| Done { status, ..Done::default() };
        assert_eq!(at(3).and(&at(1)).status, 1);
        assert_eq!(at(4).and(&at(3)).status, 4);
        assert_eq!(readable(5 << 30), "5.0GB");
    }
}
