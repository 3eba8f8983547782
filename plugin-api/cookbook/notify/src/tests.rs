//! What the notifier promises, against a small HTTP server on the loopback.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use plugin_testkit::{Bench, Fake, Testkit};

use super::*;

const LONG: Duration = Duration::from_secs(10);

/// Answers each post with the next of `statuses`, the last one for ever, and hands on the events of those it took.
struct Server {
    url: String,
    taken: Receiver<Json>,
}

impl Server {
    fn new(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let (take, taken) = channel();
        std::thread::spawn(move || {
            let mut statuses = statuses.iter().copied();
            let mut status = statuses.next().unwrap();
            for connection in listener.incoming() {
                while answer(connection.as_ref().unwrap(), status, &take) {
                    status = statuses.next().unwrap_or(status);
                }
            }
        });
        Self { url, taken }
    }

    fn next(&self) -> Json {
        self.taken.recv_timeout(LONG).unwrap()
    }
}

/// Answers one request of a connection; false when it was closed.
fn answer(connection: &TcpStream, status: u16, take: &Sender<Json>) -> bool {
    let (mut lines, mut length) = (BufReader::new(connection), 0);
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).unwrap_or(0) == 0 {
            return false;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body).unwrap();
    if status == 200
        && let Json::Array(events) = serde_json::from_slice(&body).unwrap()
    {
        events.into_iter().for_each(|event| take.send(event).unwrap());
    }
    let mut connection = connection;
    write!(connection, "HTTP/1.1 {status} so\r\ncontent-length: 0\r\n\r\n").is_ok()
}

fn bench(url: &str, options: &[(&str, &str)]) -> Bench {
    Testkit::<Notify>::new().option("url", url).options(options).child(Fake::memory()).start()
}

fn at(name: &'static str) -> Loc {
    Loc::entry(Inode::new(Gfid::ROOT, FileType::Directory), name.into())
}

fn create(bench: &Bench, name: &'static str) -> Fd {
    let fd = Fd::new(Inode::new(Gfid::NULL, FileType::Regular), 2, 1);
    let asked = Create { loc: at(name), flags: 0, mode: 0o644, umask: 0, fd, xdata: Dict::new() };
    bench.call::<kind::create>(asked).unwrap().fd
}

fn wait_until(done: impl Fn() -> bool, what: impl Fn() -> String) {
    let end = Instant::now() + LONG;
    while !done() {
        assert!(Instant::now() < end, "waited for {}", what());
        std::thread::yield_now();
    }
}

/// Waits until the statedump says so.
fn wait_for(bench: &Bench, line: &str) {
    wait_until(
        || bench.dump().lines().any(|there| there == line),
        || format!("`{line}` in {}", bench.dump()),
    );
}

#[test]
fn a_server_hears_what_became_of_a_file() {
    let server = Server::new(&[200]);
    let bench = bench(&server.url, &[]);
    let fd = create(&bench, "f");
    let flush = || Flush { fd: fd.clone(), xdata: Dict::new() };
    bench.call::<kind::flush>(flush()).unwrap();
    let data = IoBuf::from("some").into();
    let write = Writev { fd: fd.clone(), data, offset: 0, flags: 0, xdata: Dict::new() };
    bench.call::<kind::writev>(write).unwrap();
    (0..2).for_each(|_| drop(bench.call::<kind::flush>(flush()).unwrap()));
    let rename = Rename { old: at("f"), new: at("g"), xdata: Dict::new() };
    bench.call::<kind::rename>(rename).unwrap();
    bench.call::<kind::unlink>(Unlink { loc: at("g"), flags: 0, xdata: Dict::new() }).unwrap();
    bench.call::<kind::unlink>(Unlink { loc: at("g"), flags: 0, xdata: Dict::new() }).unwrap_err();

    let (root, gfid) = (Gfid::ROOT.to_string(), fd.inode().gfid().to_string());
    let (f, g) = (json!({ "parent": root, "name": "f" }), json!({ "parent": root, "name": "g" }));
    assert_eq!(server.next(), json!({ "event": "create", "uid": 0, "gfid": gfid, "at": f }));
    assert_eq!(
        server.next(),
        json!({ "event": "written", "uid": 0, "gfid": gfid }),
        "one flush after a write"
    );
    assert_eq!(server.next(), json!({ "event": "rename", "uid": 0, "gfid": gfid, "from": f, "at": g }));
    assert_eq!(server.next(), json!({ "event": "unlink", "uid": 0, "at": g }));
    wait_for(&bench, "posted=4");
}

#[test]
fn what_a_server_does_not_take_is_posted_again() {
    let server = Server::new(&[503, 500, 200]);
    let bench = bench(&server.url, &[]);
    create(&bench, "f");
    assert_eq!(server.next()["event"], "create");
    wait_for(&bench, "posted=1");
    assert!(bench.dump().contains("given-up=0"));
}

#[test]
fn what_no_attempt_delivers_is_given_up_and_counted() {
    let server = Server::new(&[503]);
    let bench = bench(&server.url, &[("tries", "2")]);
    create(&bench, "f");
    wait_for(&bench, "given-up=1");
}

#[test]
fn a_server_that_never_answers_holds_up_no_fop() {
    // Connections are made, and nobody accepts them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let bench = bench(&format!("http://{}/", silent.local_addr().unwrap()), &[("queue", "4")]);
    let names: Vec<&'static str> = (0..200).map(|n| &*format!("f{n}").leak()).collect();
    let begun = Instant::now();
    names.into_iter().for_each(|name| drop(create(&bench, name)));
    assert!(begun.elapsed() < poster::PATIENCE, "fops waited for the server");
    // One batch is on its way, four events wait.
    let dump = bench.dump();
    let dropped: u64 = dump.lines().find_map(|line| line.strip_prefix("dropped=")).unwrap().parse().unwrap();
    assert!(dropped >= 200 - 4 - 64, "{dump}");
}

#[test]
fn what_waits_when_the_graph_goes_is_posted_still() {
    let server = Server::new(&[503, 200]);
    let kit = Testkit::<Notify>::new().named("going").option("url", &server.url);
    let bench = kit.child(Fake::memory()).start();
    create(&bench, "f");
    wait_until(|| !plugin_testkit::logged("going").is_empty(), || "the first attempt to fail".to_owned());
    drop(bench);
    assert_eq!(server.next()["at"]["name"], "f");
}

#[test]
fn a_url_that_cannot_be_posted_to_is_refused_with_the_way_out() {
    let refused = Testkit::<Notify>::new().option("url", "https://example.org/").try_start();
    assert!(refused.unwrap_err().to_string().ends_with("for https put a proxy on this machine"));
}
