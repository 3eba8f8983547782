//! `volume profile`: what bricks were asked for, how often, and how long it took.

use crate::command::Command;
use crate::facts::Facts;
use crate::said::Said;
use crate::session::{Head, Outcome, Session, Stop};
use crate::tree::{Element, element};
use gluster_xdr::cli::{CliProc, CliRsp};
use plugin_api::Dict;

pub(super) const PROFILE: Command = Command::new(
    &[(
        "volume profile <VOLNAME> {start|info [peek|incremental [peek]|cumulative|clear]|stop} [nfs]",
        "measure what bricks are asked for, and tell it",
    )],
    profile,
);

/// The fops by their numbers, from 1 on.
const FOPS: [&str; 58] = [
    "STAT",
    "READLINK",
    "MKNOD",
    "MKDIR",
    "UNLINK",
    "RMDIR",
    "SYMLINK",
    "RENAME",
    "LINK",
    "TRUNCATE",
    "OPEN",
    "READ",
    "WRITE",
    "STATFS",
    "FLUSH",
    "FSYNC",
    "SETXATTR",
    "GETXATTR",
    "REMOVEXATTR",
    "OPENDIR",
    "FSYNCDIR",
    "ACCESS",
    "CREATE",
    "FTRUNCATE",
    "FSTAT",
    "LK",
    "LOOKUP",
    "READDIR",
    "INODELK",
    "FINODELK",
    "ENTRYLK",
    "FENTRYLK",
    "XATTROP",
    "FXATTROP",
    "FGETXATTR",
    "FSETXATTR",
    "RCHECKSUM",
    "SETATTR",
    "FSETATTR",
    "READDIRP",
    "FORGET",
    "RELEASE",
    "RELEASEDIR",
    "GETSPEC",
    "FREMOVEXATTR",
    "FALLOCATE",
    "DISCARD",
    "ZEROFILL",
    "IPC",
    "SEEK",
    "LEASE",
    "COMPOUND",
    "GETACTIVELK",
    "SETACTIVELK",
    "PUT",
    "ICREATE",
    "NAMELINK",
    "COPY_FILE_RANGE",
];

/// The classes of block sizes: powers of two.
const CLASSES: u32 = 32;

/// Block sizes in one line of text.
const IN_A_LINE: usize = 3;

fn profile(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let (rest, nfs) = match rest {
        [rest @ .., "nfs"] => (rest, true),
        rest => (rest, false),
    };
    let [name, word, more @ ..] = rest else { return Err(Stop::misfit()) };
    let what = match *word {
        "start" => 1,
        "stop" => 2,
        "info" => 3,
        _ => return Err(Stop::misfit()),
    };
    let which = match (what, more.first()) {
        (3, Some(&"incremental")) => 2,
        (3, Some(&"cumulative")) => 3,
        (3, Some(&"clear")) => 4,
        (3, _) => 1,
        _ => 0,
    };
    let peeks = what == 3 && more.contains(&"peek");
    let request = Dict::new().with("volname", *name).with("op", what).with("info-op", which);
    let request = request.with("peek", i32::from(peeks));
    let request = if nfs { request.with("nfs", 1) } else { request };
    let reply = session.ask(CliProc::ProfileVolume, request)?;
    if session.wants_document() && (reply.op_ret == 0 || what != 3) {
        return Ok(documented(session, &reply, name, what));
    }
    Ok(text(&reply, name, what, nfs))
}

fn text(reply: &CliRsp, name: &str, what: i32, nfs: bool) -> Said {
    if reply.op_ret != 0 && !reply.op_errstr.is_empty() {
        return Said::refused(format!("{}\n", reply.op_errstr));
    }
    let outcome = if reply.op_ret == 0 { "successful" } else { "unsuccessful" };
    let line = match what {
        1 => format!("Starting volume profile on {name} has been {outcome} \n"),
        2 => format!("Stopping volume profile on {name} has been {outcome} \n"),
        _ if reply.op_ret == 0 => return Said::out(told(&Facts::of(&reply.dict), nfs)),
        _ => format!("Profile info on {name} has been unsuccessful \n"),
    };
    if reply.op_ret == 0 { Said::out(line) } else { Said::refused(line) }
}

