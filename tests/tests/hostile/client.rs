//! A client made by hand: it sends what it is told to, and believes nothing.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use gluster_xdr::fop::*;
use gluster_xdr::handshake::{HANDSHAKE_BRICK, HandshakeProc, SetvolumeReq, SetvolumeRsp};
use gluster_xdr::record::{Assembler, framed};
use gluster_xdr::rpc::{Caller, Credential, Message, Status, put_call};
use gluster_xdr::{Program, Writer, Xdr, decode, dict, encode};
use plugin_api::{Dict, Gfid, IoBuf};

/// An answer takes no longer, whatever was asked.
const PATIENCE: Duration = Duration::from_secs(20);

/// What became of a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// The results as they came.
    Results(IoBuf),
    /// It was not executed.
    Refused(Status),
    /// The connection was closed.
    Closed,
}

impl Outcome {
    /// `op_ret` and `op_errno`, which all results begin with.
    pub(crate) fn words(&self) -> Option<(i32, i32)> {
        let Self::Results(results) = self else { return None };
        let word = |at: usize| Some(i32::from_be_bytes(results.get(at..at + 4)?.try_into().ok()?));
        Some((word(0)?, word(4)?))
    }

    /// Whether the fop was not done: refused, or answered with an error.
    pub(crate) fn is_refusal(&self) -> bool {
        self.words().is_none_or(|(ret, errno)| ret < 0 && errno > 0)
    }

    pub(crate) fn read<R: Xdr>(&self) -> R {
        let Self::Results(results) = self else { panic!("{self:?}") };
        decode(results).expect("a reply as it should be")
    }
}

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    records: Assembler,
    xid: u32,
    pub(crate) who: Credential,
}

