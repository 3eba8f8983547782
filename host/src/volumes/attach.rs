//! Attach: a brick process is given the graph of another brick, or has one taken away, while the others serve.
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use plugin_api::Errno;

use super::Volumes;
use super::served::{Served, Source};
use crate::graph::{GraphError, Unknown};
use crate::process::PidFile;
use crate::rpc::{Item, Refusal};
use crate::volfile::{self, Plan, SetBy};
use crate::volumes::VolumesError;

/// What stands at the top of every brick's graph.
const SERVER: &str = "protocol/server";

/// The volfile's graph as one of a process that listens already: its clients come in there.
pub(super) fn behind_the_door(mut plan: Plan, port: u16) -> Plan {
    if let Some(top) = plan.nodes.last_mut().filter(|top| top.type_name == SERVER) {
        top.set("transport.socket.listen-port", &port.to_string(), SetBy::Host);
    }
    plan
}

impl Volumes {
    /// Starts the graph of a volfile of this machine beside the others; its brick has signed in when this returns. What is
    /// here already stays as it is. The brick's pid file names this process, and is locked, for as long as it is here.
    ///
    /// # Errors
    /// It is no brick's volfile, another process has the brick, or a translator does not start. The other graphs notice
    /// nothing.
    pub(super) async fn attach(
        self: &Arc<Self>,
        path: &Path,
        pid_file: Option<PathBuf>,
    ) -> Result<(), Refusal> {
        let _alone = self.attaching.lock().await;
        let plan = load(path).await?;
        let brick = brick_of(&plan)?;
        if let Some(served) = self.with_brick(&brick) {
            tracing::info!(brick, "the brick is here already");
            return served.name_process_in(pid_file.as_deref());
        }
        let port = self.running().iter().find_map(|running| running.port());
        let Some(port) = port else {
            return Err(Refusal::new(Errno::EINVAL, "this process does not listen for clients".to_owned()));
        };
        let pid_file = pid_file.map(|path| claim(&path)).transpose()?;
        let text = plan.text.clone().into_bytes();
        let running = self.activate(behind_the_door(plan, port), Unknown::Warned).await.map_err(|error| {
            if let Some(file) = &pid_file {
                file.discard();
            }
            refused(&error)
        })?;
        let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let (path, pid_file) = (path.to_owned(), Mutex::new(pid_file));
        let source = Source::Attached { path, id, brick: brick.clone(), port, pid_file };
        let served = Arc::new(Served::new(Some(brick.clone()), source, running, text));
        self.add(served.clone()).await;
        self.watch(&served);
        tracing::info!(brick, port, "brick attached");
        Ok(())
    }

    /// Takes a brick's graph away. With the last one the process ends.
    ///
    /// # Errors
    /// The brick is not here.
    pub(super) async fn detach(&self, brick: &str) -> Result<(), Refusal> {
        let served = {
            let mut graphs = self.graphs();
            let here = |served: &Arc<Served>| served.running.has_brick(brick);
            let Some(at) = graphs.iter().position(here) else {
                return Err(Refusal::no_brick(brick));
            };
            if graphs.len() == 1 {
                tracing::info!(brick, "ordered to end with the last brick");
                self.news.tell(Item::Terminate);
                return Ok(());
            }
            graphs.remove(at)
        };
        self.publish();
        tokio::join!(self.sign_out(&served), served.stop());
        self.release_pid_file(&served);
        tracing::info!(brick, "brick detached");
        Ok(())
    }

    /// Takes the graph away when its brick fails and others serve; a brick that is alone ends the process by itself.
    pub(super) fn watch(self: &Arc<Self>, served: &Arc<Served>) {
        let (volumes, served) = (Arc::downgrade(self), Arc::downgrade(served));
        let Some(failed) = served.upgrade().map(|served| served.running.failed()) else { return };
        tokio::spawn(async move {
            failed.await;
            let (Some(volumes), Some(served)) = (volumes.upgrade(), served.upgrade()) else { return };
            let Some(brick) = served.brick.clone().filter(|_| volumes.graphs().len() > 1) else { return };
            tracing::error!(brick, "the brick failed, and is taken away; the others serve on");
            let _ = volumes.detach(&brick).await;
        });
    }

    fn with_brick(&self, brick: &str) -> Option<Arc<Served>> {
        self.graphs().iter().find(|served| served.running.has_brick(brick)).cloned()
    }

    /// Nobody is to take this process for the brick any more.
    fn release_pid_file(&self, served: &Served) {
        let held;
        let path = match &served.source {
            Source::CommandLine => self.settings.pid_file.as_deref(),
            Source::Attached { pid_file, .. } => {
                held = pid_file.lock().unwrap_or_else(PoisonError::into_inner).take();
                held.as_ref().map(PidFile::path)
            }
        };
        if let Some(path) = path
            && let Err(error) = std::fs::remove_file(path)
        {
            tracing::warn!(path = %path.display(), %error, "a pid file cannot be removed");
        }
    }
}

impl Served {
    /// A brick that somebody attached by hand has no pid file until its daemon asks for it.
    fn name_process_in(&self, path: Option<&Path>) -> Result<(), Refusal> {
        if let (Source::Attached { pid_file, .. }, Some(path)) = (&self.source, path) {
            let mut held = pid_file.lock().unwrap_or_else(PoisonError::into_inner);
            if held.is_none() {
                *held = Some(claim(path)?);
            }
        }
        Ok(())
    }
}

/// Reads the volfile: a plain file of this machine.
async fn load(path: &Path) -> Result<Plan, Refusal> {
    let refuse = |why: String| Refusal::new(Errno::EINVAL, why);
    let plain = path.is_absolute() && std::fs::symlink_metadata(path).is_ok_and(|stat| stat.is_file());
    if !plain {
        return Err(refuse(format!("`{}` is no file of this machine", path.display())));
    }
    let path = path.to_owned();
    let loaded = tokio::task::spawn_blocking(move || volfile::load(&path)).await;
    loaded.expect("reading does not panic").map_err(|error| refuse(error.to_string()))
}

/// The brick of a brick's volfile: what stands below the server at its top.
fn brick_of(plan: &Plan) -> Result<String, Refusal> {
    let top = plan.nodes.last().filter(|top| top.type_name == SERVER);
    match top.map(|top| top.children.as_slice()) {
        Some([brick]) => Ok(plan.nodes[*brick].name.clone()),
        _ => Err(Refusal::new(Errno::EINVAL, format!("{} is no brick's volfile", plan.origin))),
    }
}

fn claim(path: &Path) -> Result<PidFile, Refusal> {
    let pid = i32::try_from(std::process::id()).expect("the kernel's numbers are small");
    let file = PidFile::open(path).and_then(|file| {
        file.claim()?;
        file.write(pid)?;
        Ok(file)
    });
    file.map_err(|error| Refusal::new(Errno::EBUSY, error.to_string()))
}

fn refused(error: &VolumesError) -> Refusal {
    let errno = match error {
        VolumesError::Graph(GraphError::Hangs { .. }) => Errno::ETIMEDOUT,
        _ => Errno::EINVAL,
    };
    tracing::error!("a brick could not be attached: {error}");
    Refusal::new(errno, error.to_string())
}
