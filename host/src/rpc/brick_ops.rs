//! Brick operations: the daemon's orders to a process it started.
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use gluster_rpc::{Call, Program, Reply};
use gluster_xdr::brickop::{BRICK_OPS, BrickOpReq, BrickOpRsp, BrickProc};
use plugin_api::abi::host::Direction;
use plugin_api::fop::{FopError, Ipc};
use plugin_api::{Dict, Errno, Event, EventKind, IoBuf};
use tokio::sync::{mpsc, oneshot};

use super::management::Current;
use super::{Item, News, Order, Refusal};
use crate::graph::Running;

/// Answers orders about the graphs that serve.
pub(super) struct BrickOps {
    current: Current,
    news: Arc<News>,
    orders: mpsc::Sender<Order>,
}

/// The numbers of the `ipc` fops that ask a translator about itself, and about the task it is at: the events they stand
/// for.
const TRANSLATOR_INFO: i32 = 13;
const VOLUME_DEFRAG: i32 = 16;

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
    pub(super) fn new(current: Current, news: Arc<News>, orders: mpsc::Sender<Order>) -> BrickOps {
        BrickOps { current, news, orders }
    }

    async fn follow(&self, order: BrickProc, request: &BrickOpReq) -> Result<Dict, Refusal> {
        let name = String::from_utf8_lossy(&request.name).into_owned();
        match order {
            BrickProc::Terminate => self.terminate(&name).await,
            BrickProc::Attach => self.attach(&request.name, &request.dict).await,
            BrickProc::XlatorInfo => {
                let (running, index) = self.find(&name, "translator")?;
                ask(&running, index, &name, input(&request.input)?).await
            }
            BrickProc::Status => self.status(input(&request.input)?).await,
            BrickProc::NodeStatus => self.node_status(input(&request.input)?).await,
            BrickProc::SvcAttach | BrickProc::SvcDetach => {
                Err(unsupported("this process is no service and takes no graph of one"))
            }
            BrickProc::DumpMetrics => Err(unsupported("this build keeps no metrics")),
            BrickProc::XlatorDefrag => self.task(input(&request.input)?).await,
            BrickProc::BrickBarrier => self.barrier(&name, input(&request.input)?),
            other => Err(unsupported(&format!("no translator of this graph answers {}", other.name()))),
        }
    }

    fn running(&self) -> Result<Vec<Arc<Running>>, Refusal> {
        let current = self.current.read().expect("no panic under it").clone();
        match current.is_empty() {
            true => Err(Refusal::new(Errno::EAGAIN, "no graph serves yet".to_owned())),
            false => Ok(current),
        }
    }

    /// The translator of this name, and its graph.
    fn find(&self, name: &str, what: &str) -> Result<(Arc<Running>, usize), Refusal> {
        let found = self.running()?.into_iter().find_map(|running| {
            let index = running.graph().find(name)?;
            Some((running, index))
        });
        found.ok_or_else(|| Refusal::new(Errno::ENOENT, format!("this process has no {what} {name}")))
    }

    /// Ends one brick; with the only one, the process. So does an order that names none.
    async fn terminate(&self, name: &str) -> Result<Dict, Refusal> {
        let graphs = self.running()?;
        if !name.is_empty() && !graphs.iter().any(|running| running.has_brick(name)) {
            return Err(Refusal::no_brick(name));
        }
        if graphs.len() > 1 && !name.is_empty() {
            let brick = name.to_owned();
            return self.give(|asker| Order::Detach { brick, asker }).await;
        }
        tracing::info!(brick = name, "ordered to end");
        self.news.tell(Item::Terminate);
        Ok(Dict::new())
    }

    /// Serves another brick: `name` is its volfile on this machine, and the key `pidfile` of the dict the file that is to
    /// name this process.
    async fn attach(&self, name: &[u8], dict: &Dict) -> Result<Dict, Refusal> {
        self.running()?;
        let volfile = PathBuf::from(OsStr::from_bytes(name));
        let pid_file = dict.str("pidfile").map(PathBuf::from);
        if pid_file.as_ref().is_some_and(|path| !path.is_absolute()) {
            return Err(Refusal::new(Errno::EINVAL, "the pid file's path is not absolute".to_owned()));
        }
        self.give(|asker| Order::Attach { volfile, pid_file, asker }).await
    }

    /// Gives an order on, and waits for its end.
    async fn give(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<(), Refusal>>) -> Order,
    ) -> Result<Dict, Refusal> {
        let (asker, answer) = oneshot::channel();
        let busy = |_| Refusal::new(Errno::EBUSY, "too many orders are under way".to_owned());
        self.orders.try_send(order(asker)).map_err(busy)?;
        match answer.await {
            Ok(done) => done.map(|()| Dict::new()),
            Err(_) => Err(Refusal::new(Errno::ECANCELED, "the process ends".to_owned())),
        }
    }

    /// A brick's status: that it answers is the status; details are asked for by bits.
    async fn status(&self, input: Dict) -> Result<Dict, Refusal> {
        let graphs = self.running()?;
        let brick = input.str("brick-name").unwrap_or_default();
        let has_it = |running: &&Arc<Running>| brick.is_empty() || running.graph().find(brick).is_some();
        let running = graphs.iter().find(has_it).ok_or_else(|| Refusal::no_brick(brick))?.clone();
        details(&running, input).await
    }

    /// Asks how a task stands that the process was started for, or stops it: the tops of the graph know, whatever
    /// translator the order names.
    async fn task(&self, input: Dict) -> Result<Dict, Refusal> {
        for running in self.running()? {
            if let Some(answer) = ask_tops(&running, VOLUME_DEFRAG, &input).await {
                return answer
                    .map_err(|errno| Refusal { errno, why: format!("the task does not tell: {errno}") });
            }
        }
        Err(unsupported("this process was not started for a task"))
    }

    /// Raises or lowers a brick's barrier: its translators are told.
    fn barrier(&self, name: &str, input: Dict) -> Result<Dict, Refusal> {
        let (running, brick) = self.find(name, "brick")?;
        if !matches!(input.str("barrier"), Some("enable" | "disable")) {
            let why = "a barrier is either `enable` or `disable`".to_owned();
            return Err(Refusal { errno: Errno::EINVAL, why });
        }
        let event = Event { kind: EventKind::VOLUME_BARRIER_OP, data: input };
        running.graph().notify(brick, Direction::Down, &event);
        Ok(Dict::new())
    }

    async fn node_status(&self, input: Dict) -> Result<Dict, Refusal> {
        self.running()?;
        let asked = input.int("cmd").unwrap_or(0);
        let Some((_, service)) = SERVICES.iter().find(|(bit, _)| asked & bit != 0) else {
            return Err(Refusal { errno: Errno::EINVAL, why: "no service was named".to_owned() });
        };
        let has_none = |_| Refusal::new(Errno::ENOENT, format!("this process has no {service}"));
        let (running, _) = self.find(service, "service").map_err(has_none)?;
        details(&running, input).await
    }
}

