//! `system:: uuid get`.

use crate::daemon::AskError;
use crate::said::Said;
use crate::words::Session;
use crate::xml::{document, element};
use gluster_xdr::cli::CliProc;
use plugin_api::Dict;

/// `system:: uuid get`.
pub(crate) fn uuid(session: &mut Session<'_>, rest: &[&str]) -> Result<Said, AskError> {
    if !rest.is_empty() {
        return Ok(Said::usage("", "system:: uuid get"));
    }
    let reply = session.daemon.ask(CliProc::UuidGet, session.with_command(Dict::new()))?;
    let uuid = reply.dict.str("uuid").unwrap_or_default();
    Ok(if session.options.xml {
        let body = element("uuidGenerate").leaf("uuid", uuid);
        Said::out(document(reply.op_ret, reply.op_errno, &reply.op_errstr, vec![body]))
    } else if reply.op_ret == 0 {
        Said::out(format!("UUID: {uuid}\n"))
    } else {
        Said::refused(format!("{}\n", reply.op_errstr))
    })
}
