//! Control: what `mortar` orders of a running process, over the socket on which the daemon gives its orders.
use gluster_rpc::{Call, Program, Reply};
use gluster_xdr::brickop::{BrickOpReq, BrickOpRsp};
use plugin_api::{Dict, Errno};
use tokio::sync::{mpsc, oneshot};

use super::Order;
use super::management::Current;
use crate::graph::evolve::{Changed, Replaced};
use crate::graph::faults;

/// The program: of this project alone, from the range that is free for anybody's use. Requests and replies are those of
/// the brick operations.
pub const CONTROL: gluster_xdr::Program = gluster_xdr::Program::new(0x2d6f_7274, 1, "Mortar control");

/// Reads the volfile again, and takes plugins of which there is another build. The reply has [`LINES`] for people.
pub const RELOAD: u32 = 1;
/// What is known of the faults of every translator. The reply has [`LINES`].
pub const FAULTS: u32 = 2;

/// How many lines there are: `line0`, `line1` …
pub const LINES: &str = "lines";
/// How many of the things that changed take effect only when the process is started again.
pub const LATER: &str = "later";

/// Answers orders about the graph that serves.
pub(super) struct Control {
    current: Current,
    orders: mpsc::Sender<Order>,
}

impl Control {
    pub(super) fn new(current: Current, orders: mpsc::Sender<Order>) -> Control {
        Control { current, orders }
    }

    async fn reload(&self) -> Result<Dict, (Errno, String)> {
        let (asker, answer) = oneshot::channel();
        let busy = |_| (Errno::EBUSY, "other reloads are under way".to_owned());
        self.orders.try_send(Order::Reload(asker)).map_err(busy)?;
        match answer.await {
            Ok(Ok(changed)) => {
                let later = changed.waiting.len() + changed.later.len();
                let later = i64::try_from(later).unwrap_or(i64::MAX);
                Ok(with_lines(lines(&changed)).with(LATER, later))
            }
            Ok(Err(why)) => Err((Errno::EINVAL, why)),
            Err(_) => Err((Errno::ECANCELED, "the process ends".to_owned())),
        }
    }

    fn faults(&self) -> Result<Dict, (Errno, String)> {
        let current = self.current.read().expect("no panic under it").clone();
        if current.is_empty() {
            return Err((Errno::EAGAIN, "no graph serves yet".to_owned()));
        }
        Ok(with_lines(current.iter().flat_map(|running| faults::report(running)).collect()))
    }
}

impl Program for Control {
    fn program(&self) -> gluster_xdr::Program {
        CONTROL
    }

    async fn call(&self, call: Call) -> Reply {
        if let Err(refusal) = call.arguments::<BrickOpReq>() {
            return refusal;
        }
        let done = match call.procedure {
            RELOAD => self.reload().await,
            FAULTS => self.faults(),
            _ => return call.no_such_procedure(),
        };
        call.reply(&match done {
            Ok(output) => BrickOpRsp { output, ..BrickOpRsp::default() },
            Err((errno, op_errstr)) => {
                BrickOpRsp { op_ret: -1, op_errno: errno.raw(), op_errstr, ..BrickOpRsp::default() }
            }
        })
    }
}

fn with_lines(lines: Vec<String>) -> Dict {
    let count = i64::try_from(lines.len()).unwrap_or(i64::MAX);
    let lines = lines.into_iter().enumerate();
    lines.fold(Dict::new().with(LINES, count), |dict, (at, line)| dict.with(format!("line{at}"), line))
}

/// What a reload did, for people.
fn lines(changed: &Changed) -> Vec<String> {
    let plugin = |one: &Replaced| format!("plugin {}, volume {}", one.type_name, one.volume);
    let took = format!("{:.1} ms", changed.took.as_secs_f64() * 1000.0);
    let replaced = changed
        .replaced
        .iter()
        .map(|one| format!("{}: build {} -> {} in {took}", plugin(one), one.from, one.to));
    let waiting = changed.waiting.iter().map(|one| {
        let (from, to) = (&one.from, &one.to);
        format!("{}: build {from} stays, {to} when the process is started again", plugin(one))
    });
    let list =
        |what: &str, names: &[String]| names.iter().map(|name| format!("{what} {name}")).collect::<Vec<_>>();
    let mut lines: Vec<String> = replaced.collect();
    lines.extend(list("put in volume", &changed.added));
    lines.extend(list("took out volume", &changed.removed));
    lines.extend(list("began anew with other subvolumes", &changed.rewired));
    lines.extend(list("new value of option", &changed.now));
    lines.extend(waiting);
    lines.extend(list("after a restart: option", &changed.later));
    lines
}
