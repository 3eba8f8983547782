//! `volume start`, `stop`, `delete` and `list`.

use crate::daemon::AskError;
use crate::said::Said;
use crate::words::{Session, counted};
use crate::xml::{Element, document, element};
use gluster_xdr::cli::{CliProc, CliRsp};
use plugin_api::Dict;

/// `volume start NAME [force]`.
pub(crate) fn start(session: &mut Session<'_>, rest: &[&str]) -> Result<Said, AskError> {
    let Some((name, flags)) = name_and_force(rest) else {
        return Ok(Said::usage("", "volume start <VOLNAME> [force]"));
    };
    let request = session.with_command(Dict::new().with("volname", name).with("flags", flags));
    let reply = session.daemon.ask(CliProc::StartVolume, request)?;
    Ok(told(session, &reply, "volume start", name, "volStart", "success"))
}

/// `volume stop NAME [force]`.
pub(crate) fn stop(session: &mut Session<'_>, rest: &[&str]) -> Result<Said, AskError> {
    let Some((name, flags)) = name_and_force(rest) else {
        return Ok(Said::usage("", "volume stop <VOLNAME> [force]"));
    };
    if !session.person.agrees("Stopping volume will make its data inaccessible. Do you want to continue?") {
        return Ok(Said::default());
    }
    let request = session.with_command(Dict::new().with("volname", name).with("flags", flags));
    let reply = session.daemon.ask(CliProc::StopVolume, request)?;
    Ok(told(session, &reply, "volume stop", name, "volStop", "success"))
}

/// `volume delete NAME`.
pub(crate) fn delete(session: &mut Session<'_>, rest: &[&str]) -> Result<Said, AskError> {
    let &[name] = rest else {
        return Ok(Said::usage("", "volume delete <VOLNAME>"));
    };
    let question = "Deleting volume will erase all information about the volume. Do you want to continue?";
    if !session.person.agrees(question) {
        return Ok(Said::default());
    }
    let request = session.with_command(Dict::new().with("volname", name));
    let reply = session.daemon.ask(CliProc::DeleteVolume, request)?;
    Ok(told(session, &reply, "volume delete", name, "volDelete", "success"))
}

fn name_and_force<'a>(rest: &[&'a str]) -> Option<(&'a str, i32)> {
    match *rest {
        [name] => Some((name, 0)),
        [name, "force"] => Some((name, 1)),
        _ => None,
    }
}

/// The outcome of a command on one volume, in text or XML.
pub(crate) fn told(
    session: &Session<'_>,
    reply: &CliRsp,
    command: &str,
    name: &str,
    root: &str,
    good: &str,
) -> Said {
    if session.options.xml {
        let body = (reply.op_ret == 0).then(|| named(root, &reply.dict));
        Said::out(document(reply.op_ret, reply.op_errno, &reply.op_errstr, body.into_iter().collect()))
    } else if reply.op_ret == 0 {
        Said::out(format!("{command}: {name}: {good}\n"))
    } else if reply.op_errstr.is_empty() {
        Said::refused(format!("{command}: {name}: failed\n"))
    } else {
        Said::refused(format!("{command}: {name}: failed: {}\n", reply.op_errstr))
    }
}

/// The volume's name and id; `create` answers with the id under a key of its own.
fn named(root: &str, dict: &Dict) -> Element {
    let id = dict.str("vol-id").or(dict.str("volume-id")).unwrap_or_default();
    let volume = element("volume").leaf("name", dict.str("volname").unwrap_or_default()).leaf("id", id);
    element(root).child(volume)
}

/// `volume list`; further words are ignored, as the incumbent ignores them.
pub(crate) fn list(session: &mut Session<'_>) -> Result<Said, AskError> {
    let reply = session.daemon.ask(CliProc::ListVolume, Dict::new())?;
    let count = counted(&reply.dict, "count");
    let names: Vec<&str> = (0..count).filter_map(|n| reply.dict.str(&format!("volume{n}"))).collect();
    Ok(if session.options.xml {
        let volumes = names.iter().map(|name| element("volume").text(name));
        let body = element("volList").leaf("count", count).children(volumes);
        Said::out(document(reply.op_ret, reply.op_errno, &reply.op_errstr, vec![body]))
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
    use crate::words::tests::Scripted;
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
