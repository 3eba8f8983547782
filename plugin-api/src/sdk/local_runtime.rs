//! A tokio runtime of a plugin's own, for those who need what tokio has and the host's pool has not.

use std::future::Future;
use std::io;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

/// A tokio runtime on a thread of its own, from `init` to `fini`; with feature `local-runtime`.
///
/// The host's pool runs fops; what is posted, fetched or polled beside them may live here, where `tokio::net`,
/// `tokio::time` and every library above them work. A fop hands such work over through a bounded channel and goes on; it
/// awaits an answer from here only where it would await a child.
#[derive(Debug)]
pub struct LocalRuntime {
    tasks: Handle,
    stop: watch::Sender<bool>,
}

/// Held by a task: tells it when to end.
#[derive(Debug, Clone)]
pub struct Stopping(watch::Receiver<bool>);

impl LocalRuntime {
    /// Starts the runtime on a thread called `name`. When it is stopped, tasks have `grace` to end; then they are dropped.
    ///
    /// # Errors
    /// When the system has no thread or no descriptors left.
    pub fn start(name: &str, grace: Duration) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let tasks = runtime.handle().clone();
        let (stop, mut stopped) = watch::channel(false);
        let tasks_left = stop.clone();
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            runtime.block_on(async {
                // An error would say that nobody can stop it any more, which is the same.
                let _ = stopped.wait_for(|stop| *stop).await;
                drop(stopped);
                let _ = tokio::time::timeout(grace, tasks_left.closed()).await;
            });
        })?;
        Ok(Self { tasks, stop })
    }

    /// Runs a task, which is handed what tells it to end.
    pub fn spawn<F: Future<Output = ()> + Send + 'static>(&self, task: impl FnOnce(Stopping) -> F) {
        // Counted until the task has ended, whether it looks at it or not.
        let counted = self.stop.subscribe();
        let task = task(Stopping(counted.clone()));
        self.tasks.spawn(async move {
            task.await;
            drop(counted);
        });
    }

    /// Tells the tasks to end, and returns at once: for `fini`. Dropping the runtime does the same.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}

impl Drop for LocalRuntime {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Stopping {
    /// Is done once the runtime is to stop.
    pub async fn wait(&mut self) {
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// Whether the runtime is to stop.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn a_task_uses_what_tokio_has_and_ends_when_it_is_told() {
        let runtime = LocalRuntime::start("test", LONG).unwrap();
        let (told, tell) = channel();
        runtime.spawn(async move |mut stopping| {
            tokio::time::sleep(Duration::from_millis(1)).await;
            told.send("slept").unwrap();
            stopping.wait().await;
            told.send("ended").unwrap();
        });
        assert_eq!(tell.recv_timeout(LONG), Ok("slept"));
        runtime.stop();
        assert_eq!(tell.recv_timeout(LONG), Ok("ended"));
    }

    #[test]
    fn a_task_that_does_not_end_is_dropped_after_the_grace() {
        let runtime = LocalRuntime::start("test", SHORT).unwrap();
        let (held, dropped) = channel::<()>();
        runtime.spawn(async move |_stopping| {
            std::future::pending::<()>().await;
            drop(held);
        });
        drop(runtime);
        assert!(dropped.recv_timeout(LONG).is_err());
    }
}
