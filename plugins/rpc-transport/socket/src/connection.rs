//! One connection: a task that reads and hands over, and a queue that anybody may send through.

use std::io::{self, IoSlice, Read as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use abi_stable::std_types::{RResult, RString, RVec};
use plugin_api::rt::{self, Ready, Watched};
use plugin_api::transport::{Connection, ConnectionImpl, ConnectionInfo, Handler, Message};
use plugin_api::turn::{self, TurnEnd};
use plugin_api::{Errno, IoBuf, log};
use socket2::Socket;

use crate::options::{Family, Options};
use crate::receive::{Read, Receiver};
use crate::send::{LIMIT, Queue, Written};

/// Reads in a row before other tasks of the thread get their turn.
const MOST_READS: usize = 32;

/// What is gathered during a turn before it leaves anyway.
const MOST_GATHERED: usize = 256 << 10;

/// A connection.
#[derive(Debug)]
pub(crate) struct Link {
    this: Weak<Self>,
    socket: Watched<Socket>,
    peer: String,
    local: String,
    is_unix: bool,
    log_read_failures: bool,
    bytes_read: AtomicU64,
    bytes_written: AtomicU64,
    closed: AtomicBool,
    paused: AtomicBool,
    out: Mutex<Out>,
    task: Mutex<Option<Waker>>,
}

/// What is on its way out.
#[derive(Debug, Default)]
struct Out {
    queue: Queue,
    /// A thread writes; others leave their messages to it.
    writing: bool,
    /// The socket is full; the task goes on when it is not.
    blocked: bool,
    /// More than half of the limit waits.
    high: bool,
    /// It has gone down again, and the handler has not heard.
    tell_drained: bool,
    /// Bytes in the hands of the thread that writes.
    in_flight: usize,
}

impl Out {
    fn bytes(&self) -> usize {
        self.queue.bytes + self.in_flight
    }
}

impl Link {
    /// Takes a connected, non-blocking socket.
    pub(crate) fn new(socket: Watched<Socket>, peer: String, local: String, options: &Options) -> Arc<Self> {
        tune(socket.get_ref(), options);
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            socket,
            peer,
            local,
            is_unix: options.family == Family::Unix,
            log_read_failures: options.log_read_failures,
            bytes_read: AtomicU64::new(0),
            bytes_written: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            out: Mutex::default(),
            task: Mutex::default(),
        })
    }

    /// Runs the connection until its end, on the event pool.
    pub(crate) fn start(self: Arc<Self>, handler: Handler) {
        let connection = self.clone().share();
        rt::spawn(async move {
            let mut reader = Reader { receiver: Receiver::new(), records: Vec::new() };
            let reason = std::future::poll_fn(|cx| self.turn(cx, &mut reader, &handler, &connection)).await;
            self.closed.store(true, Ordering::Release);
            if self.log_read_failures {
                log!(Debug, "connection ended", peer = self.peer, reason = reason);
            }
            handler.closed(&connection, reason.into());
        });
    }

    fn out(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        let waker = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// One turn of the task; the answer is why the connection is over.
    fn turn(
        &self,
        cx: &mut Context<'_>,
        reader: &mut Reader,
        handler: &Handler,
        connection: &Connection,
    ) -> Poll<String> {
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        for _ in 0..MOST_READS {
            if self.closed.load(Ordering::Acquire) {
                return Poll::Ready("closed here".into());
            }
            if let Poll::Ready(Err(e)) = self.poll_unblock(cx) {
                return Poll::Ready(format!("write failed: {e}"));
            }
            if std::mem::take(&mut self.out().tell_drained) {
                handler.drained(connection);
                continue;
            }
            if self.paused.load(Ordering::Acquire) {
                return Poll::Pending;
            }
            let polled = self.poll_read(cx, reader);
            if !reader.records.is_empty() {
                let records: RVec<IoBuf> = std::mem::take(&mut reader.records).into();
                handler.received(connection, records);
                self.flush();
            }
            match polled {
                Poll::Ready(Ok(Read::End)) => {
                    let when = if reader.receiver.is_mid_record() { " within a record" } else { "" };
                    return Poll::Ready(format!("the peer closed{when}"));
                }
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(e)) => return Poll::Ready(format!("read failed: {e}")),
                // Readiness is asked for; look once more whether the handler's turn left something to do.
                Poll::Pending if self.has_work() => {}
                Poll::Pending => return Poll::Pending,
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn has_work(&self) -> bool {
        self.closed.load(Ordering::Acquire) || self.out().tell_drained
    }

    /// Reads once. A read that empties the socket says "would block" although it brought something, so that the host
    /// waits for the next arrival without another system call.
    fn poll_read(&self, cx: &mut Context<'_>, reader: &mut Reader) -> Poll<io::Result<Read>> {
        self.socket.poll_io(cx, Ready::Read, |socket| {
            let mut socket = socket;
            let read = reader.receiver.read(|slices| socket.read_vectored(slices), &mut reader.records);
            match read {
                Ok(Read::Short(count)) => {
                    self.count_read(count);
                    Err(io::ErrorKind::WouldBlock.into())
                }
                Ok(Read::Full(count)) => {
                    self.count_read(count);
                    Ok(Read::Full(count))
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(Read::Full(0)),
                other => other,
            }
        })
    }

    fn count_read(&self, count: usize) {
        self.bytes_read.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Goes on sending once the socket takes bytes again.
    fn poll_unblock(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.out().blocked {
            let polled = self.socket.poll_io(cx, Ready::Write, |_| match self.write_queue(true) {
                Some(Written::Blocked) => Err(io::ErrorKind::WouldBlock.into()),
                Some(Written::Broken(e)) => Err(e),
                Some(Written::All) | None => Ok(()),
            });
            match polled {
                Poll::Ready(Ok(())) => {}
                other => return other,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Sends what waits, unless somebody is at it or the socket is full.
    fn flush(&self) {
        match self.write_queue(false) {
            // The task waits for the socket, or finds out what broke when it reads.
            Some(Written::Blocked) => self.wake(),
            Some(Written::Broken(e)) => {
                log!(Debug, "write failed", peer = self.peer, why = e);
                self.close();
            }
            Some(Written::All) | None => {}
        }
        if self.out().tell_drained {
            self.wake();
        }
    }

    /// Writes the queue out; `None` when another thread does, or nothing waits. Only the task goes on while `blocked`.
    fn write_queue(&self, unblock: bool) -> Option<Written> {
        loop {
            let mut taken = {
                let mut out = self.out();
                if out.writing || (out.blocked && !unblock) {
                    return None;
                }
                if out.queue.is_empty() {
                    out.blocked = false;
                    return None;
                }
                out.writing = true;
                let taken = std::mem::take(&mut out.queue);
                out.in_flight = taken.bytes;
                taken
            };
            let (count, written) = taken.write(|slices| send(self.socket.get_ref(), slices));
            self.bytes_written.fetch_add(count as u64, Ordering::Relaxed);
            let mut out = self.out();
            out.writing = false;
            out.in_flight = 0;
            out.queue.put_back(taken);
            out.blocked = matches!(written, Written::Blocked);
            if out.high && out.bytes() < LIMIT / 2 {
                out.high = false;
                out.tell_drained = true;
            }
            if !matches!(written, Written::All) || out.queue.is_empty() {
                return Some(written);
            }
        }
    }
}

struct Reader {
    receiver: Receiver,
    records: Vec<IoBuf>,
}

impl TurnEnd for Link {
    fn turn_ended(&self) {
        self.flush();
    }
}

impl ConnectionImpl for Link {
    fn send(&self, message: Message) -> RResult<(), i32> {
        if self.closed.load(Ordering::Acquire) {
            return RResult::RErr(Errno::ENOTCONN.raw());
        }
        {
            let mut out = self.out();
            if out.bytes() >= LIMIT {
                return RResult::RErr(Errno::ENOBUFS.raw());
            }
            if !out.queue.push(message) {
                return RResult::RErr(libc::EMSGSIZE);
            }
            out.high |= out.bytes() >= LIMIT / 2;
            if out.bytes() >= MOST_GATHERED {
                drop(out);
                self.flush();
                return RResult::ROk(());
            }
        }
        // What a task sends during one turn leaves in one write.
        if !self.this.upgrade().is_some_and(|this| turn::at_end(&this)) {
            self.flush();
        }
        RResult::ROk(())
    }

    fn queued(&self) -> usize {
        self.out().bytes()
    }

    fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::Release);
        if !paused {
            self.wake();
        }
    }

    fn close(&self) {
        if !self.closed.swap(true, Ordering::AcqRel) {
            // A peer that is gone already is no fault.
            let _ = self.socket.get_ref().shutdown(std::net::Shutdown::Both);
            self.wake();
        }
    }

    fn info(&self) -> ConnectionInfo {
        ConnectionInfo {
            peer: RString::from(self.peer.as_str()),
            local: RString::from(self.local.as_str()),
            is_unix: self.is_unix,
            bytes_read: self.bytes_read.load(Ordering::Relaxed),
            bytes_written: self.bytes_written.load(Ordering::Relaxed),
            ..ConnectionInfo::default()
        }
    }
}

fn send(socket: &Socket, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    socket.send_vectored_with_flags(slices, libc::MSG_NOSIGNAL)
}

/// Sets what the options ask for; a kernel that refuses one goes on without it, as the incumbent does.
fn tune(socket: &Socket, options: &Options) {
    if options.window > 0 {
        let _ = socket.set_recv_buffer_size(options.window);
        let _ = socket.set_send_buffer_size(options.window);
    }
    if options.family == Family::Unix {
        return;
    }
    let _ = socket.set_tcp_nodelay(options.nodelay);
    if let Some(keepalive) = &options.keepalive {
        let params = socket2::TcpKeepalive::new()
            .with_time(keepalive.time)
            .with_interval(keepalive.interval)
            .with_retries(keepalive.count);
        let _ = socket.set_tcp_keepalive(&params);
    }
    if let Some(timeout) = options.user_timeout {
        let _ = socket.set_tcp_user_timeout(Some(timeout));
    }
}