fn told(facts: &Facts<'_>, nfs: bool) -> String {
    let brick = |number: i64| {
        let brick = facts.below(format_args!("{number}-"));
        let kind = if nfs { "NFS Server : " } else { "Brick: " };
        let title = format!("{kind}{}", brick.str("brick"));
        let mut out = format!("{title}\n{}\n", "-".repeat(title.len()));
        if brick.has("stats-cleared") {
            return out
                + if brick.int("stats-cleared") == 0 {
                    "Failed to clear stats.\n"
                } else {
                    "Cleared stats.\n"
                };
        }
        for (period, name) in periods(&brick) {
            out += &format!("{name} Stats:\n{}", period_text(&period));
        }
        out
    };
    (1..=facts.count("count")).map(brick).collect()
}

/// What is told of a brick: since it started, and since it was last asked.
fn periods<'a>(brick: &Facts<'a>) -> Vec<(Facts<'a>, String)> {
    let cumulative = brick.number("cumulative").map(|number| (number, "Cumulative".to_owned()));
    let interval = brick.number("interval").map(|number| (number, format!("Interval {number}")));
    let periods = cumulative.into_iter().chain(interval);
    periods.map(|(number, name)| (brick.below(format_args!("{number}-")), name)).collect()
}

/// Reads and writes of a class of block sizes.
fn blocks(period: &Facts<'_>) -> impl Iterator<Item = (u64, i64, i64)> {
    (0..CLASSES).map(|class| {
        let size = 1_u64 << class;
        (size, period.int(&format!("read-{size}")), period.int(&format!("write-{size}")))
    })
}

/// How often a fop was asked for, and how many nanoseconds it took.
struct Fop {
    name: &'static str,
    hits: i64,
    /// On average, at least and at most.
    took: Option<[f64; 3]>,
}

fn fops(period: &Facts<'_>) -> Vec<Fop> {
    let fop = |(index, name): (usize, &&'static str)| {
        let fop = period.below(format_args!("{}-", index + 1));
        let took = ["avglatency", "minlatency", "maxlatency"].map(|key| fop.float(key));
        let took = match took {
            [Some(average), Some(least), Some(most)] => Some([average, least, most]),
            _ => None,
        };
        Some(Fop { name, hits: fop.number("hits").filter(|&hits| hits > 0)?, took })
    };
    FOPS.iter().enumerate().filter_map(fop).collect()
}

#[allow(clippy::cast_precision_loss, reason = "a share of a sum, shown with two decimals")]
fn period_text(period: &Facts<'_>) -> String {
    let mut out = String::new();
    let used: Vec<_> = blocks(period).filter(|(_, read, written)| (*read, *written) != (0, 0)).collect();
    for line in used.chunks(IN_A_LINE) {
        let sizes: String = line.iter().map(|(size, ..)| format!("{size:>19}b+ ")).collect();
        let reads: String = line.iter().map(|(_, read, _)| format!("{read:>21} ")).collect();
        let writes: String = line.iter().map(|(.., written)| format!("{written:>21} ")).collect();
        out += &format!("   Block Size:{sizes}\n No. of Reads:{reads}\nNo. of Writes:{writes}\n");
        if line.len() == IN_A_LINE {
            out += " \n";
        }
    }
    let fops = fops(period);
    let spent = |fop: &Fop| fop.took.map_or(0.0, |took| took[0] * fop.hits as f64);
    let all: f64 = fops.iter().map(spent).sum();
    let share = |fop: &Fop| if all > 0.0 { 100.0 * spent(fop) / all } else { 0.0 };
    let mut rows: Vec<(f64, &Fop)> = fops.iter().map(|fop| (share(fop), fop)).collect();
    rows.sort_by(|one, other| one.0.total_cmp(&other.0));
    if !rows.is_empty() {
        out += " %-latency   Avg-latency   Min-Latency   Max-Latency   No. of calls         Fop\n";
        out += " ---------   -----------   -----------   -----------   ------------        ----\n";
    }
    for (share, Fop { name, hits, took }) in rows {
        let [average, least, most] = took.unwrap_or_default();
        out += &format!(
            "{share:>10.2} {average:>10.2} ns {least:>10.2} ns {most:>10.2} ns {hits:>14} {name:>11}\n"
        );
    }
    let [seconds, read, written] = SUMS.map(|(key, _)| period.int(key));
    out + &format!(
        " \n    Duration: {seconds} seconds\n   Data Read: {read} bytes\nData Written: {written} bytes\n \n"
    )
}

