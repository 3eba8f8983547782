//! `volume top`: the files that bricks are asked for most.

use crate::brick::check;
use crate::command::Command;
use crate::facts::Facts;
use crate::said::Said;
use crate::session::{Head, Outcome, Session, Stop};
use crate::tree::{Element, element};
use gluster_xdr::cli::CliProc;
use plugin_api::{Dict, date};

pub(super) const TOP: Command = Command::new(
    &[(
        "volume top <VOLNAME> {open|read|write|opendir|readdir|clear} [nfs|brick <brick>] [list-cnt <value>] | \
         {read-perf|write-perf} [bs <size> count <count>] [brick <brick>] [list-cnt <value>]",
        "show the files that bricks are asked for most, or measure a brick's disk",
    )],
    top,
);

/// What can be listed, by number.
const LISTS: [&str; 8] = ["clear", "open", "read", "write", "opendir", "readdir", "read-perf", "write-perf"];

/// The numbers of those that are not counts of calls.
const CLEAR: usize = 0;
const OPEN: usize = 1;
const PERFORMANCE: [usize; 2] = [6, 7];

/// The files that are listed where nobody says how many.
const LENGTH: u32 = 100;

fn top(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let [name, word, ref more @ ..] = *rest else { return Err(Stop::misfit()) };
    let list = LISTS.iter().position(|known| *known == word).ok_or_else(Stop::misfit)?;
    let (request, nfs) = asked(list, more)?;
    let request = request.with("volname", name).with("op", 4);
    let request = request.with("top-op", i64::try_from(list).unwrap_or(0));
    let reply = session.ask(CliProc::ProfileVolume, request)?;
    if reply.op_ret != 0 {
        let why = if reply.op_errstr.is_empty() { String::new() } else { reply.op_errstr + "\n" };
        return Ok(Said::refused(why + "volume top unsuccessful\n"));
    }
    let facts = Facts::of(&reply.dict);
    let bricks = (1..=facts.count("count")).map(|number| facts.below(format_args!("{number}-")));
    if list == CLEAR {
        let line = |brick: Facts<'_>| match brick.int("stats-cleared") {
            0 => format!("Failed to clear stats for brick {}\n", brick.str("brick")),
            _ => format!("Cleared stats for brick {}\n", brick.str("brick")),
        };
        return Ok(Said::out(bricks.map(line).collect::<String>()));
    }
    Ok(if session.wants_document() {
        let tree = element("volTop").number("brickCount", facts.count("count")).number("topOp", list);
        let tree = tree.list("brick", bricks.map(|brick| brick_element(&brick, list)));
        session.document(Head { ret: 0, errno: reply.op_errno, text: &reply.op_errstr }, [tree])
    } else {
        Said::out(bricks.map(|brick| brick_text(&brick, list, nfs)).collect::<String>())
    })
}

/// What the words after the list ask for, and whether of NFS servers.
fn asked(list: usize, words: &[&str]) -> Result<(Dict, bool), Stop> {
    let is_performance = PERFORMANCE.contains(&list);
    let mut request = Dict::new();
    if list == CLEAR {
        request.set("clear-stats", 1);
    }
    let (mut length, mut size, mut count, mut nfs) = (LENGTH, None, None, false);
    let mut words = words;
    while let [word, rest @ ..] = words {
        words = match (*word, rest) {
            ("nfs", rest) if !is_performance => {
                nfs = true;
                rest
            }
            ("brick", [brick, rest @ ..]) => {
                request.set("brick", check(brick).map_err(Stop::usage)?.to_owned());
                rest
            }
            ("list-cnt", [number, rest @ ..]) => {
                let number = number.parse().ok().filter(|number| *number <= LENGTH);
                length = number.ok_or_else(|| Stop::usage("list-cnt should be between 0 to 100"))?;
                rest
            }
            ("bs", [number, rest @ ..]) if is_performance => {
                size = Some(whole(number, "block size")?);
                rest
            }
            ("count", [number, rest @ ..]) if is_performance => {
                count = Some(whole(number, "block count")?);
                rest
            }
            _ => return Err(Stop::misfit()),
        };
    }
    match (size, count) {
        (Some(size), Some(count)) => request = request.with("blk-size", size).with("blk-cnt", count),
        (None, None) => {}
        _ => return Err(Stop::usage("Need to give both 'bs' and 'count'")),
    }
    if nfs {
        request.set("nfs", 1);
    }
    Ok((request.with("list-cnt", i64::from(length)), nfs))
}

fn whole(word: &str, what: &str) -> Result<i64, Stop> {
    let number = word.parse::<u32>().ok().filter(|number| *number > 0);
    number.map(i64::from).ok_or_else(|| Stop::usage(format!("{what} should be an integer greater than zero")))
}

/// The files of a list with their numbers.
fn files<'a>(brick: &Facts<'a>) -> Vec<(&'a str, i64, i64)> {
    let file = |number: i64| brick.text(&format!("filename-{number}")).map(|name| (name, number));
    let numbered = (1..=brick.count("members")).filter_map(file);
    numbered.map(|(name, number)| (name, number, brick.int(&format!("value-{number}")))).collect()
}

