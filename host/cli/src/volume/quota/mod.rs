//! `volume quota` and `volume inode-quota`: how much may lie below a folder.

mod list;

use crate::command::Command;
use crate::said::Said;
use crate::session::{Head, Outcome, Session, Stop};
use crate::tree::element;
use gluster_xdr::cli::{CliProc, CliRsp};
use list::Listed;
use plugin_api::Dict;

pub(super) const QUOTA: Command = Command {
    forms: &[
        (
            "volume quota <VOLNAME> {enable|disable|list [<path> ...]| list-objects [<path> ...] | remove <path>| remove-objects \
             <path> | default-soft-limit <percent>}",
            "switch quota, list and remove limits",
        ),
        (
            "volume quota <VOLNAME> {limit-usage <path> <size> [<percent>]}",
            "set how many bytes may lie below a folder",
        ),
        (
            "volume quota <VOLNAME> {limit-objects <path> <number> [<percent>]}",
            "set how many files and folders may lie below a folder",
        ),
        (
            "volume quota <VOLNAME> {alert-time|soft-timeout|hard-timeout} {<time>}",
            "set how often usage is looked at and told",
        ),
    ],
    usage: "volume quota <VOLNAME> {enable|disable|list [<path> ...]| list-objects [<path> ...] | remove <path>| remove-objects \
            <path> | default-soft-limit <percent>}\nvolume quota <VOLNAME> {limit-usage <path> <size> [<percent>]}\nvolume quota \
            <VOLNAME> {limit-objects <path> <number> [<percent>]}\nvolume quota <VOLNAME> {alert-time|soft-timeout|hard-timeout} \
            {<time>}",
    run: quota,
};

pub(super) const INODE_QUOTA: Command =
    Command::new(&[("volume inode-quota <VOLNAME> enable", "count files and folders too")], inode_quota);

/// The largest limit.
const MOST: i64 = i64::MAX;

fn quota(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let [name, word, ref words @ ..] = *rest else { return Err(Stop::misfit()) };
    let request = |number: i32| Dict::new().with("volname", name).with("type", number);
    let request = match (word, words) {
        ("enable", []) => request(1),
        ("disable", []) => {
            let sure = "Disabling quota will delete all the quota configuration. Do you want to continue?";
            if !session.agrees(sure) {
                return Ok(Said::default());
            }
            request(2)
        }
        ("limit-usage", &[path, size, ref percent @ ..]) if percent.len() < 2 => {
            let limit = limited(request(3), path, percent)?;
            if bytes(size).is_none() {
                return Err(Stop::usage(format!(
                    "Please enter an integer value in the range of (1 - {MOST})"
                )));
            }
            limit.with("hard-limit", size)
        }
        ("limit-objects", &[path, count, ref percent @ ..]) if percent.len() < 2 => {
            let limit = limited(request(12), path, percent)?;
            if !count.parse::<i64>().is_ok_and(|count| count > 0) {
                return Err(Stop::usage(format!("Please enter an integer value in the range 1 - {MOST}")));
            }
            limit.with("hard-limit", count)
        }
        ("remove", &[path]) => limited(request(4), path, &[])?,
        ("remove-objects", &[path]) => limited(request(14), path, &[])?,
        ("list", paths) => return list::run(session, name, Listed::Bytes, paths),
        ("list-objects", paths) => return list::run(session, name, Listed::Objects, paths),
        ("alert-time", &[time]) => request(7).with("value", checked_time(time)?),
        ("soft-timeout", &[time]) => request(8).with("value", checked_time(time)?),
        ("hard-timeout", &[time]) => request(9).with("value", checked_time(time)?),
        ("default-soft-limit", &[percent]) => request(10).with("value", percent),
        _ if WORDS.contains(&word) => return Err(Stop::misfit()),
        _ => return Err(Stop::usage_out(format!("Invalid quota option : {word}"))),
    };
    let reply = session.ask(CliProc::Quota, request)?;
    Ok(told(session, &reply))
}

const WORDS: [&str; 12] = [
    "enable",
    "disable",
    "limit-usage",
    "limit-objects",
    "remove",
    "remove-objects",
    "list",
    "list-objects",
    "alert-time",
    "soft-timeout",
    "hard-timeout",
    "default-soft-limit",
];

fn inode_quota(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let (name, word) = match *rest {
        [name, word] => (name, word),
        _ => return Err(Stop::misfit()),
    };
    if word != "enable" {
        return Err(Stop::usage_out(format!("Invalid quota option : {word}")));
    }
    let reply = session.ask(CliProc::Quota, Dict::new().with("volname", name).with("type", 15))?;
    Ok(told(session, &reply))
}

