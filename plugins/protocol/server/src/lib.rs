//! `protocol/server`: the top of a brick graph. Clients sign in here; their calls become fops, the answers replies.
//!
//! What is where: [`options`] and `listen` set it up; `door` is what several graphs of a process share; `handshake` lets
//! clients in, `session` is one that is in;
//! `events` tells of clients that come and go; `fops` turns calls into fops, with `resolve` between ids of the wire and objects of the graph.
#![forbid(unsafe_code)]

mod bricks;
mod door;
mod dump;
mod events;
mod fds;
mod fops;
mod groups;
mod handshake;
mod listen;
mod names;
pub mod options;
mod resolve;
mod server;
mod session;
mod squash;
mod status;
mod tables;
mod upcall;
mod waiting;

use std::sync::Arc;

use plugin_api::prelude::*;

use crate::door::Door;
use crate::options::Settings;
use crate::server::Server;

/// The translator.
#[derive(Debug, Default)]
pub struct ProtocolServer {
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    server: Arc<Server>,
    door: Arc<Door>,
}

#[xlator(
    "protocol/server",
    replace = "restart",
    unknown_fops = "pass",
    doc = "signs clients in and serves a brick to them"
)]
impl Xlator for ProtocolServer {
    fn options() -> Options {
        options::declared()
    }

    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let settings = Settings::read(cx)?;
        let server = Arc::new(Server::new(cx, settings)?);
        let door = Door::of(cx, &server)?;
        self.running = Some(Running { server, door });
        Ok(())
    }

    fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let Some(running) = &self.running else { return Ok(()) };
        running.server.reconfigure(cx)
    }

    fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
        let Some(running) = &self.running else { return cx.pass_on(event) };
        match (event.kind, cx.child()) {
            (EventKind::CHILD_UP, Some(child)) => {
                running.server.child_is_up(child);
                // The host learns where the brick listens: it signs in with the port.
                let told = Event { kind: event.kind, data: running.door.described(&event.data) };
                cx.pass_on(&told);
            }
            (EventKind::CHILD_DOWN, Some(child)) => {
                running.server.child_is_down(child);
                cx.pass_on(event);
            }
            (EventKind::UPCALL, Some(_)) => {
                running.server.upcall(&event.data);
                cx.pass_on(event);
            }
            _ => cx.pass_on(event),
        }
    }

    /// The host asks what only this translator knows; other messages are for the brick.
    async fn ipc(&self, frame: &Frame, args: Ipc) -> FopResult<Done> {
        match &self.running {
            Some(running) if args.op == status::ORDER => {
                Ok(Done { xdata: running.server.status(&args.xdata)? })
            }
            _ => frame.child().ipc(args).await,
        }
    }

    fn dump(&self, out: &mut String) {
        if let Some(running) = &self.running {
            running.door.dump(out);
            running.server.dump(out);
        }
    }

    fn fini(&self) {
        if let Some(running) = &self.running {
            running.door.leave(&running.server);
        }
    }
}
