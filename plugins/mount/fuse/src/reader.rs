//! The threads that read requests. Each winds what it read itself; what has to wait goes on as a task.

use std::io::{self, IoSliceMut, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use plugin_api::{IoBuf, IoBufMut, log, rt};

use crate::fs::{Call, Fs};
use crate::ops;
use crate::wire::request::{HEADER, Header, WRITE_HEAD};
use crate::wire::{opcode, reply};

/// A WRITE of so many bytes keeps the buffer that it was read into; a smaller one is copied out.
const KEEPS_ITS_BUFFER: usize = 32 * 1024;

/// Starts the readers, and the thread that sends notices.
///
/// # Errors
/// The kernel refuses threads.
pub(crate) fn start(fs: &Arc<Fs>) -> io::Result<()> {
    let readers = fs.settings.readers;
    let left = Arc::new(AtomicUsize::new(readers));
    for number in 0..readers {
        let (fs, left) = (fs.clone(), left.clone());
        thread::Builder::new().name(format!("fuse-{number}")).spawn(move || {
            let why = read_all(&fs);
            if left.fetch_sub(1, Ordering::SeqCst) == 1 {
                over(&fs, why);
            }
        })?;
    }
    let fs = fs.clone();
    thread::Builder::new().name("fuse-notices".to_owned()).spawn(move || notify(&fs))?;
    Ok(())
}

/// Nobody reads any more: the mount is gone, and with it the reason to be here.
fn over(fs: &Fs, why: io::Error) {
    fs.notices.end();
    if fs.has_left() {
        return;
    }
    match why.raw_os_error() {
        Some(libc::ENODEV) => log!(Info, xl: fs.name, "unmounted", point = fs.settings.point.display()),
        _ => log!(Error, xl: fs.name, "requests cannot be read any more", why = why),
    }
    rt::stop(0);
}

fn notify(fs: &Fs) {
    while let Some(round) = fs.notices.next() {
        for node in &round.nodes {
            // A node that the kernel has forgotten meanwhile needs no notice.
            let _ = fs.send(&[&reply::invalid_node(*node)]);
        }
        if round.crowded {
            thin_out(fs);
        }
    }
}

/// Has the kernel forget nodes that nobody uses. One that is in use all the same stays, and is looked up again.
fn thin_out(fs: &Fs) {
    let nodes = fs.nodes.len();
    let names = fs.nodes.unused(fs.crowd.surplus(nodes));
    for (parent, name) in &names {
        let _ = fs.send(&[&reply::invalid_entry(*parent, name)]);
    }
    fs.crowd.was_swept(nodes, names.len());
}

/// Reads and serves until there is nothing to read from.
fn read_all(fs: &Arc<Fs>) -> io::Error {
    let largest = fs.mounted.largest;
    let mut head = [0; WRITE_HEAD];
    let mut rest = IoBufMut::with_len(largest);
    loop {
        let mut parts = [IoSliceMut::new(&mut head), IoSliceMut::new(&mut rest)];
        let len = match (&mut &fs.mounted.device).read_vectored(&mut parts) {
            Ok(len) => len,
            // ENOENT: the request was taken back while it was read.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINTR | libc::ENOENT | libc::EAGAIN)) => {
                continue;
            }
            Err(error) => return error,
        };
        let (first, beyond) = (len.min(WRITE_HEAD), len.saturating_sub(WRITE_HEAD));
        fs.traffic.read(&[&head[..first], &rest[..beyond]]);
        let Some(header) = Header::read(&head[..first]) else {
            return io::Error::new(io::ErrorKind::InvalidData, "a request is cut short");
        };
        let fixed = &head[HEADER..first];
        let (body, payload) = if header.opcode == opcode::WRITE {
            let payload = if beyond < KEEPS_ITS_BUFFER {
                IoBuf::copy_from_slice(&rest[..beyond])
            } else {
                std::mem::replace(&mut rest, IoBufMut::with_len(largest)).freeze(beyond)
            };
            (IoBuf::copy_from_slice(fixed), payload)
        } else {
            let mut body = Vec::with_capacity(fixed.len() + beyond);
            body.extend_from_slice(fixed);
            body.extend_from_slice(&rest[..beyond]);
            (IoBuf::from(body), IoBuf::new())
        };
        ops::serve(Call { fs: fs.clone(), header, body, payload });
    }
}
