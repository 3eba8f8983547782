//! A translator that is kept as plugin-api 1.0 built it: changes every byte by a stream that depends on its place, and uses
//! what translators use: options, events, contexts, buffers, dicts, time, answers at once and later.
#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use plugin_api::prelude::*;

/// Keeps what it writes from who reads below it.
#[derive(Debug, Default)]
struct Scramble {
    key: AtomicU64,
    ups: AtomicU64,
    written: AtomicU64,
}

/// How often a file was written.
#[derive(Debug, Default)]
struct Writes(AtomicU64);

impl Scramble {
    fn change(&self, bytes: &Payload, offset: u64) -> IoBuf {
        let whole = bytes.to_iobuf();
        let key = self.key.load(Relaxed);
        let mut changed = IoBufMut::with_len(whole.len());
        for ((at, from), to) in (offset..).zip(whole.iter()).zip(changed.iter_mut()) {
            let stream = (at ^ at >> 8 ^ key) & 0xff;
            *to = from ^ u8::try_from(stream).unwrap_or_default();
        }
        changed.freeze(whole.len())
    }
}

#[cfg_attr(feature = "pass", xlator("abi/scramble-pass", unknown_fops = "pass", doc = "kept from 1.0"))]
#[cfg_attr(feature = "deny", xlator("abi/scramble-deny", unknown_fops = "deny", doc = "kept from 1.0"))]
#[cfg_attr(
    feature = "decompose",
    xlator("abi/scramble-decompose", unknown_fops = "decompose", doc = "kept from 1.0")
)]
impl Xlator for Scramble {
    fn options() -> Options {
        Options::new()
            .int("key", "what the stream begins with")
            .default_value("90")
            .range(0.0, 255.0)
            .reconfigurable()
            .choice("mood", &["good", "bad"], "how it feels")
            .default_value("good")
    }

    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        if cx.text("mood")? == "bad" {
            return Err(InitError("not in this mood".to_owned()));
        }
        self.reconfigure(cx)
    }

    fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        self.key.store(u64::try_from(cx.int("key")?)?, Relaxed);
        Ok(())
    }

    fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
        if event.kind == EventKind::CHILD_UP {
            self.ups.fetch_add(1, Relaxed);
        }
        cx.pass_on(event);
    }

    fn dump(&self, out: &mut String) {
        let (ups, written) = (self.ups.load(Relaxed), self.written.load(Relaxed));
        out.push_str(&format!("ups={ups}\nwritten={written}\n"));
    }

    async fn readv(&self, frame: &Frame, args: Readv) -> FopResult<Data> {
        let offset = args.offset;
        let read = frame.child().readv(args).await?;
        let data = self.change(&read.data, offset).into();
        Ok(Data { data, ..read })
    }

    async fn writev(&self, frame: &Frame, args: Writev) -> FopResult<Written> {
        let writes = args.fd.inode().object().ctx_or_insert_with(frame.key(), Writes::default);
        writes.0.fetch_add(1, Relaxed);
        let data = self.change(&args.data, args.offset).into();
        let wrote = frame.child().writev(Writev { data, ..args }).await?;
        self.written.fetch_add(wrote.count, Relaxed);
        Ok(wrote)
    }

    async fn fsync(&self, frame: &Frame, args: Fsync) -> FopResult<PrePost> {
        rt::sleep(Duration::from_millis(2)).await;
        let mut mine = frame.fork();
        mine.identity_mut().uid = 7;
        mine.child().fsync(args).await
    }

    fn fgetxattr(&self, frame: &Frame, args: Fgetxattr) -> FopResult<Xattrs> {
        if &args.name[..] != b"user.writes" {
            return Err(Errno::ENODATA.into());
        }
        let writes = args.fd.inode().object().ctx::<Writes>(frame.key());
        let count = writes.map_or(0, |writes| writes.0.load(Relaxed));
        log!(Debug, xl: frame.name(), "told", writes = count);
        Ok(Xattrs { xattrs: Dict::new().with("user.writes", count), xdata: Dict::new() })
    }

    async fn setattr(&self, _frame: &Frame, _args: Setattr) -> FopResult<PrePost> {
        panic!("on purpose")
    }
}
