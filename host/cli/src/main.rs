//! The `gluster` command line: words in, one request or a few to the daemon, the incumbent's text or XML out.
//!
//! - [`options`]: the options that stand before, between or after the words
//! - [`command`]: the grammar, and which command the words name
//! - [`session`]: what a command has at hand, and how it ends
//! - [`daemon`]: the connection, a call, its reply; [`facts`]: the pairs of a reply
//! - [`person`]: questions that want y or n; [`prompt`]: commands one after the other
//! - [`peer`], [`volume`], [`snapshot`], [`state`], [`system`], [`help`]: a command family each
//! - [`complete`]: what may follow on a line; [`manual`]: the manual page
//! - [`news`]: the event of a command that was done
//! - [`said`]: what a command prints and its exit code; [`verdict`]: success or failure in one line
//! - [`tree`]: documents, as XML or JSON; [`table`]: columns; [`brick`], [`suggest`]: words as people write them

#![forbid(unsafe_code)]

mod brick;
mod command;
mod complete;
mod daemon;
mod facts;
mod help;
mod manual;
mod news;
mod options;
mod peer;
mod person;
mod prompt;
mod said;
mod session;
mod snapshot;
mod state;
mod suggest;
mod system;
mod table;
#[cfg(test)]
mod testing;
mod tree;
mod verdict;
mod volume;

use command::Command;
use daemon::Connection;
use options::Options;
use person::Terminal;
use said::Said;
use session::Session;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((complete::ASK, words)) = arguments.split_first().map(|(first, rest)| (first.as_str(), rest))
    {
        return completed(words);
    }
    let said = match Options::parse(arguments) {
        Ok(options) => {
            let mut daemon = Connection::new(&options);
            let mut person = Terminal { script: options.script };
            let words = &options.words;
            let mut session = Session { options: &options, words, daemon: &mut daemon, person: &mut person };
            if words.is_empty() { prompt::run(&mut session) } else { run(&mut session) }
        }
        Err(said) => said,
    };
    ExitCode::from(said.print())
}

/// Answers a shell that asks what may follow.
fn completed(words: &[String]) -> ExitCode {
    let asked = Options::parse(words.iter().filter(|word| word.starts_with("--glusterd-sock=")).cloned());
    let options = asked.unwrap_or_default();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let found = complete::candidates(&commands(), &words, || volume::names(&mut Connection::new(&options)));
    ExitCode::from(Said::out(found.into_iter().map(|word| word + "\n").collect::<String>()).print())
}

/// All commands.
fn commands() -> Vec<&'static Command> {
    let families = [
        help::COMMANDS,
        peer::COMMANDS,
        volume::COMMANDS,
        snapshot::COMMANDS,
        state::COMMANDS,
        system::COMMANDS,
    ];
    families.into_iter().flatten().collect()
}

/// Runs the command that the words name.
fn run(session: &mut Session<'_>) -> Said {
    let words: Vec<&str> = session.words.iter().map(String::as_str).collect();
    let said = match command::find(&commands(), &words) {
        Ok((command, taken)) => {
            let said = (command.run)(session, &words[taken..]).unwrap_or_else(|stop| stop.told(command));
            let named = command.words().collect::<Vec<_>>().join(" ");
            if let Some((event, details)) = news::of(&named, &words[taken..]).filter(|_| said.is_done()) {
                session.daemon.tell(event, &details);
            }
            said
        }
        Err(said) => said,
    };
    session.wrapped(said)
}
