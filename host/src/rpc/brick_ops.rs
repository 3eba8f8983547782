//! Brick operations: the daemon's orders to a process it started.
use std::sync::Arc;

use gluster_rpc::{Call, Program, Reply};
use gluster_xdr::brickop::{BRICK_OPS, BrickOpReq, BrickOpRsp, BrickProc};
use plugin_api::fop::{FopError, Ipc};
use plugin_api::{Dict, Errno, Identity, IoBuf};

use super::management::Current;
use super::{Item, News};
use crate::graph::Running;

/// Answers orders about the graph that serves.
pub(super) struct BrickOps {
    current: Current,
    news: Arc<News>,
}

/// An order that was not followed: the error, and a sentence for people.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    errno: Errno,
    why: String,
}

/// The number of the `ipc` fop that asks a translator about itself: the event it stands for.
const TRANSLATOR_INFO: i32 = 13;

/// The names under which a service's status is asked for, by the bit of `cmd`.
const SERVICES: [(i64, &str); 5] = [
    (0x800, "nfs-server"),
    (0x1000, "glustershd"),
    (0x2000, "quotad"),
    (0x8000, "bitd"),
    (0x1_0000, "scrubber"),
];

/// The low bits of `cmd` that ask for details, and what each asks for.
const DETAILS: [(i64, &str); 6] = [
    (1, "memory"),
    (2, "clients"),
    (4, "inodes"),
    (8, "open files"),
    (16, "pending calls"),
    (128, "clients"),
];

impl Program for BrickOps {
    fn program(&self) -> gluster_xdr::Program {
        BRICK_OPS
    }

    async fn call(&self, call: Call) -> Reply {
        let Some(order) = BrickProc::from_number(call.procedure).filter(|order| *order != BrickProc::Null)
        else {
            return call.no_such_procedure();
        };
        let request: BrickOpReq = match call.arguments() {
            Ok(request) => request,
            Err(refusal) => return refusal,
        };
        let answer = match self.follow(order, &request).await {
            Ok(output) => BrickOpRsp { output, ..BrickOpRsp::default() },
            Err(Refusal { errno, why }) => {
                tracing::warn!(order = ?order, errno = %errno, why, "order not followed");
                BrickOpRsp { op_ret: -1, op_errno: errno.raw(), op_errstr: why, ..BrickOpRsp::default() }
            }
        };
        call.reply(&answer)
    }
}

impl BrickOps {
    pub(super) fn new(current: Current, news: Arc<News>) -> BrickOps {
        BrickOps { current, news }
    }

    async fn follow(&self, order: BrickProc, request: &BrickOpReq) -> Result<Dict, Refusal> {
        let name = String::from_utf8_lossy(&request.name).into_owned();
        match order {
            BrickProc::Terminate => self.terminate(&name),
            BrickProc::XlatorInfo => {
                let running = self.running()?;
                ask(&running, &name, input(&request.input)?).await
            }
            BrickProc::Status => self.status(&input(&request.input)?),
            BrickProc::NodeStatus => self.node_status(&input(&request.input)?),
            BrickProc::Attach | BrickProc::SvcAttach | BrickProc::SvcDetach => {
                Err(unsupported("this process serves one graph and takes no other"))
            }
            BrickProc::DumpMetrics => Err(unsupported("this build keeps no metrics")),
            BrickProc::BrickBarrier | BrickProc::VolumeBarrierOp => {
                Err(unsupported("this graph has no translator that holds calls back"))
            }
            other => Err(unsupported(&format!("no translator of this graph answers {}", other.name()))),
        }
    }

    fn running(&self) -> Result<Arc<Running>, Refusal> {
        let current = self.current.read().expect("no panic under it").clone();
        current.ok_or_else(|| Refusal { errno: Errno::EAGAIN, why: "no graph serves yet".to_owned() })
    }

    fn terminate(&self, name: &str) -> Result<Dict, Refusal> {
        let running = self.running()?;
        if !name.is_empty() && running.graph().find(name).is_none() {
            let why = format!("this process has no brick {name}");
            return Err(Refusal { errno: Errno::ENOENT, why });
        }
        tracing::info!(brick = name, "ordered to end");
        self.news.tell(Item::Terminate);
        Ok(Dict::new())
    }

    /// A brick's status: that it answers is the status; details are asked for by bits.
    fn status(&self, input: &Dict) -> Result<Dict, Refusal> {
        let running = self.running()?;
        let brick = input.str("brick-name").unwrap_or_default();
        if !brick.is_empty() && running.graph().find(brick).is_none() {
            let why = format!("this process has no brick {brick}");
            return Err(Refusal { errno: Errno::ENOENT, why });
        }
        details(input)
    }

    fn node_status(&self, input: &Dict) -> Result<Dict, Refusal> {
        let running = self.running()?;
        let asked = input.int("cmd").unwrap_or(0);
        let Some((_, service)) = SERVICES.iter().find(|(bit, _)| asked & bit != 0) else {
            return Err(Refusal { errno: Errno::EINVAL, why: "no service was named".to_owned() });
        };
        if running.graph().find(service).is_none() {
            let why = format!("this process has no {service}");
            return Err(Refusal { errno: Errno::ENOENT, why });
        }
        details(input)
    }
}

fn details(input: &Dict) -> Result<Dict, Refusal> {
    let asked = input.int("cmd").unwrap_or(0);
    match DETAILS.iter().find(|(bit, _)| asked & bit != 0) {
        Some((_, what)) => Err(unsupported(&format!("this build does not list {what}"))),
        None => Ok(Dict::new()),
    }
}

/// Asks a translator about itself: its parents wind it an `ipc`, whose answer's xdata is the answer.
async fn ask(running: &Running, name: &str, request: Dict) -> Result<Dict, Refusal> {
    let graph = running.graph();
    let refuse = |errno, why: String| Err(Refusal { errno, why });
    let Some(index) = graph.find(name) else {
        return refuse(Errno::ENOENT, format!("this process has no translator {name}"));
    };
    let place = |parent: usize| graph.children(parent).iter().position(|child| *child == index);
    let Some((parent, place)) = (0..graph.len()).find_map(|parent| Some((parent, place(parent)?))) else {
        return refuse(Errno::EOPNOTSUPP, format!("{name} is the top of this graph, and nobody can ask it"));
    };
    let frame = graph.handle(parent).frame(Identity::default());
    let answer = frame.child_at(place).ipc(Ipc { op: TRANSLATOR_INFO, xdata: request }).await;
    match answer {
        Ok(done) => Ok(done.xdata),
        Err(FopError { errno, .. }) => refuse(errno, format!("{name} has no answer: {errno}")),
    }
}

fn input(bytes: &IoBuf) -> Result<Dict, Refusal> {
    if bytes.is_empty() {
        return Ok(Dict::new());
    }
    gluster_xdr::dict::decode(bytes)
        .map_err(|error| Refusal { errno: Errno::EINVAL, why: format!("the order's input: {error}") })
}

fn unsupported(why: &str) -> Refusal {
    Refusal { errno: Errno::EOPNOTSUPP, why: why.to_owned() }
}
