//! Requests on locks: those of records and of whole files are alike, but for their owners.

use std::sync::PoisonError;
use std::time::Duration;

use plugin_api::fop::{self, Flock, LockCmd, LockKind};
use plugin_api::{Dict, Errno, Fd, Identity, IoBuf, LkOwner, rt};

use crate::fs::{Answer, Call, Waiting};
use crate::wire::reply::{self, Reply};
use crate::wire::request::Fields;

/// The last byte of a lock that has no end.
const NO_END: u64 = 0x7fff_ffff_ffff_ffff;
/// A wait that was not there yet when it was to be ended is looked for again after this.
const AGAIN: Duration = Duration::from_millis(50);

/// What the kernel asks of a lock.
struct Wanted {
    fd: Fd,
    flock: Flock,
    identity: Identity,
}

fn wanted(call: &Call) -> Result<Wanted, Errno> {
    let mut fields = Fields::of(&call.body);
    let (handle, owner, start, end) = (fields.u64()?, fields.u64()?, fields.u64()?, fields.u64()?);
    let (kind, pid) = (fields.i32()?, fields.i32()?);
    let kind = match kind {
        libc::F_RDLCK => LockKind::Read,
        libc::F_WRLCK => LockKind::Write,
        libc::F_UNLCK => LockKind::Unlock,
        _ => return Err(Errno::EINVAL),
    };
    let len = match end {
        NO_END.. => 0,
        end => end.checked_sub(start).ok_or(Errno::EINVAL)? + 1,
    };
    let identity = call.identity(Some(owner));
    let owner = identity.lk_owner.clone();
    let flock = Flock { kind, whence: 0, start, len, pid, owner };
    let fd = call.fs.files.find(handle).or_else(|_| call.fs.folders.find(handle).map(|folder| folder.fd))?;
    Ok(Wanted { fd, flock, identity })
}

/// A lock of all bytes.
pub(crate) fn whole_file(kind: LockKind, owner: LkOwner) -> Flock {
    Flock { kind, owner, ..Flock::default() }
}

/// Who holds what is in the way.
pub(crate) async fn getlk(call: Call) -> Answer {
    let Wanted { fd, flock, identity } = wanted(&call)?;
    let frame = call.fs.frame(identity)?;
    let args = fop::Lk { fd, cmd: LockCmd::Get, flock, xdata: Dict::new() };
    let Flock { kind, start, len, pid, .. } = frame.child().lk(args).await?.flock;
    let mut fields = reply::Fields::new(24);
    fields.u64(start);
    fields.u64(if len == 0 { NO_END } else { start.saturating_add(len - 1) });
    fields.u32(kind as u32);
    fields.u32(u32::try_from(pid).unwrap_or(0));
    Ok(Reply::Fields(fields))
}

/// Has the kernel drop what it keeps of the file, before it hears of the lock: who held the lock until now may have
/// changed the file, and who has it is to see that.
async fn see_afresh(call: &Call) {
    call.fs.notices.told(call.header.node).await;
}

/// Takes a lock or gives it back, now or not at all.
pub(crate) async fn setlk(call: Call) -> Answer {
    let Wanted { fd, flock, identity } = wanted(&call)?;
    let frame = call.fs.frame(identity)?;
    let takes = flock.kind != LockKind::Unlock;
    frame.child().lk(fop::Lk { fd, cmd: LockCmd::Set, flock, xdata: Dict::new() }).await?;
    if takes {
        see_afresh(&call).await;
    }
    Ok(Reply::done())
}

/// Takes a lock as soon as it can be had.
pub(crate) async fn setlkw(call: Call) -> Answer {
    let Wanted { fd, flock, identity } = wanted(&call)?;
    let key = format!("glusterfs.intrlk.tposix.kblocked.0,{}-{}", flock.start, flock.len);
    let waiting = Waiting { fd: fd.clone(), identity: identity.clone(), key: IoBuf::from(key) };
    let _waits = Waits::new(&call, waiting);
    let frame = call.fs.frame(identity)?;
    frame.child().lk(fop::Lk { fd, cmd: LockCmd::SetWait, flock, xdata: Dict::new() }).await?;
    see_afresh(&call).await;
    Ok(Reply::done())
}

/// Somebody who waits, for as long as it waits.
struct Waits<'a>(&'a Call);

impl<'a> Waits<'a> {
    fn new(call: &'a Call, waiting: Waiting) -> Self {
        call.fs.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(call.header.unique, waiting);
        Self(call)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        let Call { fs, header, .. } = self.0;
        fs.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&header.unique);
    }
}

/// Who asked does not want to wait any more. All but waits for locks come to their end by themselves.
pub(crate) fn interrupt(call: &Call) {
    let Ok(unique) = Fields::of(&call.body).u64() else { return };
    let fs = call.fs.clone();
    let look = move || {
        let waiting = fs.waiting.lock().unwrap_or_else(PoisonError::into_inner).get(&unique).cloned();
        (waiting, fs.clone())
    };
    rt::run_inline(async move {
        // The wait may be on its way to where it can be ended.
        while let (Some(Waiting { fd, identity, key }), fs) = look() {
            let Ok(frame) = fs.frame(identity) else { return };
            let _ = frame.child().fgetxattr(fop::Fgetxattr { fd, name: key, xdata: Dict::new() }).await;
            rt::sleep(AGAIN).await;
        }
    });
}
