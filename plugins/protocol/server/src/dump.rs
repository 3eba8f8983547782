//! Statedump lines: who is in, and what it has open.

use std::fmt::Write;

use gluster_rpc::Peer;

use crate::server::Server;
use crate::session::Session;

impl Server {
    /// Adds lines `key=value`; those of clients have the keys of `volume status clients`.
    pub(crate) fn dump(&self, out: &mut String) {
        let mut line = |key: std::fmt::Arguments<'_>, value: &dyn std::fmt::Display| {
            let _ = writeln!(out, "{key}={value}");
        };
        for brick in &self.bricks {
            line(format_args!("brick{}.name", brick.index), &brick.name);
            line(format_args!("brick{}.state", brick.index), &format_args!("{:?}", brick.state()));
            line(format_args!("brick{}.inodes", brick.index), &brick.inodes.len());
        }
        let sessions = self.sessions();
        line(format_args!("clientcount"), &sessions.len());
        for (index, session) in sessions.iter().enumerate() {
            session.dump(index, &mut line);
        }
    }
}

impl Session {
    fn dump(&self, index: usize, line: &mut impl FnMut(std::fmt::Arguments<'_>, &dyn std::fmt::Display)) {
        let info = self.peer.upgrade().map(|peer| Peer::info(&peer)).unwrap_or_default();
        let request = &self.applicant.request;
        line(format_args!("client{index}.uid"), &self.client.uid());
        line(format_args!("client{index}.hostname"), &self.client.peer());
        line(format_args!("client{index}.bytesread"), &info.bytes_read);
        line(format_args!("client{index}.byteswrite"), &info.bytes_written);
        line(format_args!("client{index}.opversion"), &request.uint("opversion").unwrap_or(1));
        line(format_args!("client{index}.name"), &request.str("process-name").unwrap_or("unknown"));
        line(format_args!("client{index}.openfds"), &self.fds.len());
        let mut shown = 0;
        self.fds.for_each(|number, fd| {
            // A statedump is for people: a client with a million descriptors gets its first few.
            if shown < 64 {
                line(
                    format_args!("client{index}.fd{number}"),
                    &format_args!("gfid {} pid {} flags {:#o}", fd.inode().gfid(), fd.pid(), fd.flags()),
                );
            }
            shown += 1;
        });
    }
}
