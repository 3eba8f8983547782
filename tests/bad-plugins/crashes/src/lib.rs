//! A translator that writes where no memory is, when it is asked for access to a file with the mask that says so; that
//! keeps contexts and descriptors; and that blocks, ends its process or takes memory when it is asked to.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use plugin_api::prelude::*;

/// Counts what it sees.
#[derive(Debug, Default)]
struct Crashes {
    step: AtomicU64,
    seen: AtomicU64,
    kept: Mutex<Vec<Fd>>,
}

/// How often a file was looked at.
#[derive(Debug, Default)]
struct Looks(AtomicU64);

/// What masks of `access` stand for.
mod mask {
    pub const CRASH: i32 = 0x7001;
    pub const EXIT: i32 = 0x7002;
    pub const SLEEP: i32 = 0x7003;
    pub const EAT: i32 = 0x7004;
    pub const PANIC: i32 = 0x7005;
}

/// The step that it does not come back from.
const FOR_EVER: u64 = 13;

/// Keeps the thread.
fn sleep() -> ! {
    loop {
        std::thread::sleep(std::time::Duration::from_secs(3600));
    }
}

#[xlator("bad/crashes", unknown_fops = "pass")]
impl Xlator for Crashes {
    fn options() -> Options {
        Options::new().int("step", "what each look counts for").default_value("1").reconfigurable()
    }

    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        self.step = AtomicU64::new(u64::try_from(cx.int("step")?)?);
        plugin_api::log!(Info, "counting", step = cx.int("step")?);
        Ok(())
    }

    fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let step = u64::try_from(cx.int("step")?)?;
        if step == FOR_EVER {
            sleep();
        }
        self.step.store(step, Ordering::Relaxed);
        Ok(())
    }

    fn dump(&self, out: &mut String) {
        out.push_str(&format!(
            "seen={}\nkept={}\n",
            self.seen.load(Ordering::Relaxed),
            self.kept.lock().unwrap().len()
        ));
    }

    fn client_disconnect(&self, _me: &Handle, client: &Client) {
        self.seen.fetch_add(1000, Ordering::Relaxed);
        plugin_api::log!(Info, "a client is gone", uid = client.uid());
    }

    /// Tells in xdata how often this file was looked at.
    async fn stat(&self, frame: &Frame, args: Stat) -> FopResult<Attr> {
        self.seen.fetch_add(1, Ordering::Relaxed);
        let step = self.step.load(Ordering::Relaxed);
        let looks = args.loc.inode.as_ref().map(|inode| {
            let looks = inode.object().ctx_or_insert_with(frame.key(), Looks::default);
            looks.0.fetch_add(step, Ordering::Relaxed) + step
        });
        let mut reply = frame.child().stat(args).await?;
        if let Some(looks) = looks.into_option() {
            reply.xdata.set("looks", looks);
        }
        Ok(reply)
    }

    async fn access(&self, frame: &Frame, args: Access) -> FopResult<Done> {
        match args.mask {
            // SAFETY: none: that is the point.
            mask::CRASH => unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) },
            mask::EXIT => std::process::exit(3),
            mask::SLEEP => sleep(),
            mask::EAT => {
                let mut eaten: Vec<Vec<u8>> = Vec::new();
                loop {
                    eaten.push(vec![1; 1 << 24]);
                }
            }
            mask::PANIC => panic!("as asked"),
            _ => {}
        }
        frame.child().access(args).await
    }

    /// Keeps the descriptor until a flush.
    async fn open(&self, frame: &Frame, args: Open) -> FopResult<Opened> {
        let opened = frame.child().open(args).await?;
        self.kept.lock().unwrap().push(opened.fd.clone());
        Ok(opened)
    }

    async fn flush(&self, frame: &Frame, args: Flush) -> FopResult<Done> {
        self.kept.lock().unwrap().retain(|fd| *fd != args.fd);
        frame.child().flush(args).await
    }

    async fn lookup(&self, frame: &Frame, args: Lookup) -> FopResult<Looked> {
        frame.child().lookup(args).await
    }

    async fn create(&self, frame: &Frame, args: Create) -> FopResult<Created> {
        frame.child().create(args).await
    }

    async fn readv(&self, frame: &Frame, args: Readv) -> FopResult<Data> {
        frame.child().readv(args).await
    }

    async fn writev(&self, frame: &Frame, args: Writev) -> FopResult<Written> {
        frame.child().writev(args).await
    }

    /// Answers by itself.
    async fn fsync(&self, _frame: &Frame, _args: Fsync) -> FopResult<PrePost> {
        Ok(PrePost::default())
    }
}