/// What the bits of `cmd` ask for, which the tops of the graph know: who is connected, and what they hold.
async fn details(running: &Running, input: Dict) -> Result<Dict, Refusal> {
    let asked = input.int("cmd").unwrap_or(0);
    let Some((_, what)) = DETAILS.iter().find(|(bit, _)| asked & bit != 0) else { return Ok(Dict::new()) };
    match ask_tops(running, TRANSLATOR_INFO, &input).await {
        Some(answer) => answer.map_err(|errno| Refusal { errno, why: format!("no {what}: {errno}") }),
        None => Err(unsupported(&format!("no translator of this graph lists {what}"))),
    }
}

/// What the first top answers that knows the question.
async fn ask_tops(running: &Running, op: i32, input: &Dict) -> Option<Result<Dict, Errno>> {
    for top in running.tops() {
        match running.ask(top, Ipc { op, xdata: input.clone() }).await {
            Some(Ok(done)) => return Some(Ok(done.xdata)),
            Some(Err(error)) if error.errno != Errno::EOPNOTSUPP => return Some(Err(error.errno)),
            _ => {}
        }
    }
    None
}

/// Asks the translator of this name about itself; the answer's xdata is the answer.
async fn ask(running: &Running, index: usize, name: &str, request: Dict) -> Result<Dict, Refusal> {
    match running.ask(index, Ipc { op: TRANSLATOR_INFO, xdata: request }).await {
        Some(Ok(done)) => Ok(done.xdata),
        Some(Err(FopError { errno, .. })) => {
            Err(Refusal { errno, why: format!("{name} has no answer: {errno}") })
        }
        None => Err(unsupported(&format!("{name} does not answer questions"))),
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cmdline::{self, Request};
    use crate::graph::activate::{Start, activate};
    use crate::graph::testing::{draft, heard};
    use crate::loader::Loader;
    use crate::services;

    const GRAPH: &str = "volume /b\n type test/answers\nend-volume\n\
                         volume v-server\n type protocol/server\n subvolumes /b\nend-volume\n";

    async fn brick_ops() -> BrickOps {
        let start = Start { init_timeout: Duration::from_secs(10), fault_limit: 0 };
        let running = activate(draft(GRAPH), start).await.unwrap();
        let current = Current::default();
        *current.write().unwrap() = vec![Arc::new(running)];
        ops_of(current)
    }

    fn ops_of(current: Current) -> BrickOps {
        let (orders, _) = mpsc::channel(1);
        BrickOps::new(current, Arc::default(), orders)
    }

    fn order(name: &str, input: &Dict) -> BrickOpReq {
        let input = IoBuf::from(gluster_xdr::dict::encode(input));
        BrickOpReq { name: IoBuf::from(name.to_owned()), input, ..BrickOpReq::default() }
    }

    async fn refusal(ops: &BrickOps, proc: BrickProc, name: &str, input: Dict) -> (Errno, String) {
        let refusal = ops.follow(proc, &order(name, &input)).await.unwrap_err();
        (refusal.errno, refusal.why)
    }

    #[tokio::test]
    async fn before_a_graph_serves_nothing_is_followed() {
        let ops = ops_of(Current::default());
        for proc in [BrickProc::Terminate, BrickProc::Status, BrickProc::XlatorInfo] {
            assert_eq!(refusal(&ops, proc, "/b", Dict::new()).await.0, Errno::EAGAIN);
        }
    }

    #[tokio::test]
    async fn only_a_brick_of_this_process_is_ended() {
        let ops = brick_ops().await;
        let (errno, why) = refusal(&ops, BrickProc::Terminate, "/other", Dict::new()).await;
        assert_eq!((errno, why.as_str()), (Errno::ENOENT, "this process has no brick /other"));
        ops.follow(BrickProc::Terminate, &order("/b", &Dict::new())).await.unwrap();
        assert_eq!(ops.news.next().await, Item::Terminate);
    }

    #[tokio::test]
    async fn a_status_that_cannot_be_given_is_refused_and_not_made_up() {
        let ops = brick_ops().await;
        let plain = Dict::new().with("brick-name", "/b").with("cmd", 0);
        assert_eq!(ops.follow(BrickProc::Status, &order("", &plain)).await, Ok(Dict::new()));
        let clients = Dict::new().with("brick-name", "/b").with("cmd", 2);
        let (errno, why) = refusal(&ops, BrickProc::Status, "", clients).await;
        assert_eq!((errno, why.as_str()), (Errno::EOPNOTSUPP, "no translator of this graph lists clients"));
        let shd = Dict::new().with("cmd", 0x1001);
        let (errno, why) = refusal(&ops, BrickProc::NodeStatus, "", shd).await;
        assert_eq!((errno, why.as_str()), (Errno::ENOENT, "this process has no glustershd"));
    }

    #[tokio::test]
    async fn a_brick_s_translators_hear_of_its_barrier() {
        let start = Start { init_timeout: Duration::from_secs(10), fault_limit: 0 };
        let volfile = "volume barrier-b\n type test/leaf\nend-volume\n";
        let ops = ops_of(Current::default());
        *ops.current.write().unwrap() = vec![Arc::new(activate(draft(volfile), start).await.unwrap())];
        let enable = Dict::new().with("barrier", "enable");
        ops.follow(BrickProc::BrickBarrier, &order("barrier-b", &enable)).await.unwrap();
        assert!(heard("barrier-b").contains(&"event 18 barrier-b".to_owned()), "{:?}", heard("barrier-b"));
        assert_eq!(refusal(&ops, BrickProc::BrickBarrier, "/other", enable).await.0, Errno::ENOENT);
        let half = Dict::new().with("barrier", "half");
        assert_eq!(refusal(&ops, BrickProc::BrickBarrier, "barrier-b", half).await.0, Errno::EINVAL);
    }

    #[tokio::test]
    async fn an_input_that_is_no_dict_is_refused() {
        let ops = brick_ops().await;
        let request = BrickOpReq { input: IoBuf::from(vec![0xff; 7]), ..order("/b", &Dict::new()) };
        let refusal = ops.follow(BrickProc::XlatorInfo, &request).await.unwrap_err();
        assert_eq!(refusal.errno, Errno::EINVAL);
    }

    #[test]
    fn a_translator_below_another_is_asked_through_the_graph() {
        let words = ["glusterfsd", "-N", "-f", "/dev/null", "-l", "-"].map(Into::into);
        let Request::Serve(settings) = cmdline::parse(words).unwrap() else { panic!() };
        let services = services::start(&settings, Arc::new(Loader::new(Vec::new()))).unwrap();
        services.runtime().block_on(async {
            let ops = brick_ops().await;
            let input = Dict::new().with("op", 3);
            let answer = ops.follow(BrickProc::XlatorInfo, &order("/b", &input)).await.unwrap();
            assert_eq!(answer.int("/b"), Some(13));
            let (errno, why) = refusal(&ops, BrickProc::XlatorInfo, "/b", Dict::new()).await;
            assert_eq!((errno, why.as_str()), (Errno::EINVAL, "/b has no answer: Invalid argument"));
            // What the server does not answer, its child is not asked for.
            let (errno, why) = refusal(&ops, BrickProc::XlatorInfo, "v-server", input).await;
            assert_eq!((errno, why.as_str()), (Errno::EOPNOTSUPP, "v-server does not answer questions"));
            a_top_answers_for_its_clients().await;
        });
    }

    async fn a_top_answers_for_its_clients() {
        let start = Start { init_timeout: Duration::from_secs(10), fault_limit: 0 };
        let alone = activate(draft("volume top\n type test/answers\nend-volume\n"), start).await.unwrap();
        let ops = ops_of(Current::default());
        *ops.current.write().unwrap() = vec![Arc::new(alone)];
        let asked = order("", &Dict::new().with("cmd", 2).with("op", 3));
        let answer = ops.follow(BrickProc::Status, &asked).await.unwrap();
        assert_eq!(answer.int("top"), Some(13));
    }
}