const SUMS: [(&str, &str); 3] =
    [("duration", "duration"), ("total-read", "totalRead"), ("total-write", "totalWrite")];

fn documented(session: &Session<'_>, reply: &CliRsp, name: &str, what: i32) -> Said {
    let tree = element("volProfile").leaf("volname", name).number("profileOp", what);
    let facts = Facts::of(&reply.dict);
    let tree = match what {
        3 => {
            let count = facts.count("count");
            let brick = |number: i64| brick_element(&facts.below(format_args!("{number}-")));
            tree.number("brickCount", count).list("brick", (1..=count).map(brick))
        }
        _ => tree,
    };
    session.document(Head::of(reply), [tree])
}

fn brick_element(brick: &Facts<'_>) -> Element {
    let tree = element("brick").leaf("brickName", brick.str("brick"));
    if brick.has("stats-cleared") {
        let cleared = brick.int("stats-cleared") != 0;
        return tree.leaf("clearStats", if cleared { "Cleared stats." } else { "Failed to clear stats." });
    }
    let named = |name: &str| if name == "Cumulative" { "cumulativeStats" } else { "intervalStats" };
    let periods = periods(brick);
    tree.children(periods.iter().map(|(period, name)| period_element(named(name), period)))
}

fn period_element(name: &str, period: &Facts<'_>) -> Element {
    let block = |(size, read, written): (u64, i64, i64)| {
        element("block").number("size", size).number("reads", read).number("writes", written)
    };
    let fop = |fop: Fop| {
        let [average, least, most] = fop.took?.map(|took| format!("{took:.6}"));
        let tree = element("fop").leaf("name", fop.name).number("hits", fop.hits);
        Some(tree.number("avgLatency", average).number("minLatency", least).number("maxLatency", most))
    };
    let tree = element(name)
        .child(element("blockStats").list("block", blocks(period).map(block)))
        .child(element("fopStats").list("fop", fops(period).into_iter().filter_map(fop)));
    SUMS.iter().fold(tree, |tree, (key, name)| tree.number(name, period.int(key)))
}

#[cfg(test)]
mod tests {
    use crate::testing::Scripted;

    #[test]
    fn fops_stand_in_the_order_of_the_time_that_they_took() {
        let wire = [
            ("count", "1"),
            ("1-brick", "h:/b"),
            ("1-cumulative", "-1"),
            ("1--1-read-4096", "2"),
            ("1--1-27-hits", "1"),
            ("1--1-27-avglatency", "3000"),
            ("1--1-27-minlatency", "3000"),
            ("1--1-27-maxlatency", "3000"),
            ("1--1-12-hits", "1"),
            ("1--1-12-avglatency", "1000"),
            ("1--1-12-minlatency", "1000"),
            ("1--1-12-maxlatency", "1000"),
            ("1--1-42-hits", "9"),
            ("1--1-total-read", "8192"),
        ];
        let said = Scripted::default().reply((0, 0, ""), &wire).run("volume profile v info cumulative");
        let wanted = "\
Brick: h:/b
-----------
Cumulative Stats:
   Block Size:               4096b+ 
 No. of Reads:                    2 
No. of Writes:                    0 
 %-latency   Avg-latency   Min-Latency   Max-Latency   No. of calls         Fop
 ---------   -----------   -----------   -----------   ------------        ----
      0.00       0.00 ns       0.00 ns       0.00 ns              9     RELEASE
     25.00    1000.00 ns    1000.00 ns    1000.00 ns              1        READ
     75.00    3000.00 ns    3000.00 ns    3000.00 ns              1      LOOKUP
 
    Duration: 0 seconds
   Data Read: 8192 bytes
Data Written: 0 bytes
 
";
        assert_eq!(said.out, wanted);
    }

    #[test]
    fn a_peek_leaves_the_interval_as_it_is() {
        let mut daemon = Scripted::default().reply((0, 0, ""), &[]);
        daemon.run("volume profile v info incremental peek nfs");
        let asked = &daemon.asked[0].1;
        let number = |key: &str| asked.int(key);
        assert_eq!(
            (number("op"), number("info-op"), number("peek"), number("nfs")),
            (Some(3), Some(2), Some(1), Some(1))
        );
    }
}
