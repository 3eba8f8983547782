//! The `gluster` command line: words in, one request or a few to the daemon, the incumbent's text or XML out.
//!
//! - [`options`]: the options that stand before, between or after the words
//! - [`words`]: which command the words name
//! - [`daemon`]: the connection, a call, its reply
//! - [`person`]: questions that want y or n
//! - [`peer`], [`volume`], [`create`], [`info`], [`status`], [`system`]: one command family a file
//! - [`said`]: what a command prints and its exit code
//! - [`xml`]: documents laid out as the incumbent's are

#![forbid(unsafe_code)]

mod create;
mod daemon;
mod info;
mod options;
mod peer;
mod person;
mod said;
mod status;
mod system;
mod volume;
mod words;
mod xml;

use daemon::Connection;
use options::Options;
use person::Terminal;
use std::process::ExitCode;
use words::Session;

fn main() -> ExitCode {
    let said = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => {
            let mut daemon = Connection::new(&options);
            let mut person = Terminal { script: options.script };
            words::run(&mut Session { options: &options, daemon: &mut daemon, person: &mut person })
        }
        Err(said) => said,
    };
    ExitCode::from(said.print())
}
