//! `get-state`: the daemon writes down all that it knows.

use crate::command::Command;
use crate::said::Said;
use crate::session::{Outcome, Session, Stop};
use gluster_xdr::cli::CliProc;
use plugin_api::Dict;

/// All of them.
pub(crate) const COMMANDS: &[Command] = &[Command::new(
    &[(
        "get-state [<daemon>] [[odir </path/to/output/dir/>] [file <filename>]] [detail|volumeoptions]",
        "have the daemon write all that it knows into a file",
    )],
    get_state,
)];

fn get_state(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let (words, which) = match *rest {
        [ref words @ .., "detail"] => (words, Some(1)),
        [ref words @ .., "volumeoptions"] => (words, Some(2)),
        ref words => (words, None),
    };
    let words = match *words {
        [] | ["odir" | "file", ..] => words,
        ["glusterd", ..] => &words[1..],
        _ => return Err(Stop::usage("glusterd is the only supported daemon.")),
    };
    let (folder, file) = match *words {
        [] => (None, None),
        ["odir", folder] => (Some(folder), None),
        ["file", file] => (None, Some(file)),
        ["odir", folder, "file", file] | ["file", file, "odir", folder] => (Some(folder), Some(file)),
        _ => return Err(Stop::misfit()),
    };
    let mut request = Dict::new().with("daemon", "glusterd");
    if let Some(folder) = folder {
        request.set("odir", folder);
    }
    if let Some(file) = file {
        request.set("filename", file);
    }
    if let Some(which) = which {
        request.set("getstate-cmd", which);
    }
    let reply = session.ask(CliProc::GetState, request)?;
    Ok(match (reply.op_ret, reply.op_errstr.as_str()) {
        (0, _) => {
            let [daemon, path] = ["daemon", "ofilepath"].map(|key| reply.dict.str(key).unwrap_or_default());
            Said::out(format!("{daemon} state dumped to {path}\n"))
        }
        (_, "") => Said::refused("Failed to get daemon state. Check glusterd log file for more details\n"),
        (_, why) => Said::refused(format!("Failed to get daemon state: {why}\n")),
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::Scripted;

    #[test]
    fn the_words_say_where_and_how_much() {
        for (words, folder, file, which) in [
            ("", None, None, None),
            ("glusterd detail", None, None, Some(1)),
            ("odir /d file f", Some("/d"), Some("f"), None),
            ("file f volumeoptions", None, Some("f"), Some(2)),
        ] {
            let mut daemon =
                Scripted::default().reply((0, 0, ""), &[("daemon", "glusterd"), ("ofilepath", "/d/f")]);
            let said = daemon.run(format!("get-state {words}").trim());
            assert_eq!(said.out, "glusterd state dumped to /d/f\n");
            let asked = &daemon.asked[0].1;
            assert_eq!(
                (asked.str("odir"), asked.str("filename"), asked.int("getstate-cmd")),
                (folder, file, which),
                "{words}"
            );
        }
    }

    #[test]
    fn there_is_one_daemon() {
        let said = Scripted::default().run("get-state nfs detail");
        assert!(said.err.starts_with("glusterd is the only supported daemon.\n"), "{said:?}");
    }
}
