//! `features/write-cap`: lets `limit` bytes through, then answers EDQUOT.
#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use plugin_api::prelude::*;

/// Lets `limit` bytes through, then answers EDQUOT.
#[derive(Debug, Default)]
struct WriteCap {
    limit: AtomicU64,
    passed: AtomicU64,
}

#[xlator(
    "features/write-cap",
    positions = "client, brick",
    unknown_fops = "pass",
    doc = "lets so many bytes through, then answers EDQUOT"
)]
impl Xlator for WriteCap {
    fn options() -> Options {
        Options::new()
            .size("limit", "bytes let through before EDQUOT")
            .default_value("1GB")
            .reconfigurable()
    }

    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        self.reconfigure(cx)
    }

    fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        self.limit.store(cx.size("limit")?, Relaxed);
        Ok(())
    }

    async fn writev(&self, frame: &Frame, args: Writev) -> FopResult<Written> {
        let (n, limit) = (args.len(), self.limit.load(Relaxed));
        let within = |passed: u64| passed.checked_add(n).filter(|sum| *sum <= limit);
        if self.passed.fetch_update(Relaxed, Relaxed, within).is_err() {
            return Err(Errno::EDQUOT.into()); // unwind
        }
        frame.child().writev(args).await // wind
    }
}

#[cfg(test)]
mod tests {
    use plugin_testkit::{Bench, Fake, Testkit};

    use super::*;

    /// A graph of one, over a child that takes everything.
    fn bench(limit: &str) -> Bench {
        Testkit::<WriteCap>::new()
            .option("limit", limit)
            .child(Fake::answering())
            .start()
    }

    fn write(bench: &Bench, bytes: &str) -> Result<(), Errno> {
        let fd = Fd::new(Inode::new(Gfid([1; 16]), FileType::Regular), 0, 1);
        let data = IoBuf::from(bytes.as_bytes().to_vec()).into();
        let args = Writev {
            fd,
            offset: 0,
            flags: 0,
            data,
            xdata: Dict::new(),
        };
        bench
            .call::<kind::writev>(args)
            .map(drop)
            .map_err(|error| error.errno)
    }

    #[test]
    fn so_many_bytes_pass_and_not_one_more() {
        let bench = bench("10");
        assert_eq!(write(&bench, "ten bytes!"), Ok(()));
        assert_eq!(write(&bench, "!"), Err(Errno::EDQUOT));
        assert_eq!(
            bench.calls(),
            ["writev"],
            "the child saw the first one only"
        );
    }

    #[test]
    fn a_raised_limit_counts_at_once() {
        let bench = bench("1");
        assert_eq!(write(&bench, "two"), Err(Errno::EDQUOT));
        bench.reconfigure(&[("limit", "1KB")]);
        assert_eq!(write(&bench, "two"), Ok(()));
    }

    #[test]
    fn a_limit_that_is_no_size_is_refused() {
        let refused = Testkit::<WriteCap>::new()
            .option("limit", "a lot")
            .try_start();
        assert!(refused.unwrap_err().to_string().contains("expected a size"));
    }
}