fn brick_text(brick: &Facts<'_>, list: usize, nfs: bool) -> String {
    let kind = if nfs { "NFS Server : " } else { "Brick: " };
    let mut out = format!("{kind}{}\n", brick.str("brick"));
    if list == OPEN {
        let (now, most) = (brick.int("current-open"), brick.int("max-open"));
        let when = brick.str("max-openfd-time");
        out += &format!("Current open fds: {now}, Max open fds: {most}, Max openfd time: {when}\n");
    }
    if let Some((rate, seconds)) = measured(brick) {
        out += &format!("Throughput {rate:.2} MBps time {:.4} secs\n", seconds / 1e6);
    }
    let files = files(brick);
    if files.is_empty() {
        return out;
    }
    if PERFORMANCE.contains(&list) {
        out += &format!("{:>4} {:<60} {:<26}\n", "MBps", "Filename", "Time");
        out += &format!("{:>4} {:<60} {:<26}\n", "====", "========", "====");
        for (name, number, rate) in files {
            out += &format!("{rate:>4} {:<60} {:<26}\n", shortened(name), moment(brick, number));
        }
    } else {
        out += "Count\t\tfilename\n=======================\n";
        files.iter().for_each(|(name, _, count)| out += &format!("{count}\t\t{name}\n"));
    }
    out
}

/// A name of which the end is shown where all of it has no room.
fn shortened(name: &str) -> String {
    const ROOM: usize = 60;
    let letters: Vec<char> = name.chars().collect();
    match letters.len().checked_sub(ROOM) {
        None | Some(0) => name.to_owned(),
        Some(more) => format!("...{}", letters[more + 3..].iter().collect::<String>()),
    }
}

/// Megabytes a second and microseconds of the brick's disk.
fn measured(brick: &Facts<'_>) -> Option<(f64, f64)> {
    Some((brick.float("throughput")?, brick.float("time")?))
}

/// When a file's rate was measured.
fn moment(brick: &Facts<'_>, number: i64) -> String {
    let part = |unit: &str| brick.int(&format!("time-{unit}-{number}"));
    format!("{}.{:06}", date::utc(u64::try_from(part("sec")).unwrap_or(0)), part("usec"))
}

fn brick_element(brick: &Facts<'_>, list: usize) -> Element {
    let tree = element("brick").leaf("name", brick.str("brick")).number("members", brick.count("members"));
    let tree = match list {
        OPEN => tree
            .number("currentOpen", brick.int("current-open"))
            .number("maxOpen", brick.int("max-open"))
            .leaf("maxOpenTime", brick.str("max-openfd-time")),
        _ => tree,
    };
    let tree = match measured(brick) {
        Some((rate, micros)) => {
            tree.number("throughput", format!("{rate:.6}")).number("timeTaken", format!("{micros:.6}"))
        }
        None => tree,
    };
    let file = |(name, number, count): (&str, i64, i64)| {
        let tree = element("file").leaf("filename", name).number("count", count);
        match PERFORMANCE.contains(&list) {
            true => tree.leaf("time", moment(brick, number)),
            false => tree,
        }
    };
    tree.children(files(brick).into_iter().map(file))
}

#[cfg(test)]
mod tests {
    use super::shortened;
    use crate::testing::Scripted;

    #[test]
    fn files_are_listed_with_their_counts() {
        let wire = [
            ("count", "1"),
            ("1-brick", "h:/b"),
            ("1-members", "1"),
            ("1-filename-1", "/f"),
            ("1-value-1", "5"),
        ];
        let mut daemon = Scripted::default().reply((0, 0, ""), &wire);
        let said = daemon.run("volume top v read brick h:/b list-cnt 3");
        assert_eq!(said.out, "Brick: h:/b\nCount\t\tfilename\n=======================\n5\t\t/f\n");
        let asked = &daemon.asked[0].1;
        assert_eq!(
            (asked.int("top-op"), asked.int("list-cnt"), asked.str("brick")),
            (Some(2), Some(3), Some("h:/b"))
        );
    }

    #[test]
    fn a_measure_needs_a_size_and_a_count() {
        for (words, why) in [
            ("bs 1024", "Need to give both 'bs' and 'count'\n"),
            ("bs x count 1", "block size should be an integer greater than zero\n"),
            ("list-cnt 101", "list-cnt should be between 0 to 100\n"),
        ] {
            let said = Scripted::default().run(&format!("volume top v read-perf {words}"));
            assert!(said.err.starts_with(why), "{said:?}");
        }
    }

    #[test]
    fn of_a_long_name_the_end_is_shown() {
        assert_eq!(shortened("/short"), "/short");
        let long = format!("/{}/end", "x".repeat(80));
        assert_eq!((shortened(&long).len(), shortened(&long).ends_with("x/end")), (60, true));
    }
}
