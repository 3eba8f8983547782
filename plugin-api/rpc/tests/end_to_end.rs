//! Server and client through the real transport, on the host's own event pool.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

use std::future::Future;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use abi_stable::std_types::RStr;
use gluster_rpc::{
    Call, CallError, Client, Events, Limits, NoEvents, Peer, Program, Reply, Service, Settings, Unobserved,
};
use gluster_xdr::dump::{DUMP, DumpProc, DumpReq, DumpRsp};
use gluster_xdr::fop::{FOP, Proc, ReadReq, ReadRsp, WriteReq};
use gluster_xdr::rpc::{Caller, Credential, Status};
use gluster_xdr::{handshake, record, rpc};
use host::cmdline::Request;
use host::loader::Loader;
use host::services::{self, Services};
use plugin_api::rpc_program::ObserverImpl;
use plugin_api::transport::Listener;
use plugin_api::{Dict, Errno, IoBuf, Payload, open, rt};

/// The host's services, once for this process; plugins are where cargo put them.
fn services() -> &'static Services {
    static SERVICES: OnceLock<Services> = OnceLock::new();
    SERVICES.get_or_init(|| {
        let words = ["glusterd", "-N", "-f", "/dev/null"].map(std::ffi::OsString::from);
        let Ok(Request::Serve(settings)) = host::cmdline::parse(words) else {
            panic!("a plain command line")
        };
        let exe = std::env::current_exe().unwrap();
        let dirs: Vec<PathBuf> = vec![exe.parent().unwrap().to_owned()];
        services::start(&settings, Arc::new(Loader::new(dirs))).unwrap()
    })
}

fn run<T>(test: impl Future<Output = T>) -> T {
    let services = services();
    services.runtime().block_on(async { rt::timeout(Duration::from_secs(30), test).await }).expect("in time")
}

/// Serves FOP numbers in a strange way: enough to see calls come and replies go.
#[derive(Default)]
struct Sample {
    gate: Gate,
    running: AtomicUsize,
    most_running: AtomicUsize,
    gone: AtomicUsize,
}

impl Program for Sample {
    fn program(&self) -> gluster_xdr::Program {
        FOP
    }

    async fn call(&self, call: Call) -> Reply {
        match Proc::from_number(call.procedure) {
            // Answers at once with as many bytes as asked for.
            Some(Proc::Read) => match call.arguments::<ReadReq>() {
                Ok(request) => {
                    let rsp = ReadRsp { op_ret: 1, size: request.size, ..ReadRsp::default() };
                    let data = vec![7; usize::try_from(request.size).unwrap()];
                    call.reply_with(&rsp, IoBuf::from(data).into())
                }
                Err(refusal) => refusal,
            },
            // Tells where the payload lay in the record.
            Some(Proc::Write) => match WriteReq::with_payload(&call.args) {
                Ok((_, data)) => {
                    let shared = call.args.as_ptr_range().contains(&data.as_ptr());
                    let sum: u64 = data.iter().map(|byte| u64::from(*byte)).sum();
                    call.reply(&(if shared { sum } else { 0 }))
                }
                Err(e) => call.garbage(&e),
            },
            // Waits until the gate is opened.
            Some(Proc::Flush) => {
                let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
                self.most_running.fetch_max(running, Ordering::SeqCst);
                self.gate.opened().await;
                self.running.fetch_sub(1, Ordering::SeqCst);
                call.reply(&0u32)
            }
            Some(Proc::Ipc) => panic!("on purpose"),
            Some(Proc::Null) => Reply::none(),
            // Says who calls.
            Some(Proc::Access) => call.reply(&call.identity.uid),
            _ => call.no_such_procedure(),
        }
    }

    fn disconnected(&self, _peer: &Arc<Peer>) {
        self.gone.fetch_add(1, Ordering::SeqCst);
    }
}

/// Holds calls back until a test lets them go.
#[derive(Default)]
struct Gate(Mutex<(bool, Vec<std::task::Waker>)>);

