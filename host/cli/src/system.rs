//! `system::`.

use crate::command::Command;
use crate::said::Said;
use crate::session::{Head, Outcome, Session, Stop};
use crate::tree::element;
use gluster_xdr::cli::CliProc;
use plugin_api::Dict;

/// All of them.
pub(crate) const COMMANDS: &[Command] =
    &[Command::new(&[("system:: uuid get", "show the uuid of this node")], uuid)];

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
