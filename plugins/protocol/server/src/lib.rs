//! `protocol/server`: the top of a brick graph. Clients sign in here; their calls become fops, the answers replies.
//!
//! What is where: [`options`] and `listen` set it up; `handshake` lets clients in, `session` is one that is in;
//! `fops` turns calls into fops, with `resolve` between ids of the wire and objects of the graph.
#![forbid(unsafe_code)]

mod bricks;
mod dump;
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

use gluster_rpc::Service;
use gluster_xdr::dump::DUMP;
use gluster_xdr::fop::FOP;
use gluster_xdr::handshake::HANDSHAKE_BRICK;
use plugin_api::prelude::*;

use crate::fops::FopProgram;
use crate::handshake::Handshake;
use crate::listen::Listening;
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
    service: Service,
    listening: Listening,
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
        let limits = settings.limits;
        let server = Arc::new(Server::new(cx, settings)?);
        let service = Service::new(limits, gluster_rpc::Unobserved);
        service.register(Arc::new(FopProgram(server.clone())));
        service.register(Arc::new(Handshake(server.clone())));
        // The order in which the incumbent's bricks list them.
        service.order(&[FOP, DUMP, HANDSHAKE_BRICK]);
        // Clients may connect from here on, but nobody gets in before the graph is up.
        let listening = Listening::start(cx, &service)?;
        self.running = Some(Running { server, service, listening });
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
                let told = Event { kind: event.kind, data: running.listening.described(&event.data) };
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
            running.listening.dump(out);
            running.server.dump(out);
        }
    }

    fn fini(&self) {
        if let Some(running) = &self.running {
            running.listening.stop();
            running.service.close();
        }
    }
}
