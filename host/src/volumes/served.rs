//! One of the graphs of a process, with what it was made from.
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::graph::Running;
use crate::logging;
use crate::process::PidFile;

/// How long calls and translators may take to end, once they are told to.
const GRACE: Duration = Duration::from_secs(5);

/// How often it is looked whether they have.
const LOOK: Duration = Duration::from_millis(5);

/// A graph that serves.
#[derive(Debug)]
pub(super) struct Served {
    /// The brick that signs in for it.
    pub(super) brick: Option<String>,
    /// Where its volfile comes from.
    pub(super) source: Source,
    pub(super) running: Arc<Running>,
    /// The volfile that is in force, as it came.
    text: Mutex<Vec<u8>>,
    /// Since when it serves.
    since: SystemTime,
}

/// Where the volfile of a graph comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// As the command line says.
    CommandLine,
    /// From the file that an order named, and later from the daemon.
    Attached {
        /// The file.
        path: PathBuf,
        /// What the daemon knows it by.
        id: String,
        /// The brick.
        brick: String,
        /// Where the process listens.
        port: u16,
        /// Held, and locked, for as long as the brick is here.
        pid_file: Mutex<Option<PidFile>>,
    },
}

impl Served {
    pub(super) fn new(brick: Option<String>, source: Source, running: Arc<Running>, text: Vec<u8>) -> Served {
        Served { brick, source, running, text: Mutex::new(text), since: SystemTime::now() }
    }

    /// What tells it from all others, in the incumbent's form: host, process, time.
    pub(super) fn name(&self) -> String {
        let system = rustix::system::uname();
        let time = logging::time_text(self.since).replacen(' ', "-", 1);
        format!("{}-{}-{time}", system.nodename().to_string_lossy(), std::process::id())
    }

    pub(super) fn text(&self) -> MutexGuard<'_, Vec<u8>> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops the graph and waits for its calls; what does not end in time is cut.
    pub(super) async fn stop(&self) {
        let running = self.running.clone();
        let stopped = tokio::task::spawn_blocking(move || running.stop());
        if tokio::time::timeout(GRACE, stopped).await.is_err() {
            return tracing::warn!(seconds = GRACE.as_secs(), "a translator does not stop, and is cut");
        }
        let end = tokio::time::Instant::now() + GRACE;
        // Nobody tells when the last call ends, so it is looked at; a graph ends once.
        while self.running.users() > 0 && tokio::time::Instant::now() < end {
            tokio::time::sleep(LOOK).await;
        }
        match self.running.users() {
            0 => tracing::debug!("all calls have ended"),
            users => {
                tracing::warn!(users, seconds = GRACE.as_secs(), "calls did not end in time, and are cut")
            }
        }
    }
}
