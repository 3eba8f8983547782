//! Statedump: who is in, what they have open, and the inodes of each brick in sections of their own.

use std::fmt::{Arguments, Write};
use std::sync::Arc;

use gluster_rpc::Peer;

use crate::bricks::Brick;
use crate::server::Server;
use crate::session::Session;
use crate::tables::{Inodes, Row};

/// Descriptors shown of one client: a dump is for people.
const MOST_SHOWN: usize = 64;

impl Server {
    /// Adds lines `key=value`; those of clients have the keys of `volume status clients`, and the sections of bricks
    /// are those of the incumbent.
    pub(crate) fn dump(&self, out: &mut String) {
        let sessions = self.sessions();
        let mut lines = Lines(out);
        for brick in &self.bricks {
            lines.put(format_args!("brick{}.name={}", brick.index, brick.name));
            lines.put(format_args!("brick{}.state={:?}", brick.index, brick.state()));
            lines.put(format_args!("brick{}.inodes={}", brick.index, brick.inodes.len()));
        }
        lines.put(format_args!("clientcount={}", sessions.len()));
        for (index, session) in sessions.iter().enumerate() {
            lines.client(index, session);
            lines.put(format_args!("conn.{index}.id={}", session.client.uid().escape_debug()));
            lines.put(format_args!("conn.{index}.bound_xl={}", self.bricks[session.brick].name));
        }
        for brick in &self.bricks {
            lines.inodes(brick, &sessions);
        }
    }
}

/// Where lines go. What a client says of itself is escaped: it adds no lines of its own.
struct Lines<'a>(&'a mut String);

impl Lines<'_> {
    fn put(&mut self, line: Arguments<'_>) {
        let _ = writeln!(self.0, "{line}");
    }

    fn client(&mut self, index: usize, session: &Session) {
        let info = session.peer.upgrade().map(|peer| Peer::info(&peer)).unwrap_or_default();
        self.put(format_args!("client{index}.uid={}", session.client.uid().escape_debug()));
        self.put(format_args!("client{index}.hostname={}", session.client.peer()));
        self.put(format_args!("client{index}.bytesread={}", info.bytes_read));
        self.put(format_args!("client{index}.byteswrite={}", info.bytes_written));
        self.put(format_args!("client{index}.opversion={}", session.op_version()));
        self.put(format_args!("client{index}.name={}", session.kind()));
        self.put(format_args!("client{index}.openfds={}", session.fds.len()));
        let mut shown = 0;
        session.fds.for_each(|number, fd| {
            if shown < MOST_SHOWN {
                let (gfid, pid, flags) = (fd.inode().gfid(), fd.pid(), fd.flags());
                self.put(format_args!("client{index}.fd{number}=gfid {gfid} pid {pid} flags {flags:#o}"));
            }
            shown += 1;
        });
    }

    /// The table of a brick, under the number of the first client that uses it.
    fn inodes(&mut self, brick: &Brick, sessions: &[Arc<Session>]) {
        let client = sessions.iter().position(|session| session.brick == brick.index).unwrap_or(0);
        let (prefix, inodes) =
            (format!("conn.{client}.bound_xl.{}", brick.name), Inodes::of(brick, sessions));
        self.put(format_args!("{prefix}.name={}/inode", brick.name));
        self.put(format_args!("{prefix}.lru_limit={}", brick.inodes.limit()));
        self.put(format_args!("{prefix}.active_size={}", inodes.active.len()));
        self.put(format_args!("{prefix}.lru_size={}", inodes.kept.len()));
        // Nothing waits here to be dropped, and no client is ever asked to forget an inode.
        self.put(format_args!("{prefix}.purge_size=0"));
        self.put(format_args!("{prefix}.invalidate_size=0"));
        for (list, rows) in [("active", &inodes.active), ("lru", &inodes.kept)] {
            for (number, row) in (1..).zip(rows) {
                self.put(format_args!("\n[{prefix}.{list}.{number}]"));
                self.inode(row);
            }
        }
    }

    fn inode(&mut self, row: &Row) {
        self.put(format_args!("gfid={}", row.gfid));
        // No lookup holds an inode here: clients of bricks never say that they forgot one.
        self.put(format_args!("nlookup=0"));
        self.put(format_args!("fd-count={}", row.open));
        self.put(format_args!("active-fd-count={}", row.open));
        self.put(format_args!("ref={}", row.users));
        self.put(format_args!("invalidate-sent=0"));
        self.put(format_args!("ia_type={}", row.file_type as u8));
    }
}
