//! `volume set`, `volume get` and `volume reset`.

use crate::command::Command;
use crate::facts::Facts;
use crate::said::Said;
use crate::session::{Head, Outcome, Session, Stop};
use crate::table::Table;
use crate::tree::element;
use crate::verdict::{self, Verdict};
use gluster_xdr::cli::{CliProc, CliRsp};
use plugin_api::Dict;

pub(super) const SET: Command = Command::new(
    &[
        ("volume set <VOLNAME> <KEY> <VALUE>", "change options of a volume; `volume set help` lists them"),
        (
            "volume set <VOLNAME> group <GROUP>",
            "change the options that a file below /var/lib/glusterd/groups names",
        ),
    ],
    set,
);

pub(super) const GET: Command = Command::new(
    &[(
        "volume get <VOLNAME|all> <key|all>",
        "show the value of an option, or of all; `all` in place of a volume: the cluster's",
    )],
    get,
);

pub(super) const RESET: Command = Command::new(
    &[("volume reset <VOLNAME> [option] [force]", "give changed options their defaults again")],
    reset,
);

/// Where groups of options lie.
const GROUPS: &str = "/var/lib/glusterd/groups";

fn set(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let request = match *rest {
        [help @ ("help" | "help-xml")] => Dict::new()
            .with("volname", help.to_owned())
            .with(help.to_owned(), help.to_owned())
            .with("count", 0),
        [_, _] | [] | [_] => return Err(Stop::misfit()),
        [name, "group", group] => match group_pairs(group) {
            Ok(pairs) => numbered(for_volume(name), &pairs, pairs.len()),
            Err(why) => return Ok(Said::refused(why)),
        },
        [name, ref words @ ..] if words.len() % 2 == 0 => {
            let pairs: Vec<(String, String)> =
                words.chunks_exact(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect();
            if !is_meant(session, &pairs) {
                return Ok(Said::refused("Aborted by user.\n"));
            }
            numbered(for_volume(name), &pairs, words.len())
        }
        _ => return Err(Stop::misfit()),
    };
    let reply = session.ask(CliProc::SetVolume, request)?;
    if let (0, Some(help)) = (reply.op_ret, reply.dict.str("help-str")) {
        return Ok(Said::out(help));
    }
    Ok(if session.wants_document() {
        let sentence = if reply.op_ret == 0 { "Set volume successful" } else { "Set volume unsuccessful" };
        verdict::document(session, &reply, "volSet", sentence)
    } else {
        Verdict { command: "volume set", good: "", bad: None }.text(&reply)
    })
}

/// The request for a volume, or with `all` for the cluster.
fn for_volume(name: &str) -> Dict {
    let request = Dict::new().with("volname", name);
    if name == "all" { request.with("globalname", "All").with("hold_global_locks", 1) } else { request }
}

fn numbered(request: Dict, pairs: &[(String, String)], count: usize) -> Dict {
    let with_pair = |request: Dict, (number, (key, value)): (usize, &(String, String))| {
        request.with(format!("key{number}"), key.clone()).with(format!("value{number}"), value.clone())
    };
    let request = (1..).zip(pairs).fold(request, with_pair);
    request.with("count", i64::try_from(count).unwrap_or(i64::MAX))
}

/// What would be lost is asked about.
fn is_meant(session: &mut Session<'_>, pairs: &[(String, String)]) -> bool {
    pairs.iter().all(|(key, value)| match (key.as_str(), value.as_str()) {
        ("nfs.disable", "off") => session
            .agrees("The NFS server of GlusterFS is on its way out; NFS-Ganesha takes its place. Use it?"),
        ("cluster.enable-shared-storage", "disable") => session.agrees(
            "This deletes the volume gluster_shared_storage, which other features may be using. Go on?",
        ),
        _ => true,
    })
}

/// The pairs in the file of a group: one `key=value` a line, `#` begins a remark.
fn group_pairs(group: &str) -> Result<Vec<(String, String)>, String> {
    let path = format!("{GROUPS}/{group}");
    let text = std::fs::read_to_string(&path).map_err(|error| {
        let why = error.to_string();
        let why = why.split(" (os error").next().unwrap_or_default();
        format!("Unable to open file '{path}'. Error: {why}\n")
    })?;
    pairs_of(&text).ok_or_else(|| format!("'{path}' file format not valid.\n"))
}

fn pairs_of(text: &str) -> Option<Vec<(String, String)>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pair = |line: &str| {
        let (key, value) =
            line.split_once('=').filter(|(key, value)| !key.is_empty() && !value.is_empty())?;
        Some((key.to_owned(), value.to_owned()))
    };
    lines.map(pair).collect::<Option<Vec<_>>>().filter(|pairs| !pairs.is_empty())
}

