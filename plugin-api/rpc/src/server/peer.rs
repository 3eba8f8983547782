//! The other end of a connection that is served.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use abi_stable::std_types::{RResult, RString, RVec};
use gluster_xdr::rpc::{self, Caller, Status, put_call};
use gluster_xdr::{Writer, Xdr};
use plugin_api::transport::{Connection, ConnectionInfo, HandlerImpl, Message};
use plugin_api::{Errno, IoBuf, log};

use crate::client::SEND_HIGH_WATER;

use super::service::{is_unprivileged, refused, unwrap};
use super::{Reply, Service};

/// A connection of a [`Service`].
pub struct Peer {
    id: u64,
    name: String,
    is_unix: bool,
    is_unprivileged: bool,
    connection: Connection,
    service: Service,
    next_callback: AtomicU32,
    attached: RwLock<Vec<Arc<dyn Any + Send + Sync>>>,
    work: Mutex<Work>,
}

/// What waits on a connection.
#[derive(Default)]
struct Work {
    /// Calls started and not answered, but for those that may wait for others.
    outstanding: usize,
    /// Records that were read before the connection could be paused; no more than one batch.
    backlog: VecDeque<IoBuf>,
    /// Replies that the transport had no room for; no more than calls that may be outstanding.
    stalled: VecDeque<Message>,
    paused: bool,
    /// A thread is working on the backlog.
    draining: bool,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Peer({} {})", self.id, self.name)
    }
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Peer {
    pub(super) fn new(connection: Connection, service: Service) -> Self {
        let info = connection.info();
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            is_unprivileged: !info.is_unix && is_unprivileged(&info.peer),
            name: info.peer.into(),
            is_unix: info.is_unix,
            connection,
            service,
            next_callback: AtomicU32::new(1),
            attached: RwLock::default(),
            work: Mutex::default(),
        }
    }

    /// A number that no other connection of this process has or had.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// `host:port`, or the path of a unix socket.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it came over a unix socket, so from this machine.
    #[must_use]
    pub fn is_unix(&self) -> bool {
        self.is_unix
    }

    /// Whether it speaks from a port of 1024 or above.
    #[must_use]
    pub fn is_unprivileged(&self) -> bool {
        self.is_unprivileged
    }

    /// Addresses and byte counts.
    #[must_use]
    pub fn info(&self) -> ConnectionInfo {
        self.connection.info()
    }

    /// How many calls are under way, but for those that may wait for others.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.work().outstanding
    }

    /// Keeps a program's own data for this connection, in the place of data of the same type.
    pub fn attach<T: Any + Send + Sync>(&self, data: Arc<T>) {
        let mut attached = self.attached.write().unwrap_or_else(PoisonError::into_inner);
        attached.retain(|other| !(**other).is::<T>());
        attached.push(data);
    }

    /// The data of this type that was attached.
    #[must_use]
    pub fn attached<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let attached = self.attached.read().unwrap_or_else(PoisonError::into_inner);
        attached.iter().find_map(|data| data.clone().downcast().ok())
    }

    /// Takes the data of this type away.
    pub fn detach<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let mut attached = self.attached.write().unwrap_or_else(PoisonError::into_inner);
        let at = attached.iter().position(|data| (**data).is::<T>())?;
        attached.swap_remove(at).downcast().ok()
    }

    /// Calls the client back; nobody answers.
    ///
    /// # Errors
    /// What the transport says: `ENOTCONN`, or `ENOBUFS` when the client does not read.
    pub fn call_back<T: Xdr>(
        &self,
        program: gluster_xdr::Program,
        procedure: u32,
        args: &T,
    ) -> Result<(), Errno> {
        let mut w = Writer::default();
        put_call(
            &mut w,
            self.next_callback.fetch_add(1, Ordering::Relaxed),
            program,
            procedure,
            Caller::None,
        );
        args.put(&mut w);
        self.connection.send(w.into_bytes().into()).into_result().map_err(Errno::from_raw)
    }

    /// Ends the connection.
    pub fn close(&self) {
        self.connection.close();
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts one call; a record that is none is answered as the incumbent does.
    fn start(self: &Arc<Self>, record: &IoBuf) {
        let call = match rpc::Message::decode(record) {
            Ok(rpc::Message::Call(call)) => call,
            // Callbacks are not answered, so a reply answers nothing.
            Ok(rpc::Message::Reply(_)) => return,
            Err(e) => {
                log!(Warn, "record is no call", peer = self.name, why = e);
                return self.send(rpc::encode_garbage().into());
            }
        };
        match self.service.route(&call, self) {
            Ok((program, identity)) => {
                let counts = !program.may_wait(call.procedure);
                self.work().outstanding += usize::from(counts);
                let answered = Answered { peer: self.clone(), xid: call.xid, counts, reply: None };
                program.run(unwrap(call, identity, self.clone()), answered);
            }
            Err(status) => {
                log!(Debug, "call refused", peer = self.name, program = call.program, status = status);
                if let Reply(Some(message)) = refused(call.xid, status) {
                    self.send(message);
                }
            }
        }
    }

    fn send(&self, message: Message) {
        let mut work = self.work();
        if !work.stalled.is_empty() {
            return work.stalled.push_back(message);
        }
        drop(work);
        match self.connection.send(message.clone()) {
            RResult::RErr(errno) if errno == Errno::ENOBUFS.raw() => self.work().stalled.push_back(message),
            // After the end nobody waits for an answer.
            _ => {}
        }
    }

    /// Whether another call may be started.
    fn has_room(&self, work: &Work) -> bool {
        let limit = self.service.limits().outstanding;
        (limit == 0 || work.outstanding < limit)
            && work.stalled.is_empty()
            && self.connection.queued() < SEND_HIGH_WATER
    }

    /// Starts what was read, as far as there is room; one thread at a time, so that calls start in order.
    fn drain(self: &Arc<Self>) {
        {
            let mut work = self.work();
            if std::mem::replace(&mut work.draining, true) {
                return;
            }
        }
        loop {
            let mut work = self.work();
            let has_room = self.has_room(&work);
            let next = if has_room { work.backlog.pop_front() } else { None };
            let Some(record) = next else {
                // Under the lock: who makes room from now on sees that nobody drains, and does.
                work.draining = false;
                if std::mem::replace(&mut work.paused, !has_room) == has_room {
                    self.connection.pause(!has_room);
                }
                return;
            };
            drop(work);
            self.start(&record);
        }
    }

    /// Sends what had no room; answers whether all of it went.
    fn send_stalled(&self) -> bool {
        loop {
            let mut work = self.work();
            let Some(message) = work.stalled.front().cloned() else { return true };
            match self.connection.send(message) {
                RResult::RErr(errno) if errno == Errno::ENOBUFS.raw() => return false,
                _ => drop(work.stalled.pop_front()),
            }
        }
    }
}