impl Gate {
    async fn opened(&self) {
        std::future::poll_fn(|cx| {
            let mut gate = self.0.lock().unwrap();
            if gate.0 {
                return std::task::Poll::Ready(());
            }
            gate.1.push(cx.waker().clone());
            std::task::Poll::Pending
        })
        .await;
    }

    fn open(&self) {
        let wakers = {
            let mut gate = self.0.lock().unwrap();
            gate.0 = true;
            std::mem::take(&mut gate.1)
        };
        wakers.into_iter().for_each(std::task::Waker::wake);
    }
}

struct Served {
    service: Service,
    listener: Listener,
    sample: Arc<Sample>,
}

impl Served {
    fn start(limits: Limits, options: &Dict) -> Self {
        services();
        let sample = Arc::new(Sample::default());
        let service = Service::new(limits, Unobserved);
        service.register(sample.clone());
        let listener = open::transport("socket").unwrap().listen_on(options, service.acceptor()).unwrap();
        Self { service, listener, sample }
    }

    fn tcp() -> Self {
        Self::start(Limits::default(), &local(0))
    }

    fn port(&self) -> u16 {
        self.listener.address().rsplit_once(':').unwrap().1.parse().unwrap()
    }

    fn options(&self) -> Dict {
        Dict::new().with("remote-host", "127.0.0.1").with("remote-port", u32::from(self.port()))
    }

    async fn client(&self) -> Client {
        connect(self.options()).await
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.listener.close();
        self.service.close();
    }
}

fn local(port: u16) -> Dict {
    Dict::new().with("bind-address", "127.0.0.1").with("listen-port", u32::from(port))
}

async fn connect(options: Dict) -> Client {
    let transport = open::transport("socket").unwrap();
    let client = Client::open(transport, options, Settings::default(), NoEvents);
    client.ready().await.unwrap();
    client
}

