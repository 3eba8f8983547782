//! The options that stand before, between or after the words of a command.

use crate::said::Said;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How answers are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// As the incumbent's XML.
    Xml,
    /// The same tree as JSON.
    Json,
}

/// What the options ask for, and the words that are left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    /// How answers are laid out.
    pub(crate) format: Format,
    /// Nobody is there to be asked.
    pub(crate) script: bool,
    /// The host whose daemon is asked over TCP.
    pub(crate) remote_host: Option<String>,
    /// The daemon's unix socket.
    pub(crate) socket: PathBuf,
    /// How long a reply may take.
    pub(crate) timeout: Duration,
    /// Bricks of a new volume are taken as if `force` had been said.
    pub(crate) force: bool,
    /// The root-partition check of `volume create` is not wanted.
    pub(crate) ignore_partition: bool,
    /// The command.
    pub(crate) words: Vec<String>,
}

/// Where a daemon listens that nobody has told another place.
pub(crate) const SOCKET: &str = "/var/run/glusterd.socket";

impl Default for Options {
    fn default() -> Self {
        Self {
            format: Format::Text,
            script: false,
            remote_host: None,
            socket: PathBuf::from(SOCKET),
            timeout: Duration::from_secs(120),
            force: false,
            ignore_partition: false,
            words: Vec::new(),
        }
    }
}

/// Every option, and what it does.
pub(crate) const ABOUT: &[(&str, &str)] = &[
    ("--json", "answer as JSON"),
    ("--xml", "answer as XML"),
    ("--mode=script", "ask nothing: the answer to every question is yes"),
    ("--mode=interactive", "ask before something is taken away"),
    ("--timeout=SECONDS", "wait so long for an answer; 120 without it"),
    ("--remote-host=HOST", "ask the daemon of another host"),
    ("--glusterd-sock=PATH", "ask the daemon that listens there"),
    ("--wignore", "create volumes as if `force` had been said"),
    ("--wignore-partition", "take bricks on the root partition"),
    ("--log-level=LEVEL", "taken, and without effect: what is wrong is said"),
    ("--log-file=PATH", "likewise"),
    ("--nolog", "likewise"),
    ("--secure-mgmt=yes", "likewise"),
    ("--inet6", "likewise"),
    ("--print-logdir", "show where logs lie"),
    ("--print-statedumpdir", "show where statedumps are written"),
    ("--manual", "show this page as roff"),
    ("--completion=SHELL", "show what has bash, zsh or fish complete commands"),
    ("--version", "show the version"),
    ("--help", "show which pages of help there are"),
];

/// An option as it is begun: without its value, unless that is a word of its own.
pub(crate) fn begun(option: &'static str) -> &'static str {
    let value = option.find('=').map(|at| at + 1);
    value.filter(|&at| option[at..].starts_with(char::is_uppercase)).map_or(option, |at| &option[..at])
}

const VERSION: &str =
    concat!("gluster (Mortar) ", env!("CARGO_PKG_VERSION"), ", for the protocols of GlusterFS 10\n");

/// The levels that a log may have; nothing is logged here, since what is wrong is said.
const LOG_LEVELS: [&str; 9] =
    ["NONE", "TRACE", "CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "NOTICE", "ALERT"];

impl Options {
    /// Sorts a command line into options and words.
    ///
    /// # Errors
    /// What to print instead of running a command: an option that does not exist, or one that only shows something.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, Said> {
        let mut options = Self::default();
        for argument in arguments {
            match argument.strip_prefix("--") {
                Some(option) if !option.is_empty() => options.take(option)?,
                _ => options.words.push(argument),
            }
        }
        Ok(options)
    }

    /// The daemon's socket where it is not the usual one.
    pub(crate) fn own_socket(&self) -> Option<&Path> {
        Some(self.socket.as_path()).filter(|socket| *socket != Path::new(SOCKET))
    }

    fn take(&mut self, option: &str) -> Result<(), Said> {
        match option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value))) {
            ("xml", None) => self.format = Format::Xml,
            ("json", None) => self.format = Format::Json,
            ("nolog" | "inet6", None) => {}
            ("log-level", Some(level)) if LOG_LEVELS.contains(&level) => {}
            ("log-file" | "secure-mgmt", Some(_)) => {}
            ("wignore", None) => self.force = true,
            ("wignore-partition", None) => self.ignore_partition = true,
            ("mode", Some("script")) => self.script = true,
            ("mode", Some("interactive")) => self.script = false,
            ("remote-host", Some(host)) => self.remote_host = Some(host.to_owned()),
            ("glusterd-sock", Some(path)) => self.socket = PathBuf::from(path),
            ("timeout", Some(seconds)) => self.timeout = timeout(seconds)?,
            ("version", None) => return Err(Said::out(VERSION)),
            ("help", None) => return Err(Said::out(crate::help::AREAS)),
            ("manual", None) => return Err(Said::out(crate::manual::page())),
            ("completion", Some(shell)) if crate::complete::script(shell).is_some() => {
                return Err(Said::out(crate::complete::script(shell).unwrap_or_default()));
            }
            ("print-logdir", None) => return Err(Said::out("/var/log/glusterfs\n")),
            ("print-statedumpdir", None) => return Err(Said::out("/var/run/gluster\n")),
            _ => return Err(Said::unrecognized(&format!("option --{option}"), 255)),
        }
        Ok(())
    }
}

fn timeout(seconds: &str) -> Result<Duration, Said> {
    let whole = seconds.parse().ok().filter(|&seconds| seconds > 0).map(Duration::from_secs);
    whole.ok_or_else(|| Said { code: 254, ..Said::refused("timeout value should be a positive integer\n") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Said> {
        Options::parse(line.split(' ').map(str::to_owned))
    }

    #[test]
    fn options_may_stand_anywhere() {
        let options = parse("--mode=script volume --xml info v --remote-host=there").expect("all are known");
        assert_eq!(options.words, ["volume", "info", "v"]);
        assert!(options.format == Format::Xml && options.script);
        assert_eq!(options.remote_host.as_deref(), Some("there"));
    }

    #[test]
    fn an_unknown_option_or_value_is_named_with_exit_code_255() {
        for option in ["--nosuch", "--mode=foo", "--xml=1"] {
            let said = parse(option).expect_err("it is not known");
            assert_eq!(said.code, 255);
            assert!(said.out.starts_with(&format!("unrecognized option {option}\n\n Usage:")), "{said:?}");
        }
    }

    #[test]
    fn what_is_told_of_is_taken() {
        for (option, _) in ABOUT {
            let given = match begun(option) {
                "--timeout=" => "--timeout=1",
                "--log-level=" => "--log-level=INFO",
                "--completion=" => "--completion=bash",
                _ => option,
            };
            assert!(
                parse(given).is_ok_and(|_| true) || parse(given).is_err_and(|said| said.code == 0),
                "{given}"
            );
        }
        assert_eq!((begun("--mode=script"), begun("--timeout=SECONDS")), ("--mode=script", "--timeout="));
    }

    #[test]
    fn a_timeout_is_a_positive_number() {
        assert_eq!(parse("--timeout=7").expect("a number").timeout, Duration::from_secs(7));
        for wrong in ["--timeout=abc", "--timeout=0", "--timeout=-1"] {
            assert_eq!(parse(wrong).expect_err("no such time").code, 254);
        }
    }
}