impl Client {
    pub(crate) fn connect(port: u16) -> Option<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.set_nodelay(true).ok()?;
        Some(Self { stream, records: Assembler::new(128 << 20), xid: 1, who: Credential::default() })
    }

    /// Sends a record.
    pub(crate) fn send(&mut self, message: &[u8]) {
        // A server that has closed the connection is seen when the answer is read.
        let _ = self.stream.write_all(&framed(message));
    }

    fn receive(&mut self) -> Outcome {
        let mut bytes = [0; 64 << 10];
        loop {
            if let Some(record) = self.records.next_record().expect("the brick frames its replies") {
                match Message::decode(&record) {
                    // 0 is the answer to a call that cannot be read.
                    Ok(Message::Reply(reply)) if ![0, self.xid].contains(&reply.xid) => {}
                    Ok(Message::Reply(reply)) if reply.status == Status::Success => {
                        return Outcome::Results(reply.body);
                    }
                    Ok(Message::Reply(reply)) => return Outcome::Refused(reply.status),
                    // Callbacks.
                    Ok(Message::Call(_)) => {}
                    Err(error) => panic!("the brick's reply: {error}"),
                }
                continue;
            }
            match self.stream.read(&mut bytes) {
                Ok(0) => return Outcome::Closed,
                Ok(count) => self.records.push(&bytes[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return Outcome::Closed,
                Err(error) => panic!("the brick gives no answer: {error}"),
            }
        }
    }

    /// Calls a procedure with these arguments.
    pub(crate) fn call(&mut self, program: Program, procedure: u32, args: &[u8]) -> Outcome {
        self.xid += 1;
        let mut w = Writer::default();
        put_call(&mut w, self.xid, program, procedure, Caller::V3(&self.who));
        w.raw(args);
        self.send(&w.into_bytes());
        self.receive()
    }

    /// Calls with bytes where the credential should be: its flavour, its length and what follows.
    pub(crate) fn call_as(&mut self, flavour: u32, length: u32, body: &[u8], args: &[u8]) -> Outcome {
        self.xid += 1;
        let mut w = Writer::default();
        for word in [self.xid, 0, 2, FOP.number, FOP.version, Proc::Statfs.number(), flavour, length] {
            word.put(&mut w);
        }
        w.raw(body);
        w.raw(&[0; 8]);
        w.raw(args);
        self.send(&w.into_bytes());
        self.receive()
    }

    pub(crate) fn raw(&mut self, procedure: Proc, args: &[u8]) -> Outcome {
        self.call(FOP, procedure.number(), args)
    }

    pub(crate) fn fop<Q: Xdr>(&mut self, procedure: Proc, request: &Q) -> Outcome {
        self.raw(procedure, &encode(request))
    }

    /// A fop that must succeed.
    #[track_caller]
    pub(crate) fn done<Q: Xdr, R: Xdr>(&mut self, procedure: Proc, request: &Q) -> R {
        let outcome = self.fop(procedure, request);
        assert!(!outcome.is_refusal(), "{}: {:?}", procedure.name(), outcome.words());
        outcome.read()
    }

    /// A fop that must not be done.
    #[track_caller]
    pub(crate) fn refused<Q: Xdr>(&mut self, procedure: Proc, request: &Q, what: &str) {
        let outcome = self.fop(procedure, request);
        assert!(outcome.is_refusal(), "{} was done: {what}", procedure.name());
    }

    /// Asks to be let in.
    pub(crate) fn ask_in(&mut self, request: &Dict) -> Option<SetvolumeRsp> {
        let request = SetvolumeReq { dict: dict::encode(request).into() };
        let number = HandshakeProc::Setvolume.number();
        match self.call(HANDSHAKE_BRICK, number, &encode(&request)) {
            Outcome::Results(results) => decode(&results).ok(),
            _ => None,
        }
    }

    #[track_caller]
    pub(crate) fn is_served(&mut self) {
        let request = LookupReq { gfid: Gfid::ROOT, ..LookupReq::default() };
        let _: LookupRsp = self.done(Proc::Lookup, &request);
    }

    /// Makes a folder.
    #[track_caller]
    pub(crate) fn mkdir(&mut self, parent: Gfid, name: &str, gfid: Gfid) -> Gfid {
        let request = MkdirReq {
            pargfid: parent,
            mode: 0o755,
            bname: name.to_owned().into(),
            xdata: wish(gfid),
            ..MkdirReq::default()
        };
        self.done::<_, MadeRsp>(Proc::Mkdir, &request).stat.gfid
    }

    /// Makes a file and opens it.
    #[track_caller]
    pub(crate) fn create(&mut self, parent: Gfid, name: &str, gfid: Gfid) -> (Gfid, i64) {
        let request = CreateReq {
            pargfid: parent,
            flags: 2,
            mode: 0o644,
            bname: name.to_owned().into(),
            xdata: wish(gfid),
            ..CreateReq::default()
        };
        let made: CreateRsp = self.done(Proc::Create, &request);
        (made.stat.gfid, i64::try_from(made.fd).expect("a small number"))
    }

    /// Makes a symbolic link.
    #[track_caller]
    pub(crate) fn symlink(&mut self, name: &str, target: &str, gfid: Gfid) -> Gfid {
        let request = SymlinkReq {
            pargfid: Gfid::ROOT,
            bname: name.to_owned().into(),
            linkname: target.to_owned().into(),
            xdata: wish(gfid),
            ..SymlinkReq::default()
        };
        self.done::<_, MadeRsp>(Proc::Symlink, &request).stat.gfid
    }
}

/// The id that a client wants for what it makes.
pub(crate) fn wish(gfid: Gfid) -> Dict {
    Dict::new().with("gfid-req", gfid)
}

/// An id that is nobody's yet.
pub(crate) fn id(number: u8) -> Gfid {
    Gfid([0xaa, 1, 2, 3, 4, 5, 0x46, 7, 0x88, 9, 10, 11, 12, 13, 14, number])
}

/// Every fop that needs nothing but one file or folder: its procedure, and a request that names `gfid` and descriptor
/// `fd`.
pub(crate) fn on_object(gfid: Gfid, fd: i64) -> Vec<(Proc, Vec<u8>)> {
    macro_rules! all {
        ($($procedure:ident $request:ident { $($field:ident: $value:expr),* })*) => {
            vec![$((Proc::$procedure, encode(&$request { gfid, $($field: $value,)* ..$request::default() }))),*]
        };
    }
    let x = || Dict::new().with("user.x", "y");
    let n = || IoBuf::from_static(b"user.x");
    all! {
        Stat StatReq {}
        Fstat FstatReq { fd: fd }
        Readlink ReadlinkReq { size: 100 }
        Truncate TruncateReq { offset: 1 }
        Ftruncate FtruncateReq { fd: fd, offset: 1 }
        Open OpenReq { flags: 2 }
        Opendir OpendirReq {}
        Read ReadReq { fd: fd, size: 100 }
        Write WriteReq { fd: fd }
        Flush FdReq { fd: fd }
        Fsync FsyncReq { fd: fd }
        Fsyncdir FsyncdirReq { fd: fd }
        Setxattr SetxattrReq { dict: x() }
        Fsetxattr FsetxattrReq { fd: fd, dict: x() }
        Getxattr GetxattrReq { namelen: 6, name: n() }
        Fgetxattr FgetxattrReq { fd: fd, namelen: 6, name: n() }
        Removexattr RemovexattrReq { name: n() }
        Fremovexattr FremovexattrReq { fd: fd, name: n() }
        Access AccessReq { mask: 4 }
        Lk LkReq { fd: fd, cmd: 1 }
        Readdir ReaddirReq { fd: fd, size: 100 }
        Readdirp ReaddirReq { fd: fd, size: 100 }
        Inodelk InodelkReq { cmd: 1, kind: 2, volume: n() }
        Finodelk FinodelkReq { fd: fd, cmd: 1, kind: 2, volume: n() }
        Entrylk EntrylkReq { cmd: 2, kind: 1, namelen: 1, name: n(), volume: n() }
        Fentrylk FentrylkReq { fd: fd, cmd: 2, kind: 1, namelen: 1, name: n(), volume: n() }
        Xattrop XattropReq { dict: x() }
        Fxattrop FxattropReq { fd: fd, dict: x() }
        Rchecksum RchecksumReq { fd: fd, len: 100 }
        Setattr SetattrReq { valid: 1 }
        Fsetattr FsetattrReq { fd: fd, valid: 1 }
        Fallocate FallocateReq { fd: fd, size: 10 }
        Discard RangeReq { fd: fd, size: 10 }
        Zerofill RangeReq { fd: fd, size: 10 }
        Seek SeekReq { fd: fd, what: 3 }
        Lease LeaseReq {}
        Getactivelk GetactivelkReq {}
        Setactivelk SetactivelkReq {}
        Statfs StatfsReq {}
        Icreate IcreateReq { mode: 0o100_644 }
        Release FdReq { fd: fd }
        Releasedir FdReq { fd: fd }
    }
}
