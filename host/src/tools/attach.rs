//! `gf_attach`: gives a brick process another brick, or takes one from it, over the socket on which the daemon gives its
//! orders.
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use gluster_xdr::brickop::{BRICK_OPS, BrickOpReq, BrickOpRsp, BrickProc};
use plugin_api::{Errno, IoBuf};

use super::call::call;
use super::{ToolError, print};

/// What `gf_attach` is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Where the process takes orders.
    pub socket: PathBuf,
    /// The volfile of the brick to attach, or the brick to detach.
    pub what: PathBuf,
    /// Whether it is taken away.
    pub detach: bool,
}

/// The order was not given, or not followed. The words are the incumbent's, but for a refusal, of which it says nothing.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// A file is not there.
    #[error("Unable to stat {} ({reason}).", path.display())]
    Stat {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// A file is of another kind.
    #[error("{}: Invalid {kind}.", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// What was expected.
        kind: &'static str,
    },
    /// The process does not answer.
    #[error("got error on RPC to {}: {source}", path.display())]
    Call {
        /// The socket.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The process answers that it does not.
    #[error("the process refuses: {}", why)]
    Refused {
        /// Its words.
        why: String,
    },
}

/// Gives the order, and says `OK` when it was followed.
/// # Errors
/// A path is not what it should be, nobody answers, or the process refuses.
pub(super) fn attach(ask: &Ask) -> Result<(), ToolError> {
    expect(&ask.socket, "socket file", |kind| kind.is_socket())?;
    match ask.detach {
        true => expect(&ask.what, "brick path", fs::FileType::is_dir)?,
        false => expect(&ask.what, "volfile", fs::FileType::is_file)?,
    }
    let order = if ask.detach { BrickProc::Terminate } else { BrickProc::Attach };
    let request = BrickOpReq {
        name: IoBuf::from(ask.what.as_os_str().as_bytes().to_vec()),
        op: i32::try_from(order.number()).unwrap_or_default(),
        ..BrickOpReq::default()
    };
    let answer: BrickOpRsp = call(&ask.socket, BRICK_OPS, order.number(), &request)
        .map_err(|source| AttachError::Call { path: ask.socket.clone(), source })?;
    if answer.op_ret != 0 {
        let errno = Errno::from_raw(answer.op_errno);
        let why = match answer.op_errstr.trim_end() {
            "" => errno.to_string(),
            words => format!("{words} ({errno})"),
        };
        return Err(AttachError::Refused { why }.into());
    }
    print("OK\n")
}

fn expect(
    path: &Path,
    kind: &'static str,
    is_kind: impl Fn(&fs::FileType) -> bool,
) -> Result<(), AttachError> {
    let stat = fs::symlink_metadata(path).map_err(|error| {
        let reason = Errno::from_raw(error.raw_os_error().unwrap_or(0)).to_string();
        AttachError::Stat { path: path.to_owned(), reason }
    })?;
    match is_kind(&stat.file_type()) {
        true => Ok(()),
        false => Err(AttachError::Kind { path: path.to_owned(), kind }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_another_kind_is_refused_in_the_incumbents_words() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("s");
        let ask = |what: &Path, detach| {
            let ask = Ask { socket: socket.clone(), what: what.to_owned(), detach };
            attach(&ask).unwrap_err().to_string()
        };
        let gone = ask(folder.path(), true);
        assert_eq!(gone, format!("Unable to stat {} (No such file or directory).", socket.display()));
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert_eq!(ask(&socket, true), format!("{}: Invalid brick path.", socket.display()));
        assert_eq!(ask(folder.path(), false), format!("{}: Invalid volfile.", folder.path().display()));
    }
}
