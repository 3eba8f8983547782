//! `volume start`, `stop`, `delete` and `list`.

use crate::command::Command;
use crate::daemon::Daemon;
use crate::facts::Facts;
use crate::said::Said;
use crate::session::{Head, Outcome, Session, Stop};
use crate::tree::{Element, element};
use crate::verdict::Verdict;
use gluster_xdr::cli::{CliProc, CliRsp};
use plugin_api::Dict;

pub(super) const START: Command =
    Command::new(&[("volume start <VOLNAME> [force]", "bring the bricks of a volume up")], start);

pub(super) const STOP: Command = Command::new(
    &[("volume stop <VOLNAME> [force]", "end the bricks of a volume: nobody reaches its files")],
    stop,
);

pub(super) const DELETE: Command = Command::new(
    &[("volume delete <VOLNAME>", "forget a volume that is stopped; the files stay on its bricks")],
    delete,
);

pub(super) const LIST: Command = Command::new(&[("volume list", "show the names of all volumes")], list);

fn start(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let (name, request) = name_and_flags(rest)?;
    let reply = session.ask(CliProc::StartVolume, request)?;
    Ok(told(session, &reply, "volume start", name, "volStart", ""))
}

fn stop(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let (name, request) = name_and_flags(rest)?;
    if !session.agrees("Stopping volume will make its data inaccessible. Do you want to continue?") {
        return Ok(Said::default());
    }
    let reply = session.ask(CliProc::StopVolume, request)?;
    Ok(told(session, &reply, "volume stop", name, "volStop", ""))
}

fn delete(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let &[name] = rest else { return Err(Stop::misfit()) };
    if !session
        .agrees("Deleting volume will erase all information about the volume. Do you want to continue?")
    {
        return Ok(Said::default());
    }
    let reply = session.ask(CliProc::DeleteVolume, Dict::new().with("volname", name))?;
    Ok(told(session, &reply, "volume delete", name, "volDelete", ""))
}

fn name_and_flags<'a>(rest: &[&'a str]) -> Result<(&'a str, Dict), Stop> {
    let (name, flags) = match *rest {
        [name] => (name, 0),
        [name, "force"] => (name, 1),
        _ => return Err(Stop::misfit()),
    };
    Ok((name, Dict::new().with("volname", name).with("flags", flags)))
}

/// The outcome of a command on one volume, in text or as a document.
pub(super) fn told(
    session: &Session<'_>,
    reply: &CliRsp,
    command: &str,
    name: &str,
    root: &str,
    good: &str,
) -> Said {
    if session.wants_document() {
        let body = (reply.op_ret == 0).then(|| named(root, &reply.dict));
        session.document(Head::of(reply), body)
    } else {
        Verdict { command: &format!("{command}: {name}"), good, bad: None }.text(reply)
    }
}

/// The volume's name and id; `create` answers with the id under a key of its own.
fn named(root: &str, dict: &Dict) -> Element {
    let id = dict.str("vol-id").or(dict.str("volume-id")).unwrap_or_default();
    let volume = element("volume").leaf("name", dict.str("volname").unwrap_or_default()).leaf("id", id);
    element(root).child(volume)
}

/// The names of all volumes, as far as the daemon tells.
pub(crate) fn names(daemon: &mut dyn Daemon) -> Vec<String> {
    let reply = daemon.ask(CliProc::ListVolume, Dict::new());
    reply.map(|reply| listed(&reply.dict)).unwrap_or_default()
}

fn listed(dict: &Dict) -> Vec<String> {
    let facts = Facts::of(dict);
    (0..facts.count("count")).filter_map(|n| facts.text(&format!("volume{n}")).map(str::to_owned)).collect()
}

/// Further words are ignored, as the incumbent ignores them.
fn list(session: &mut Session<'_>, _: &[&str]) -> Outcome {
    let reply = session.ask_plainly(CliProc::ListVolume, Dict::new())?;
    let names = listed(&reply.dict);
    Ok(if session.wants_document() {
        let volumes = names.iter().map(|name| element("volume").text(name));
        let body = element("volList").number("count", names.len()).list("volume", volumes);
        session.document(Head::of(&reply), [body])
    } else if reply.op_ret != 0 {
        Said::refused(format!("{}\n", reply.op_errstr))
    } else if names.is_empty() {
        Said::note("No volumes present in cluster\n")
    } else {
        Said::out(names.iter().map(|name| format!("{name}\n")).collect::<String>())
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::Scripted;
    use gluster_xdr::cli::CliProc;

    #[test]
    fn start_sends_the_name_the_flags_and_the_words() {
        let mut daemon = Scripted::default().reply((0, 0, ""), &[]);
        assert_eq!(daemon.run("volume start v force").out, "volume start: v: success\n");
        let (procedure, request) = &daemon.asked[0];
        assert_eq!(*procedure, CliProc::StartVolume);
        let keys: Vec<&str> = request.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["volname", "flags", "cmd-str"]);
        assert_eq!(request.int("flags"), Some(1));
        assert_eq!(request.str("cmd-str"), Some("volume start v force"));
    }

    #[test]
    fn a_refusal_goes_to_standard_error_with_exit_code_1() {
        let said =
            Scripted::default().reply((-1, 30800, "Volume r3 already started"), &[]).run("volume start r3");
        assert_eq!(
            (said.code, said.err.as_str()),
            (1, "volume start: r3: failed: Volume r3 already started\n")
        );
    }

    #[test]
    fn a_refusal_in_xml_is_a_document_with_exit_code_0() {
        let mut daemon =
            Scripted::default().reply((-1, 30800, "Volume r3 already started"), &[("volname", "r3")]);
        let said = daemon.run("volume start r3 --xml");
        assert!(
            said.out.ends_with("  <opErrstr>Volume r3 already started</opErrstr>\n</cliOutput>\n"),
            "{said:?}"
        );
        assert_eq!(said.code, 0);
    }

    #[test]
    fn volumes_are_listed_in_the_order_of_their_numbers() {
        let wire = [("count", "2"), ("volume1", "v0"), ("volume0", "a3")];
        assert_eq!(Scripted::default().reply((0, 0, ""), &wire).run("volume list").out, "a3\nv0\n");
        assert_eq!(
            Scripted::default().reply((0, 0, ""), &[("count", "0")]).run("volume list").err,
            "No volumes present in cluster\n"
        );
    }
}
