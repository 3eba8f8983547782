//! `system::`: for programs, and for debugging.

use crate::command::Command;
use crate::facts::Facts;
use crate::said::Said;
use crate::session::{Head, Outcome, Session, Stop};
use crate::tree::element;
use gluster_xdr::cli::{
    CLI, CliProc, FsmLogReq, FsmLogRsp, GetwdReq, GetwdRsp, MountReq, MountRsp, UmountReq, UmountRsp,
};
use gluster_xdr::handshake::{GetspecReq, GetspecRsp, HANDSHAKE, HandshakeProc};
use plugin_api::{Dict, IoBuf};

/// All of them.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new(&[("system:: uuid get", "show the uuid of this node")], uuid),
    Command::new(&[("system:: uuid reset", "give this node another uuid")], uuid_reset),
    Command::new(&[("system:: getwd", "show where the daemon keeps its state")], getwd),
    Command::new(&[("system:: getspec <VOLNAME>", "show the volfile of a volume's clients")], getspec),
    Command::new(&[("system:: fsm log [<peer-name>]", "show what became of a peer, step by step")], fsm_log),
    Command::new(&[("system:: mount <label> <args...>", "mount a volume as the daemon's labels say")], mount),
    Command::new(&[("system:: umount <path> [lazy]", "take such a mount away")], umount),
];

/// The op-versions that a client of ours understands, as a volfile is asked for.
const OP_VERSIONS: [&str; 2] = ["1", "100000"];

fn uuid(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    if !rest.is_empty() {
        return Err(Stop::misfit());
    }
    let reply = session.ask(CliProc::UuidGet, Dict::new())?;
    let uuid = reply.dict.str("uuid").unwrap_or_default();
    Ok(if session.wants_document() {
        session.document(Head::of(&reply), [element("uuidGenerate").leaf("uuid", uuid)])
    } else if reply.op_ret == 0 {
        Said::out(format!("UUID: {uuid}\n"))
    } else {
        Said::refused(format!("{}\n", reply.op_errstr))
    })
}

fn uuid_reset(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    if !rest.is_empty() {
        return Err(Stop::misfit());
    }
    if !session.agrees("Resetting uuid changes the uuid of local glusterd. Do you want to continue?") {
        return Ok(Said::default());
    }
    let reply = session.ask(CliProc::UuidReset, Dict::new())?;
    Ok(match (session.wants_document(), reply.op_ret) {
        (true, _) => session.document(Head::of(&reply), [element("uuidReset")]),
        (false, 0) => Said::out("resetting the peer uuid has been successful\n"),
        (false, _) => Said::refused(format!("{}\n", reply.op_errstr)),
    })
}

fn getwd(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    if !rest.is_empty() {
        return Err(Stop::misfit());
    }
    let reply: GetwdRsp = session.daemon.typed(CLI, CliProc::Getwd.number(), &GetwdReq { unused: 0 })?;
    Ok(match reply.op_ret {
        0 => Said::out(format!("{}\n", reply.wd)),
        _ => Said::default().with_code(1),
    })
}

fn getspec(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let [name] = *rest else { return Err(Stop::misfit()) };
    let [least, most] = OP_VERSIONS;
    let xdata = Dict::new().with("min-op-version", least).with("max-op-version", most);
    let request = GetspecReq { flags: 0, key: IoBuf::from(name.to_owned()), xdata };
    let reply: GetspecRsp = session.daemon.typed(HANDSHAKE, HandshakeProc::Getspec.number(), &request)?;
    Ok(match reply.op_ret {
        0.. => Said::out(format!("{}\n", String::from_utf8_lossy(&reply.spec))),
        _ => Said::default().with_code(1),
    })
}

fn fsm_log(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let name = match *rest {
        [] => "",
        [name] => name,
        _ => return Err(Stop::misfit()),
    };
    let request = FsmLogReq { name: IoBuf::from(name.to_owned()) };
    let reply: FsmLogRsp = session.daemon.typed(CLI, CliProc::FsmLog.number(), &request)?;
    if reply.op_ret != 0 {
        let why = if reply.op_errstr.is_empty() { String::new() } else { reply.op_errstr + "\n" };
        return Ok(Said::refused(why + "fsm log unsuccessful\n"));
    }
    let facts = Facts::of(&reply.fsm_log);
    let step = |number: i64| {
        let step = facts.below(format_args!("log{number}-"));
        let [old, event, new, time] = ["old-state", "event", "new-state", "time"].map(|key| step.str(key));
        format!("Old State: [{old}]\nNew State: [{new}]\nEvent    : [{event}]\ntimestamp: [{time}]\n\n")
    };
    let steps: String = (0..facts.count("count")).map(step).collect();
    Ok(if steps.is_empty() { Said::note("No transitions\n") } else { Said::out(steps) })
}

fn mount(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let [label, ref words @ ..] = *rest else { return Err(Stop::misfit()) };
    let mut dict = Dict::new();
    for (number, word) in words.iter().enumerate() {
        dict.set(number.to_string(), *word);
    }
    let request = MountReq { label: IoBuf::from(label.to_owned()), dict };
    let reply: MountRsp = session.daemon.typed(CLI, CliProc::Mount.number(), &request)?;
    Ok(match reply.op_ret {
        0 => Said::out(format!("{}\n", String::from_utf8_lossy(&reply.path))),
        _ => {
            let number = reply.op_errno;
            let why = std::io::Error::from_raw_os_error(number).to_string();
            let why = why.split(" (os error").next().unwrap_or_default();
            Said::refused(format!("{number} : failed with this errno ({why})\n"))
        }
    })
}

fn umount(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let (path, lazy) = match *rest {
        [path] => (path, 0),
        [path, "lazy"] => (path, 1),
        _ => return Err(Stop::misfit()),
    };
    let request = UmountReq { lazy, path: IoBuf::from(path.to_owned()) };
    let reply: UmountRsp = session.daemon.typed(CLI, CliProc::Umount.number(), &request)?;
    Ok(if reply.op_ret == 0 { Said::default() } else { Said::refused("umount failed\n") })
}