/// Takes the records of a connection for its peer.
pub(super) struct Serve(pub(super) Arc<Peer>);

impl HandlerImpl for Serve {
    fn received(&self, _connection: &Connection, records: RVec<IoBuf>) {
        self.0.work().backlog.extend(records);
        self.0.drain();
    }

    fn drained(&self, _connection: &Connection) {
        if self.0.send_stalled() {
            self.0.drain();
        }
    }

    fn closed(&self, _connection: &Connection, reason: RString) {
        log!(Debug, "connection closed", peer = self.0.name, reason = reason);
        {
            let mut work = self.0.work();
            work.backlog.clear();
            work.stalled.clear();
        }
        self.0.service.forget(&self.0);
    }
}

/// Sends the reply when the call is over; a call that ends without one (it panicked) gets a system error.
pub(super) struct Answered {
    peer: Arc<Peer>,
    xid: u32,
    counts: bool,
    reply: Option<Reply>,
}

impl Answered {
    pub(super) fn with(&mut self, reply: Reply) {
        self.reply = Some(reply);
    }
}

impl Drop for Answered {
    fn drop(&mut self) {
        let reply = self.reply.take().unwrap_or_else(|| refused(self.xid, Status::SystemErr));
        if let Reply(Some(message)) = reply {
            self.peer.send(message);
        }
        let has_to_go_on = {
            let mut work = self.peer.work();
            work.outstanding -= usize::from(self.counts);
            work.paused && !work.draining
        };
        if has_to_go_on {
            self.peer.drain();
        }
    }
}