fn limited(request: Dict, path: &str, percent: &[&str]) -> Result<Dict, Stop> {
    if !path.starts_with('/') {
        return Err(Stop::usage("Please enter absolute path"));
    }
    let request = request.with("path", path);
    let Some(percent) = percent.first() else { return Ok(request) };
    let number: Option<f64> = percent.strip_suffix('%').unwrap_or(percent).parse().ok();
    match number {
        Some(number) if (0.0..=100.0).contains(&number) => Ok(request.with("soft-limit", *percent)),
        _ => Err(Stop::usage("Please enter a correct value in the range of 0 to 100")),
    }
}

/// A size such as `10`, `512KB` or `1.5GB`, in bytes; `None` for nothing, or for what is no size.
fn bytes(word: &str) -> Option<f64> {
    const UNITS: [(char, u32); 5] = [('K', 10), ('M', 20), ('G', 30), ('T', 40), ('P', 50)];
    let word = word.to_ascii_uppercase();
    let end = word.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(word.len());
    let (number, unit) = word.split_at(end);
    let unit = unit.strip_suffix('B').unwrap_or(unit);
    let factor = match unit.chars().next() {
        None => 1.0,
        Some(letter) if unit.len() == 1 => {
            f64::from(2_u32).powi(i32::try_from(UNITS.iter().find(|known| known.0 == letter)?.1).ok()?)
        }
        Some(_) => return None,
    };
    number.parse::<f64>().ok().map(|number| number * factor).filter(|bytes| (1.0..9.3e18).contains(bytes))
}

fn checked_time(word: &str) -> Result<&str, Stop> {
    const UNITS: [&str; 12] = ["", "s", "sec", "m", "min", "h", "hr", "d", "days", "w", "wk", "weeks"];
    let end = word.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(word.len());
    let is_time = end > 0 && UNITS.contains(&&word[end..]);
    if is_time {
        Ok(word)
    } else {
        Err(Stop::usage(format!("Invalid argument {word}. Please enter a valid string")))
    }
}

/// The outcome of everything but a list.
fn told(session: &Session<'_>, reply: &CliRsp) -> Said {
    if session.wants_document() {
        return session.document(Head::of(reply), [element("cliOp").text("volQuota")]);
    }
    if reply.op_ret == 0 {
        return Said::out("volume quota : success\n");
    }
    let mut why = format!("quota command failed : {}\n", reply.op_errstr);
    if reply.op_ret == -2 {
        // There is no such path.
        why += "please enter the path relative to the volume\n";
    }
    Said::refused(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scripted;

    #[test]
    fn a_limit_goes_to_the_daemon_as_it_was_typed() {
        let mut daemon = Scripted::default().reply((0, 0, ""), &[]);
        assert_eq!(daemon.run("volume quota v limit-usage /a 1.5GB 50%").out, "volume quota : success\n");
        let asked = &daemon.asked[0].1;
        let text = |key: &str| asked.str(key);
        assert_eq!(
            (asked.int("type"), text("path"), text("hard-limit"), text("soft-limit")),
            (Some(3), Some("/a"), Some("1.5GB"), Some("50%"))
        );
    }

    #[test]
    fn what_is_no_limit_is_not_sent() {
        for (words, why) in [
            ("limit-usage a 1MB", "Please enter absolute path\n"),
            (
                "limit-usage /a 1X",
                "Please enter an integer value in the range of (1 - 9223372036854775807)\n",
            ),
            ("limit-usage /a 0", "Please enter an integer value in the range of (1 - 9223372036854775807)\n"),
            ("limit-usage /a 1MB 101", "Please enter a correct value in the range of 0 to 100\n"),
            ("limit-objects /a -1", "Please enter an integer value in the range 1 - 9223372036854775807\n"),
            ("alert-time soon", "Invalid argument soon. Please enter a valid string\n"),
        ] {
            let mut daemon = Scripted::default();
            assert!(daemon.run(&format!("volume quota v {words}")).err.starts_with(why), "{words}");
            assert!(daemon.asked.is_empty());
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("512"), Some(512.0));
        assert_eq!(bytes("1.5kb"), Some(1536.0));
        assert_eq!(bytes("2G"), Some(2_147_483_648.0));
        for wrong in ["", "KB", "1KX", "-1", "1..2", "999999999999PB"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_path_that_is_not_there_is_explained() {
        let said = Scripted::default().reply((-2, 0, "No path."), &[]).run("volume quota v remove /a");
        assert_eq!(
            said.err,
            "quota command failed : No path.\nplease enter the path relative to the volume\n"
        );
    }
}
