//! `cluster/rebalance`: goes through a volume once and has every file moved to where its name belongs.
//!
//! It stands above the graph of a process of its own, which the management daemon starts for the task. What is done to a
//! directory or a file, distribute below does when it is told to; [`crawl`] says in what order, [`progress`] counts.
#![forbid(unsafe_code)]

mod crawl;
mod progress;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use plugin_api::prelude::*;

use progress::{Progress, Status};

/// The `ipc` fop about the task, by the number of the event it stands for, and the key that says what is asked.
const TASK: i32 = 16;
const COMMAND: &str = "rebalance-command";
const STOP: i64 = 2;
const STATUS: i64 = 3;

/// What is to be done, as the daemon numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Task {
    /// Fix layouts, and move files where the move makes room on the fuller brick.
    #[default]
    Move,
    /// Fix layouts alone.
    FixLayout,
    /// Fix layouts, and move all files, or those of bricks that leave.
    MoveAll,
}

impl Task {
    fn read(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::Move),
            4 => Some(Self::FixLayout),
            5 => Some(Self::MoveAll),
            _ => None,
        }
    }
}

/// Tells on the node whose daemon began it how a task ended; who stopped it knows.
fn tell((node, volume): (String, String), status: Status) {
    let event = match status {
        Status::Complete => gluster_events::Event::VolumeRebalanceComplete,
        Status::Failed => gluster_events::Event::VolumeRebalanceFailed,
        _ => return,
    };
    // On a thread that may block: the node's name may have to be looked up.
    rt::spawn_blocking(async move {
        let _ = gluster_events::send_to(
            (node.as_str(), gluster_events::PORT),
            event,
            &format!("volume={volume}"),
        );
    });
}

/// Goes through a volume once.
#[derive(Debug, Default)]
pub struct Rebalance {
    task: Task,
    commit: u32,
    /// Who is told how it ended, and of which volume.
    told: (String, String),
    begun: AtomicBool,
    progress: Arc<Progress>,
}

#[xlator(
    "cluster/rebalance",
    positions = "client",
    unknown_fops = "pass",
    doc = "goes through a volume and has every file moved to where its name belongs"
)]
impl Xlator for Rebalance {
    fn options() -> Options {
        Options::new()
            .int(
                "rebalance-cmd",
                "what is to be done: 1 move files, 4 fix layouts alone, 5 move files by force",
            )
            .default_value("1")
            .text("node-uuid", "the node that the process runs on")
            .int("commit-hash", "the mark of this rebalance on the directories that it is done with")
            .default_value("0")
    }

    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let number = cx.int("rebalance-cmd")?;
        self.task = Task::read(number).ok_or_else(|| {
            InitError(format!("{}: rebalance-cmd is {number}, and neither 1, 4 nor 5", cx.name()))
        })?;
        // The process asks its daemon for `rebalance/VOLUME`.
        let volume = cx.setting("volfile-id").rsplit('/').next().unwrap_or_default().to_owned();
        self.told = (cx.setting("volfile-server"), volume);
        self.commit = u32::try_from(cx.int("commit-hash")?)
            .map_err(|_| InitError(format!("{}: commit-hash is no number of 32 bits", cx.name())))?;
        Ok(())
    }

    fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
        if event.kind == EventKind::CHILD_UP && !self.begun.swap(true, Ordering::Relaxed) {
            let (handle, task, commit, progress, told) =
                (cx.me().clone(), self.task, self.commit, self.progress.clone(), self.told.clone());
            progress.begin(task);
            rt::spawn(async move {
                let status = crawl::all(&handle, task, commit, &progress).await;
                progress.end(status);
                tell(told, status);
                handle.notify_up(&Event { kind: EventKind::VOLUME_DEFRAG, data: progress.told() });
            });
        }
        if event.kind == EventKind::PARENT_DOWN {
            self.progress.stop();
        }
        cx.pass_on(event);
    }

    fn dump(&self, out: &mut String) {
        let told = self.progress.told();
        for key in ["files", "size", "lookups", "failures", "skipped", "status"] {
            out.push_str(&format!("{key}={}\n", told.int(key).unwrap_or(0)));
        }
    }

    async fn ipc(&self, frame: &Frame, args: Ipc) -> FopResult<Done> {
        if args.op != TASK {
            return frame.child().ipc(args).await;
        }
        match args.xdata.int(COMMAND) {
            Some(STATUS) => {}
            Some(STOP) => self.progress.stop(),
            _ => return Err(Errno::EINVAL.into()),
        }
        Ok(Done { xdata: self.progress.told() })
    }
}
