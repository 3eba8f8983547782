//! Signals, taken as events of the pool.
//!
//! The incumbent blocks them in every thread and waits in one. A blocked signal stays blocked in every program that is
//! started, and neither the standard library nor a plugin without unsafe code can undo that; a handler is gone after
//! `exec`. So ours are handlers, which tokio installs and turns into events.
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use nix::sys::signal::{SigSet, Signal};
use tokio::signal::unix::{self, SignalKind};

/// The signals a process that serves takes itself.
const TAKEN: [Signal; 5] =
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2];

/// Signals could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("signals: {0}")]
pub struct SignalError(#[from] io::Error);

/// The signals that came in.
#[derive(Debug)]
pub struct Signals {
    streams: Vec<(Signal, unix::Signal)>,
}

impl Signals {
    /// Takes TERM, INT, HUP, USR1 and USR2 from now on. To be called inside the event pool.
    /// # Errors
    /// The kernel refuses a handler.
    pub fn take() -> Result<Signals, SignalError> {
        let stream = |signal: Signal| Ok((signal, unix::signal(SignalKind::from_raw(signal as i32))?));
        Ok(Signals { streams: TAKEN.into_iter().map(stream).collect::<Result<_, io::Error>>()? })
    }

    /// Waits for the next signal. One that comes in twice before it is taken counts once. Nothing is lost when the
    /// wait is given up.
    pub async fn next(&mut self) -> Signal {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Signal> {
        for (signal, stream) in &mut self.streams {
            if stream.poll_recv(cx).is_ready() {
                return Poll::Ready(*signal);
            }
        }
        Poll::Pending
    }
}

/// Lets the signals through that whoever started us may have blocked.
pub fn unblock() {
    // It fails only for a set that is none.
    let _ = SigSet::from_iter(TAKEN).thread_unblock();
}

/// The exit code of a process that was told to stop by `signal`, as the incumbent has it.
pub fn exit_code(signal: Signal) -> u8 {
    u8::try_from(signal as i32).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::raise;

    use super::*;

    fn pool() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
    }

    #[test]
    fn signals_are_taken_instead_of_ending_the_process() {
        pool().block_on(async {
            let mut signals = Signals::take().unwrap();
            raise(Signal::SIGHUP).unwrap();
            assert_eq!(signals.next().await, Signal::SIGHUP);
            raise(Signal::SIGTERM).unwrap();
            assert_eq!(signals.next().await, Signal::SIGTERM);
        });
    }

    #[test]
    fn a_program_started_by_us_hears_its_signals() {
        pool().block_on(async {
            SigSet::from_iter(TAKEN).thread_block().unwrap();
            unblock();
            let _signals = Signals::take().unwrap();
            let status = std::process::Command::new("cat").arg("/proc/self/status").output().unwrap().stdout;
            let status = String::from_utf8(status).unwrap();
            let mask = |name: &str| {
                let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
                u64::from_str_radix(line.trim(), 16).unwrap()
            };
            let ours = TAKEN.iter().fold(0, |bits, signal| bits | 1u64 << (*signal as u32 - 1));
            assert_eq!((mask("SigBlk:") & ours, mask("SigIgn:") & ours), (0, 0), "{status}");
        });
    }

    #[test]
    fn the_exit_code_is_the_signals_number() {
        assert_eq!((exit_code(Signal::SIGTERM), exit_code(Signal::SIGINT)), (15, 2));
    }
}
