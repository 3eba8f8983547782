//! The file operation program: each call becomes a fop, each answer a reply.

mod data;
mod dir;
mod entry;
mod inode;
mod lock;
mod procedure;
mod response;
mod xattr;

use std::future::{Future, ready};
use std::sync::Arc;

use gluster_rpc::{Call, Program, Reply};
use gluster_xdr::fop::{CommonRsp, FOP, Proc};
use gluster_xdr::rpc::Status;
use plugin_api::IoBuf;
use plugin_api::rt::BoxFuture;

use self::procedure::serve;
use crate::session::Session;

/// Serves the fops of clients that are in.
#[derive(Debug)]
pub(crate) struct FopProgram;

impl Program for FopProgram {
    fn program(&self) -> gluster_xdr::Program {
        FOP
    }

    fn call(&self, mut call: Call) -> impl Future<Output = Reply> + Send {
        let Some(procedure) = Proc::from_number(call.procedure) else {
            return at_once(call.no_such_procedure());
        };
        // What the incumbent answers to strangers.
        let Some(session) = call.peer.attached::<Session>() else {
            return at_once(call.refuse(Status::GarbageArgs));
        };
        if !lock::is_lock(procedure) {
            return self.start(procedure, session, call);
        }
        // What waits for long keeps only its own bytes, not the buffer that it was read into with others.
        call.args = IoBuf::copy_from_slice(&call.args);
        call.identity.lk_owner = call.identity.lk_owner.detached();
        match session.locks.enter() {
            Some(waiting) => waiting.until(self.start(procedure, session, call)),
            None => at_once(lock::too_many(procedure, &call)),
        }
    }

    fn may_wait(&self, procedure: u32) -> bool {
        Proc::from_number(procedure).is_some_and(lock::is_lock)
    }
}

fn at_once(reply: Reply) -> BoxFuture<Reply> {
    Box::pin(ready(reply))
}

/// Starts the procedure of the same name: one allocation, as large as this procedure needs.
macro_rules! start {
    ($session:expr, $call:expr, $procedure:expr;
        $([$family:ident] $($name:ident)*,)* else { $($other:pat => $answer:expr,)* }) => {
        match $procedure {
            $($(Proc::$name => Box::pin(serve::<$family::$name>($session, $call)),)*)*
            $($other => $answer,)*
        }
    };
}

impl FopProgram {
    fn start(&self, procedure: Proc, session: Arc<Session>, call: Call) -> BoxFuture<Reply> {
        start! { session, call, procedure;
            [entry] Lookup Mknod Mkdir Unlink Rmdir Symlink Rename Link Create Icreate Namelink,
            [inode] Stat Fstat Setattr Fsetattr Access Readlink Statfs Truncate Ipc,
            [data] Open Read Write Flush Fsync Ftruncate Rchecksum Fallocate Discard Zerofill Seek CopyFileRange,
            [dir] Opendir Readdir Readdirp Fsyncdir,
            [xattr] Setxattr Fsetxattr Getxattr Fgetxattr Removexattr Fremovexattr Xattrop Fxattrop,
            [lock] Lk Inodelk Finodelk Entrylk Fentrylk Lease Getactivelk Setactivelk,
            else {
                Proc::Null => at_once(call.reply(&CommonRsp::default())),
                Proc::Release | Proc::Releasedir => at_once(data::release(&session, &call)),
                // The incumbent's bricks have no such procedures either.
                Proc::Compound | Proc::Put => at_once(call.no_such_procedure()),
            }
        }
    }
}
