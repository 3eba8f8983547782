//! `features/notify`: tells an HTTP server what becomes of files.

mod outbox;
mod poster;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use plugin_api::LocalRuntime;
use plugin_api::prelude::*;
use serde_json::{Value as Json, json};

use outbox::Outbox;
use poster::Poster;

/// How long the last events may take on their way out.
const GRACE: Duration = Duration::from_secs(2);

/// Posts events from a runtime of its own; no fop waits for it.
#[derive(Debug, Default)]
struct Notify {
    running: Option<(LocalRuntime, Outbox)>,
}

/// What is kept with a descriptor: whether somebody wrote through it.
#[derive(Debug, Default)]
struct Touched(AtomicBool);

#[xlator(
    "features/notify",
    positions = "brick",
    unknown_fops = "pass",
    doc = "posts events of files to an HTTP server"
)]
impl Xlator for Notify {
    fn options() -> Options {
        Options::new()
            .text("url", "where events are posted to, as http://host:port/path")
            .required()
            .int("queue", "events that wait; what comes when it is full is dropped and counted")
            .range(1.0, 1e6)
            .default_value("1000")
            .int("tries", "attempts at a post before its events are given up")
            .range(1.0, 1000.0)
            .default_value("10")
    }

    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let length = usize::try_from(cx.int("queue")?)?;
        let (outbox, events) = Outbox::new(length);
        let poster = Poster::new(
            cx.text("url")?,
            u32::try_from(cx.int("tries")?)?,
            events,
            outbox.counts(),
            cx.name(),
        )?;
        let runtime = LocalRuntime::start(cx.name(), GRACE)?;
        runtime.spawn(|stopping| poster.run(stopping));
        self.running = Some((runtime, outbox));
        Ok(())
    }

    fn dump(&self, out: &mut String) {
        if let Some((_, outbox)) = &self.running {
            outbox.dump(out);
        }
    }

    fn fini(&self) {
        if let Some((runtime, _)) = &self.running {
            runtime.stop();
        }
    }

    async fn create(&self, frame: &Frame, args: Create) -> FopResult<Created> {
        let place = place(&args.loc);
        let made = frame.child().create(args).await?;
        self.tell(frame, "create", json!({ "gfid": made.iatt.gfid.to_string(), "at": place }));
        Ok(made)
    }

    async fn unlink(&self, frame: &Frame, args: Unlink) -> FopResult<Removed> {
        let place = place(&args.loc);
        let removed = frame.child().unlink(args).await?;
        self.tell(frame, "unlink", json!({ "at": place }));
        Ok(removed)
    }

    async fn rename(&self, frame: &Frame, args: Rename) -> FopResult<Renamed> {
        let (from, to) = (place(&args.old), place(&args.new));
        let renamed = frame.child().rename(args).await?;
        self.tell(frame, "rename", json!({ "gfid": renamed.iatt.gfid.to_string(), "from": from, "at": to }));
        Ok(renamed)
    }

    async fn writev(&self, frame: &Frame, args: Writev) -> FopResult<Written> {
        let fd = args.fd.clone();
        let written = frame.child().writev(args).await?;
        fd.object().ctx_or_insert_with(frame.key(), Touched::default).0.store(true, Relaxed);
        Ok(written)
    }

    async fn flush(&self, frame: &Frame, args: Flush) -> FopResult<Done> {
        let fd = args.fd.clone();
        let done = frame.child().flush(args).await?;
        if fd.object().ctx::<Touched>(frame.key()).is_some_and(|touched| touched.0.swap(false, Relaxed)) {
            self.tell(frame, "written", json!({ "gfid": fd.inode().gfid().to_string() }));
        }
        Ok(done)
    }
}

impl Notify {
    /// Adds who did it, and puts the event in the queue: this is all that a fop does for it.
    fn tell(&self, frame: &Frame, event: &str, mut body: Json) {
        body["event"] = event.into();
        body["uid"] = frame.identity().uid.into();
        if let Some((_, outbox)) = &self.running {
            outbox.offer(body);
        }
    }
}

/// A name in a directory. What is not UTF-8 in a name is shown, not kept.
fn place(loc: &Loc) -> Json {
    json!({ "parent": loc.directory().to_string(), "name": String::from_utf8_lossy(&loc.name) })
}
