//! Requests, by family: each takes its fields, winds fops, and makes the reply.

mod data;
mod dir;
mod entry;
mod inode;
mod lock;
mod xattr;

use std::future::Future;
use std::sync::Arc;

use plugin_api::{Errno, rt};

use crate::fs::{Answer, Call, Fs};
use crate::wire::opcode::*;
use crate::wire::reply::Reply;
use crate::wire::request::Header;

/// Serves one request: here as far as it goes without waiting, then as a task.
pub(crate) fn serve(call: Call) {
    match call.header.opcode {
        LOOKUP => run(call, entry::lookup),
        MKNOD => run(call, entry::mknod),
        MKDIR => run(call, entry::mkdir),
        SYMLINK => run(call, entry::symlink),
        LINK => run(call, entry::link),
        CREATE => run(call, entry::create),
        UNLINK => run(call, entry::unlink),
        RMDIR => run(call, entry::rmdir),
        RENAME => run(call, entry::rename),
        GETATTR => run(call, inode::getattr),
        SETATTR => run(call, inode::setattr),
        READLINK => run(call, inode::readlink),
        ACCESS => run(call, inode::access),
        STATFS => run(call, inode::statfs),
        OPEN => run(call, data::open),
        READ => run(call, data::read),
        WRITE => run(call, data::write),
        FLUSH => run(call, data::flush),
        FSYNC => run(call, data::fsync),
        FALLOCATE => run(call, data::fallocate),
        LSEEK => run(call, data::lseek),
        COPY_FILE_RANGE => run(call, data::copy_file_range),
        RELEASE => run(call, data::release),
        OPENDIR => run(call, dir::opendir),
        READDIR => run(call, dir::readdir),
        READDIRPLUS => run(call, dir::readdirplus),
        FSYNCDIR => run(call, dir::fsyncdir),
        RELEASEDIR => run(call, dir::releasedir),
        SETXATTR => run(call, xattr::setxattr),
        GETXATTR => run(call, xattr::getxattr),
        LISTXATTR => run(call, xattr::listxattr),
        REMOVEXATTR => run(call, xattr::removexattr),
        GETLK => run(call, lock::getlk),
        SETLK => run(call, lock::setlk),
        SETLKW => run(call, lock::setlkw),
        // The kernel waits for no answer to these three.
        FORGET => drop(inode::forget(&call)),
        BATCH_FORGET => drop(inode::batch_forget(&call)),
        INTERRUPT => lock::interrupt(&call),
        DESTROY => call.fs.reply(call.header.unique, Ok(Reply::done())),
        // The kernel asks once, and then does without.
        _ => call.fs.reply(call.header.unique, Err(Errno::ENOSYS.into())),
    }
}

/// Whether a request may change names or attributes.
fn is_change(opcode: u32) -> bool {
    let names = matches!(opcode, MKNOD | MKDIR | SYMLINK | LINK | CREATE | UNLINK | RMDIR | RENAME);
    names || matches!(opcode, SETATTR | WRITE | FALLOCATE | COPY_FILE_RANGE | SETXATTR | REMOVEXATTR)
}

fn run<F>(call: Call, op: impl FnOnce(Call) -> F)
where
    F: Future<Output = Answer> + Send + 'static,
{
    let Header { opcode, unique, .. } = call.header;
    let changes = is_change(opcode);
    if changes {
        call.fs.changed();
    }
    let pending = Pending { fs: call.fs.clone(), unique, changes, answered: false };
    let op = op(call);
    rt::run_inline(async move {
        let mut pending = pending;
        pending.answer(op.await);
    });
}

/// A request that the kernel waits for; when nothing else answers it, it failed.
struct Pending {
    fs: Arc<Fs>,
    unique: u64,
    /// Whether it changes what listings show.
    changes: bool,
    answered: bool,
}

impl Pending {
    fn answer(&mut self, answer: Answer) {
        self.answered = true;
        if self.changes {
            self.fs.changed();
        }
        self.fs.reply(self.unique, answer);
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.answered {
            self.answer(Err(Errno::EIO.into()));
        }
    }
}
