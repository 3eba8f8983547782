//! Answers about a brick to the daemon that started it: the parts of `volume status` that only its process knows.
//!
//! An order names the brick (`brick-name`) and says with bits of `cmd` what it asks for; the answer has the keys that
//! GlusterFS 10's daemon and CLI read. What is not known is refused and never shown as nothing.

use std::sync::Arc;

use gluster_rpc::Peer;
use plugin_api::{Dict, Errno, Value, sys};

use crate::bricks::Brick;
use crate::server::Server;
use crate::session::Session;
use crate::tables::{Inodes, Row};

/// The `op` of the `ipc` fop with which the host passes an order on.
pub(crate) const ORDER: i32 = 13;
/// Inodes, and descriptors of one client, that are listed: their numbers are always whole, but a list that a daemon
/// and a CLI have to search pair by pair is not for a million.
const MOST_LISTED: usize = 2048;

/// What answers the bit of `cmd`.
type Part = fn(&Brick, &[Arc<Session>], &mut Dict);

/// What can be asked for, in the order in which it is looked for.
const PARTS: [(u64, Part); 6] =
    [(1, memory), (2, clients), (4, inodes), (8, descriptors), (16, calls), (128, kinds)];

impl Server {
    /// Follows an order.
    ///
    /// # Errors
    /// `ENOENT` for a brick that is not here, `EOPNOTSUPP` for what is not known.
    pub(crate) fn status(&self, order: &Dict) -> Result<Dict, Errno> {
        let name = order.str("brick-name");
        let brick = self.bricks.iter().find(|brick| name.is_none_or(|name| name == brick.name));
        let asked = order.uint("cmd").unwrap_or(0);
        let part = PARTS.iter().find(|(bit, _)| asked & bit != 0);
        let sessions = self.sessions();
        let mut answer = Dict::new();
        let (_, part) = part.ok_or(Errno::EOPNOTSUPP)?;
        part(brick.ok_or(Errno::ENOENT)?, &sessions, &mut answer);
        Ok(answer)
    }
}

/// The clients of a brick.
fn of<'a>(brick: &Brick, sessions: &'a [Arc<Session>]) -> Vec<&'a Arc<Session>> {
    sessions.iter().filter(|session| session.brick == brick.index).collect()
}

/// A number of things, as keys hold it.
fn count(n: usize) -> Value {
    Value::from(u32::try_from(n).unwrap_or(u32::MAX))
}

fn memory(_: &Brick, _: &[Arc<Session>], answer: &mut Dict) {
    let heap = sys::heap();
    let mut put = |key: &str, value: usize| {
        answer.push(format!("mallinfo.{key}"), u64::try_from(value).unwrap_or(u64::MAX));
    };
    put("arena", heap.arena);
    put("ordblks", heap.ordblks);
    put("smblks", heap.smblks);
    put("hblks", heap.hblks);
    put("hblkhd", heap.hblkhd);
    put("usmblks", heap.usmblks);
    put("fsmblks", heap.fsmblks);
    put("uordblks", heap.uordblks);
    put("fordblks", heap.fordblks);
    put("keepcost", heap.keepcost);
}

fn clients(brick: &Brick, sessions: &[Arc<Session>], answer: &mut Dict) {
    let clients = of(brick, sessions);
    answer.push("clientcount", count(clients.len()));
    for (n, session) in clients.iter().enumerate() {
        let info = session.peer.upgrade().map(|peer| Peer::info(&peer)).unwrap_or_default();
        answer.push(format!("client{n}.hostname"), session.client.peer());
        answer.push(format!("client{n}.bytesread"), info.bytes_read);
        answer.push(format!("client{n}.byteswrite"), info.bytes_written);
        answer.push(format!("client{n}.opversion"), session.op_version());
        answer.push(format!("client{n}.name"), session.kind());
    }
}

/// Kinds of clients, and how many there are of each.
fn kinds(brick: &Brick, sessions: &[Arc<Session>], answer: &mut Dict) {
    let clients = of(brick, sessions);
    answer.push("client-count", count(clients.len()));
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for (n, session) in clients.iter().enumerate() {
        let kind = session.kind();
        answer.push(format!("client{n}.name"), kind);
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, number)) => *number += 1,
            None => kinds.push((kind, 1)),
        }
    }
    for (kind, number) in kinds {
        answer.push(format!("{kind}-count"), count(number));
    }
}

/// The inodes of a brick: one table, whoever is connected.
fn inodes(brick: &Brick, sessions: &[Arc<Session>], answer: &mut Dict) {
    let inodes = Inodes::of(brick, sessions);
    answer.push("conncount", 1);
    let mut put = |key: &str, value: Value| answer.push(format!("conn0.itable.{key}"), value);
    put("lru_limit", count(brick.inodes.limit()));
    put("active_size", count(inodes.active.len()));
    put("lru_size", count(inodes.kept.len()));
    put("purge_size", count(0));
    for (list, rows) in [("active", &inodes.active), ("lru", &inodes.kept)] {
        for (n, Row { gfid, file_type, users, .. }) in rows.iter().take(MOST_LISTED).enumerate() {
            put(&format!("{list}{n}.gfid"), gfid.to_string().into());
            // As in a statedump: no lookup holds an inode.
            put(&format!("{list}{n}.nlookup"), 0_u64.into());
            put(&format!("{list}{n}.ref"), count(*users));
            put(&format!("{list}{n}.ia_type"), u32::from(*file_type as u8).into());
        }
    }
}

/// What each client has open.
fn descriptors(brick: &Brick, sessions: &[Arc<Session>], answer: &mut Dict) {
    let clients = of(brick, sessions);
    answer.push("conncount", count(clients.len()));
    for (n, session) in clients.iter().enumerate() {
        let mut put = |key: &str, value: Value| answer.push(format!("conn{n}.fdtable.{key}"), value);
        let shape = session.fds.shape();
        // The table is its session's alone.
        put("refcount", count(1));
        put("maxfds", count(shape.size));
        put("firstfree", count(shape.first_free));
        put("openfds", count(shape.open));
        let mut listed = 0;
        session.fds.for_each(|number, fd| {
            if listed < MOST_LISTED {
                put(&format!("fdentry{number}.pid"), fd.pid().into());
                put(&format!("fdentry{number}.refcount"), count(fd.object().count()));
                put(&format!("fdentry{number}.flags"), fd.flags().into());
            }
            listed += 1;
        });
    }
}

/// How many calls are under way. Which they are is kept nowhere.
fn calls(brick: &Brick, sessions: &[Arc<Session>], answer: &mut Dict) {
    let under_way: usize = of(brick, sessions).iter().map(|session| session.under_way()).sum();
    answer.push("callpool.count", count(under_way));
}