/// Waits until `done`, looking again whenever others ran.
async fn until(mut done: impl FnMut() -> bool) {
    while !done() {
        rt::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn a_service_lists_its_programs_and_answers_pings() {
    let served = Served::tcp();
    run(async {
        let client = served.client().await;
        let list: DumpRsp =
            client.call(DUMP, DumpProc::Dump.number(), &DumpReq { gfs_id: 0xcaed }).await.unwrap();
        assert!(list.serves(DUMP) && list.serves(FOP) && list.programs.len() == 2);
        let pong: handshake::CommonRsp = client.call(DUMP, DumpProc::Ping.number(), &Nothing).await.unwrap();
        assert_eq!(pong, handshake::CommonRsp::default());
    });
}

/// No arguments.
struct Nothing;

impl gluster_xdr::Xdr for Nothing {
    fn get(_: &mut gluster_xdr::Reader<'_>) -> Result<Self, gluster_xdr::XdrError> {
        Ok(Self)
    }
    fn put(&self, _: &mut gluster_xdr::Writer) {}
}

#[test]
fn a_unix_socket_carries_the_same_calls_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.socket").to_str().unwrap().to_owned();
    let options = Dict::new().with("transport.socket.listen-path", path.as_str());
    {
        let served = Served::start(Limits::default(), &options);
        run(async {
            let client = connect(Dict::new().with("transport.socket.connect-path", path.as_str())).await;
            let list: DumpRsp = client.call(DUMP, 1, &DumpReq { gfs_id: 0 }).await.unwrap();
            assert_eq!(list.programs.len(), 2);
            assert!(served.service.peers()[0].is_unix() && served.service.peers()[0].name() == path);
        });
    }
    assert!(!std::path::Path::new(&path).exists());
}

#[test]
fn a_socket_that_was_left_is_replaced_and_another_file_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.socket").to_str().unwrap().to_owned();
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let options = Dict::new().with("transport.socket.listen-path", path.as_str());
    drop(Served::start(Limits::default(), &options));
    std::fs::write(&path, "precious").unwrap();
    let service = Service::new(Limits::default(), Unobserved);
    let refused = open::transport("socket").unwrap().listen_on(&options, service.acceptor()).unwrap_err();
    assert!(refused.contains("no socket"), "{refused}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let served = Served::tcp();
    let service = Service::new(Limits::default(), Unobserved);
    let transport = open::transport("socket").unwrap();
    let refused = transport.listen_on(&local(served.port()), service.acceptor()).unwrap_err();
    assert!(refused.contains(&served.port().to_string()) && refused.contains("in use"), "{refused}");
}

#[test]
fn payloads_of_four_megabytes_go_both_ways() {
    let served = Served::tcp();
    run(async {
        let client = served.client().await;
        let credential = Credential::default();
        for size in [1u32, 4096, 131_072, 4 << 20] {
            let data = IoBuf::from(vec![3; usize::try_from(size).unwrap()]);
            let head = WriteReq { size, ..WriteReq::default() };
            let caller = Caller::V3(&credential);
            let put = |w: &mut gluster_xdr::Writer| gluster_xdr::Xdr::put(&head, w);
            let written =
                client.start(FOP, Proc::Write.number(), caller, put, Payload::from(data)).await.unwrap();
            assert_eq!(
                gluster_xdr::decode::<u64>(&written),
                Ok(3 * u64::from(size)),
                "summed up within the record"
            );
            let request = ReadReq { size, ..ReadReq::default() };
            let put = |w: &mut gluster_xdr::Writer| gluster_xdr::Xdr::put(&request, w);
            let read = client.start(FOP, Proc::Read.number(), caller, put, Payload::default()).await.unwrap();
            let (_, data) = ReadRsp::with_payload(&read).unwrap();
            assert!(data.len() == usize::try_from(size).unwrap() && data.iter().all(|byte| *byte == 7));
        }
    });
}

#[test]
fn a_thousand_calls_at_once_are_all_answered() {
    let served = Served::tcp();
    run(async {
        let client = served.client().await;
        let caller = Credential { uid: 42, ..Credential::default() };
        let calls: Vec<_> = (0..1000)
            .map(|_| {
                client.start(FOP, Proc::Access.number(), Caller::V2(&caller), |_| {}, Payload::default())
            })
            .collect();
        for call in calls {
            assert_eq!(gluster_xdr::decode::<u32>(&call.await.unwrap()), Ok(42), "the caller's uid");
        }
    });
}

#[test]
fn calls_that_wait_are_bounded_and_go_on_when_others_end() {
    let served = Served::start(Limits { outstanding: 8, ..Limits::default() }, &local(0));
    run(async {
        let client = served.client().await;
        let credential = Credential::default();
        let caller = Caller::V2(&credential);
        let calls: Vec<_> = (0..100)
            .map(|_| client.start(FOP, Proc::Flush.number(), caller, |_| {}, Payload::default()))
            .collect();
        until(|| served.sample.running.load(Ordering::SeqCst) == 8).await;
        served.sample.gate.open();
        for call in calls {
            call.await.unwrap();
        }
        assert_eq!(served.sample.most_running.load(Ordering::SeqCst), 8);
    });
}

#[test]
fn a_client_that_does_not_read_is_not_read_from_either() {
    let served = Served::tcp();
    run(async {
        let mut stream = TcpStream::connect(("127.0.0.1", served.port())).unwrap();
        stream.set_nonblocking(true).unwrap();
        let request = ReadReq { size: 1 << 20, ..ReadReq::default() };
        let call = record::framed(&rpc::encode_call(1, FOP, 12, &Credential::default(), &request));
        let mut sent = 0;
        // A gigabyte of answers is asked for; the server stops reading long before.
        let stuck = loop {
            match stream.write(&call) {
                Ok(_) if sent < 100_000 => sent += 1,
                Ok(_) => break false,
                Err(_) => {
                    rt::sleep(Duration::from_millis(50)).await;
                    if stream.write(&call).is_err() {
                        break true;
                    }
                    sent += 1;
                }
            }
        };
        assert!(stuck, "{sent} calls of a megabyte each were taken");
        let other = served.client().await;
        let _: DumpRsp = other.call(DUMP, 1, &DumpReq { gfs_id: 0 }).await.unwrap();
    });
}

#[test]
fn writers_wait_for_room_and_all_of_it_arrives() {
    let served = Served::tcp();
    run(async {
        let client = served.client().await;
        let credential = Credential::default();
        let data = IoBuf::from(vec![1; 1 << 20]);
        let head = WriteReq { size: 1 << 20, ..WriteReq::default() };
        let mut calls = Vec::new();
        for _ in 0..100 {
            client.room().await;
            let put = |w: &mut gluster_xdr::Writer| gluster_xdr::Xdr::put(&head, w);
            calls.push(client.start(FOP, 13, Caller::V2(&credential), put, Payload::from(data.clone())));
        }
        for call in calls {
            assert_eq!(gluster_xdr::decode::<u64>(&call.await.unwrap()), Ok(1 << 20));
        }
    });
}

#[test]
fn a_panic_in_a_program_is_a_system_error_and_the_connection_lives() {
    let served = Served::tcp();
    run(async {
        let client = served.client().await;
        let failed = client.call::<_, u32>(FOP, Proc::Ipc.number(), &Nothing).await;
        assert_eq!(failed, Err(CallError::Status(Status::SystemErr)));
        let _: DumpRsp = client.call(DUMP, 1, &DumpReq { gfs_id: 0 }).await.unwrap();
    });
}

#[test]
fn refusals_are_those_of_the_incumbent() {
    let served = Served::tcp();
    run(async {
        let client = served.client().await;
        let call = async |number, version, procedure| {
            let program = gluster_xdr::Program::new(number, version, "");
            client.call::<_, u32>(program, procedure, &Nothing).await.unwrap_err()
        };
        assert_eq!(call(77, 1, 1).await, Status::ProgUnavail.into());
        assert_eq!(call(FOP.number, 330, 1).await, Status::ProgMismatch { low: 0, high: 0 }.into());
        assert_eq!(call(FOP.number, 400, 99).await, Status::ProcUnavail.into());
        assert_eq!(call(FOP.number, 400, 12).await, Status::GarbageArgs.into());
    });
}

/// Sends bytes as they are and reads until the server closes, or until `most` bytes came.
fn raw(port: u16, bytes: &[u8], most: usize) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = vec![0; most];
    let mut got = 0;
    while got < most {
        match stream.read(&mut answer[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => break,
            Err(e) => panic!("neither an answer nor an end: {e}"),
        }
    }
    answer.truncate(got);
    answer
}

#[test]
fn hostile_records_get_an_answer_or_an_end() {
    let served = Served::tcp();
    let port = served.port();
    let closes: [&[u8]; 4] = [&[0; 4], &[0x80, 0, 0, 0], &[0x7f, 0xff, 0xff, 0xff], &[0xff; 4]];
    for mark in closes {
        assert_eq!(raw(port, mark, 1), [0; 0], "{mark:?}");
    }
    // A header that is none: xid 0, garbage arguments.
    let words = |bytes: &[u8]| -> Vec<u8> { bytes.chunks(4).map(|word| word[3]).collect() };
    assert_eq!(words(&raw(port, &record::framed(&[1; 10]), 28)), [24, 0, 1, 0, 0, 0, 4]);
    // A lock owner of a hundred bytes is denied.
    let mut denied = Vec::new();
    for word in [9u32, 0, 2, FOP.number, 400, 22, 390_039, 120, 0, 0, 0, 0, 100] {
        denied.extend(word.to_be_bytes());
    }
    denied.extend([1; 100]);
    denied.extend([0; 8]);
    assert_eq!(words(&raw(port, &record::framed(&denied), 24)), [20, 9, 1, 1, 1, 0]);
    // The call in fragments of one byte is answered like any other.
    let whole = rpc::encode_call(5, DUMP, 2, &Credential::default(), &0u32);
    let mut pieces: Vec<u8> = whole.iter().flat_map(|byte| [0, 0, 0, 1, *byte]).collect();
    let last = pieces.len() - 5;
    pieces[last] = 0x80;
    assert_eq!(words(&raw(port, &pieces, 40)), [36, 5, 1, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn callers_from_high_ports_are_denied_where_only_root_may_call() {
    let served = Served::start(Limits { allow_insecure: false, ..Limits::default() }, &local(0));
    run(async {
        let client = served.client().await;
        let denied = client.call::<_, u32>(FOP, Proc::Access.number(), &Nothing).await;
        assert!(matches!(denied, Err(CallError::Status(Status::Denied { .. }))), "{denied:?}");
    });
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn say(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }
    fn has(&self, what: &str) -> bool {
        self.0.lock().unwrap().iter().any(|line| line == what)
    }
    fn count(&self, what: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|line| *line == what).count()
    }
}

impl Events for Heard {
    fn connected(&self, client: &Client) {
        assert!(client.is_connected());
        self.say("connected");
    }
    fn disconnected(&self, _client: &Client) {
        self.say("disconnected");
    }
    fn unreachable(&self, _client: &Client, errno: Errno) {
        self.say(format!("{errno:?}"));
    }
    fn called_back(&self, _client: &Client, program: u32, version: u32, procedure: u32, args: &IoBuf) {
        self.say(format!("{program}/{version}/{procedure} {}", args.len()));
    }
}

fn impatient() -> Settings {
    Settings { reconnect: Some(Duration::from_millis(20)), ..Settings::default() }
}

#[test]
fn a_lost_connection_fails_its_calls_and_comes_back() {
    let served = Served::tcp();
    run(async {
        let heard = Heard::default();
        let transport = open::transport("socket").unwrap();
        let client = Client::open(transport, served.options(), impatient(), heard.clone());
        client.ready().await.unwrap();
        let credential = Credential::default();
        let waiting =
            client.start(FOP, Proc::Flush.number(), Caller::V2(&credential), |_| {}, Payload::default());
        until(|| served.sample.running.load(Ordering::SeqCst) == 1).await;
        served.service.peers()[0].close();
        assert_eq!(waiting.await, Err(CallError::NotConnected));
        until(|| heard.count("connected") == 2).await;
        assert_eq!((heard.count("disconnected"), served.sample.gone.load(Ordering::SeqCst)), (1, 1));
        let _: DumpRsp = client.call(DUMP, 1, &DumpReq { gfs_id: 0 }).await.unwrap();
    });
}

#[test]
fn a_client_waits_for_its_server_to_come_up_and_stops_when_dropped() {
    services();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    run(async {
        let heard = Heard::default();
        let options = Dict::new().with("remote-host", "localhost").with("remote-port", u32::from(port));
        let client = Client::open(open::transport("socket").unwrap(), options, impatient(), heard.clone());
        assert_eq!(client.ready().await, Err(Errno::ECONNREFUSED));
        let served = Served::start(Limits::default(), &local(port));
        until(|| heard.has("connected")).await;
        drop(client);
        until(|| served.service.peers().is_empty()).await;
    });
}

#[test]
fn a_server_calls_its_clients_back() {
    let served = Served::tcp();
    run(async {
        let heard = Heard::default();
        let transport = open::transport("socket").unwrap();
        let client = Client::open(transport, served.options(), Settings::default(), heard.clone());
        client.ready().await.unwrap();
        until(|| served.service.peers().len() == 1).await;
        let callback = gluster_xdr::callback::CALLBACK;
        served.service.peers()[0]
            .call_back(callback, 9, &gluster_xdr::callback::Statedump { pid: 1 })
            .unwrap();
        until(|| heard.has("52743234/1/9 4")).await;
    });
}

#[test]
fn a_call_without_an_answer_ends_with_its_time() {
    let served = Served::tcp();
    run(async {
        let settings = Settings { frame_timeout: Duration::from_millis(80), ..Settings::default() };
        let client = Client::open(open::transport("socket").unwrap(), served.options(), settings, NoEvents);
        client.ready().await.unwrap();
        let silent = client.call::<_, u32>(FOP, Proc::Null.number(), &Nothing).await;
        assert_eq!(silent, Err(CallError::TimedOut));
        assert!(client.is_connected(), "the connection stays");
    });
}

#[test]
fn the_time_of_calls_changes_while_the_client_is_at_work() {
    let served = Served::tcp();
    run(async {
        let options = served.options();
        let client = Client::open(open::transport("socket").unwrap(), options, Settings::default(), NoEvents);
        client.ready().await.unwrap();
        client.set_timeouts(Duration::from_millis(80), Duration::ZERO);
        let silent =
            rt::timeout(Duration::from_secs(30), client.call::<_, u32>(FOP, Proc::Null.number(), &Nothing));
        assert_eq!(silent.await, Some(Err(CallError::TimedOut)));
    });
}

#[test]
fn a_silent_server_is_given_up_after_a_ping() {
    services();
    // Accepts and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    run(async {
        let heard = Heard::default();
        let options = Dict::new().with("remote-host", "127.0.0.1").with("remote-port", u32::from(port));
        let settings = Settings { ping_timeout: Duration::from_millis(50), ..Settings::default() };
        let client = Client::open(open::transport("socket").unwrap(), options, settings, heard.clone());
        client.ready().await.unwrap();
        let failed = client.call::<_, u32>(FOP, Proc::Access.number(), &Nothing).await;
        assert_eq!(failed, Err(CallError::NotConnected));
        until(|| heard.has("disconnected")).await;
    });
}

#[test]
fn a_server_that_answers_pings_may_take_its_time_for_a_call() {
    let served = Served::tcp();
    run(async {
        let settings = Settings {
            ping_timeout: Duration::from_millis(200),
            frame_timeout: Duration::from_millis(1000),
            ..Settings::default()
        };
        let client = Client::open(open::transport("socket").unwrap(), served.options(), settings, NoEvents);
        client.ready().await.unwrap();
        // As a call for a lock that somebody else has.
        let waited = client.call::<_, u32>(FOP, Proc::Null.number(), &Nothing).await;
        assert_eq!(waited, Err(CallError::TimedOut), "and not for a lost connection");
        assert_eq!((client.is_connected(), client.generation()), (true, 1));
    });
}

#[test]
fn a_call_for_a_connection_that_is_over_goes_out_on_no_other() {
    let served = Served::tcp();
    run(async {
        let client = served.client().await;
        let generation = client.generation();
        let caller = gluster_xdr::rpc::Caller::None;
        let start =
            |generation| client.start_in(generation, DUMP, 2, caller, |_| {}, plugin_api::Payload::default());
        assert!(start(generation).await.is_ok());
        assert_eq!(start(generation + 1).await, Err(CallError::NotConnected));
        client.disconnect_in(generation + 1);
        assert!(client.is_connected(), "it is another");
        client.disconnect_in(generation);
        until(|| !client.is_connected() || client.generation() != generation).await;
    });
}

impl ObserverImpl for Heard {
    fn observed(&self, what: RStr<'_>, _data: &Dict) {
        self.say(what.as_str());
    }
}

#[test]
fn the_port_map_is_served_as_a_plugin() {
    use gluster_xdr::pmap::{PMAP, PmapProc, PortByBrickReq, PortByBrickRsp, SignInReq, SignInRsp};
    let served = Served::tcp();
    run(async {
        let heard = Arc::new(Heard::default());
        let pmap = open::program("pmap", &Dict::new(), heard.clone().share()).unwrap();
        served.service.register(Arc::new(gluster_rpc::PluginProgram(pmap)));
        let (brick, asker) = (served.client().await, served.client().await);
        let sign_in = SignInReq { brick: "/b/1".into(), port: 49152, pid: 7 };
        let done: SignInRsp = brick.call(PMAP, PmapProc::SignIn.number(), &sign_in).await.unwrap();
        assert_eq!(done, SignInRsp::default());
        let ask = async || -> PortByBrickRsp {
            let request = PortByBrickReq { brick: "/b/1".into() };
            asker.call(PMAP, PmapProc::PortByBrick.number(), &request).await.unwrap()
        };
        assert_eq!(ask().await.port, 49152);
        brick.stop();
        until(|| heard.has("gone")).await;
        assert_eq!(ask().await.op_ret, -1);
        let list: DumpRsp = asker.call(DUMP, 1, &DumpReq { gfs_id: 0 }).await.unwrap();
        assert!(list.serves(PMAP) && list.programs.iter().any(|program| program.name == "Gluster Portmap"));
    });
}
