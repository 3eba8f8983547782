//! Orders that who keeps the graphs follows, and waits for what they come to.
use std::path::PathBuf;

use plugin_api::Errno;
use tokio::sync::oneshot;

use crate::graph::evolve::Changed;

/// An order, and who waits for its end.
#[derive(Debug)]
pub enum Order {
    /// The volfiles and the plugins are to be taken as they are now.
    Reload(oneshot::Sender<Result<Changed, String>>),
    /// The brick of a volfile is to be served, too.
    Attach {
        /// The volfile, on this machine.
        volfile: PathBuf,
        /// The pid file that is to name this process.
        pid_file: Option<PathBuf>,
        /// Who asked.
        asker: oneshot::Sender<Result<(), Refusal>>,
    },
    /// A brick is to be served no longer.
    Detach {
        /// Its name.
        brick: String,
        /// Who asked.
        asker: oneshot::Sender<Result<(), Refusal>>,
    },
}

/// An order that was not followed: the error, and a sentence for people.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The error.
    pub errno: Errno,
    /// The sentence.
    pub why: String,
}

impl Refusal {
    /// An error with its sentence.
    pub fn new(errno: Errno, why: String) -> Refusal {
        Refusal { errno, why }
    }

    /// A brick that is not here.
    pub fn no_brick(name: &str) -> Refusal {
        Refusal::new(Errno::ENOENT, format!("this process has no brick {name}"))
    }
}