fn get(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let &[name, key] = rest else { return Err(Stop::misfit()) };
    let reply = session.ask(CliProc::GetVolOpt, Dict::new().with("volname", name).with("key", key))?;
    Ok(if reply.op_ret != 0 {
        not_got(session, &reply)
    } else {
        let facts = Facts::of(&reply.dict);
        let numbers = 1..=facts.count("count");
        let pairs: Vec<(&str, &str)> =
            numbers.map(|n| (facts.str(&format!("key{n}")), facts.str(&format!("value{n}")))).collect();
        got(session, &facts, &pairs)
    })
}

fn not_got(session: &Session<'_>, reply: &CliRsp) -> Said {
    let verdict = Verdict { command: "volume get option", good: "", bad: None };
    if session.wants_document() {
        verdict::document(session, reply, "volGetopts", &verdict.line(reply)).with_code(1)
    } else {
        verdict.text(reply)
    }
}

fn got(session: &Session<'_>, facts: &Facts<'_>, pairs: &[(&str, &str)]) -> Said {
    if session.wants_document() {
        let option = |&(key, value): &(&str, &str)| element("Opt").leaf("Option", key).leaf("Value", value);
        let options =
            element("volGetopts").number("count", pairs.len()).list("Opt", pairs.iter().map(option));
        return session.document(Head::GOOD, [options]);
    }
    if pairs.is_empty() {
        let text = "volume get option failed. Check the cli/glusterd log file for more details\n";
        return Said::refused_out(text).with_code(2);
    }
    let mut table = Table::new(&[40, 40]).row(&["Option", "Value"]).row(&["------", "-----"]);
    for (key, value) in pairs {
        table = table.row(&[key, value]);
    }
    let warning = facts.text("warning").map(|warning| format!("{warning}\n")).unwrap_or_default();
    Said { err: warning, ..Said::out(table.text()) }
}

fn reset(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let (name, key, force) = match *rest {
        [name] => (name, "all", false),
        [name, "force"] => (name, "all", true),
        [name, key] => (name, key, false),
        [name, key, "force"] => (name, key, true),
        _ => return Err(Stop::misfit()),
    };
    let request = Dict::new().with("volname", name).with("key", key);
    let request = if force { request.with("force", 1) } else { request };
    let reply = session.ask(CliProc::ResetVolume, request)?;
    let done = if reply.op_ret == 0 { "reset volume successful" } else { "reset volume unsuccessful" };
    let told = verdict::or(&reply, done);
    Ok(if session.wants_document() {
        verdict::document(session, &reply, "volReset", told)
    } else {
        Verdict { command: "volume reset", good: told, bad: Some(told) }.text(&reply)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scripted;

    #[test]
    fn set_sends_its_pairs_numbered_and_counts_words() {
        let mut daemon = Scripted::default().reply((0, 0, ""), &[("count", "4")]);
        assert_eq!(daemon.run("volume set v a b c d").out, "volume set: success\n");
        let request = &daemon.asked[0].1;
        let wanted = [("key1", "a"), ("value1", "b"), ("key2", "c"), ("value2", "d")];
        assert!(wanted.iter().all(|&(key, value)| request.str(key) == Some(value)), "{request:?}");
        assert_eq!(request.int("count"), Some(4));
    }

    #[test]
    fn help_is_shown_as_it_comes() {
        let mut daemon = Scripted::default().reply((0, 0, ""), &[("help-str", "\nOption: a\n")]);
        assert_eq!(daemon.run("volume set help").out, "\nOption: a\n");
        assert_eq!(daemon.asked[0].1.str("help"), Some("help"));
    }

    #[test]
    fn a_group_is_lines_of_pairs() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(pairs_of("# r\na=b\nc=d=e"), Some(vec![pair("a", "b"), pair("c", "d=e")]));
        for wrong in ["", "a b\n", "a=b\n\nc=d\n", "a=\n", "=b\n"] {
            assert_eq!(pairs_of(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn what_was_not_got_is_said_in_the_document_too() {
        let mut daemon = Scripted::default().reply((-1, 0, "no such option"), &[]);
        let said = daemon.run("volume get v k --xml");
        assert!(said.out.contains("<output>volume get option: failed: no such option</output>"), "{said:?}");
        assert_eq!(said.code, 1);
    }

    #[test]
    fn reset_tells_the_daemons_own_text() {
        let mut daemon = Scripted::default().reply((0, 0, "some were kept"), &[]);
        assert_eq!(daemon.run("volume reset v").out, "volume reset: success: some were kept\n");
        assert_eq!(daemon.asked[0].1.str("key"), Some("all"));
    }
}
