//! Commands one after the other, as they are typed or piped in.

use crate::complete;
use crate::daemon::Connection;
use crate::options::Options;
use crate::said::Said;
use crate::session::Session;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Context, Editor, Helper, Highlighter, Hinter, Validator};
use std::io::{BufRead, IsTerminal, stdin};
use std::path::PathBuf;

const PROMPT: &str = "gluster> ";
/// Lines that are kept from one prompt to the next.
const KEPT: usize = 1000;

/// Runs each line until `quit` or the end of input.
pub(crate) fn run(session: &mut Session<'_>) -> Said {
    let is_person = stdin().is_terminal() && !session.options.script;
    let mut lines: Box<dyn Iterator<Item = String>> = match is_person.then(|| Typed::new(session.options)) {
        Some(Some(typed)) => Box::new(typed),
        _ => Box::new(stdin().lock().lines().map_while(Result::ok)),
    };
    run_all(session, &mut *lines)
}

fn run_all(session: &mut Session<'_>, lines: &mut dyn Iterator<Item = String>) -> Said {
    let mut code = 0;
    for line in lines {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        match words.first().map(String::as_str) {
            None => {}
            Some("quit" | "exit") => return Said::default(),
            Some(_) => {
                let (options, daemon, person) = (session.options, &mut *session.daemon, &mut *session.person);
                code = crate::run(&mut Session { options, words: &words, daemon, person }).print();
            }
        }
    }
    Said::default().with_code(code)
}

/// Lines that a person types, with what was typed before at hand and the Tab key at work.
struct Typed {
    editor: Editor<Tab, FileHistory>,
    /// Where the lines are kept.
    history: Option<PathBuf>,
}

impl Typed {
    fn new(options: &Options) -> Option<Self> {
        let config = Config::builder().max_history_size(KEPT).ok()?.history_ignore_space(true).build();
        let mut editor = Editor::with_config(config).ok()?;
        editor.set_helper(Some(Tab { options: options.clone() }));
        let history = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".gluster_history"));
        if let Some(file) = &history {
            // There is none before the first prompt.
            let _ = editor.load_history(file);
        }
        Some(Self { editor, history })
    }
}

impl Iterator for Typed {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        loop {
            match self.editor.readline(PROMPT) {
                Ok(line) => {
                    let added =
                        !line.trim().is_empty() && self.editor.add_history_entry(&line).unwrap_or(false);
                    if let Some(file) = self.history.as_ref().filter(|_| added) {
                        // A home that takes no file costs the history, not the command.
                        let _ = self.editor.append_history(file);
                    }
                    return Some(line);
                }
                // Ctrl-C takes back a line, Ctrl-D ends.
                Err(ReadlineError::Interrupted) => {}
                Err(_) => return None,
            }
        }
    }
}

/// What the Tab key offers.
#[derive(Helper, Hinter, Highlighter, Validator)]
struct Tab {
    options: Options,
}

impl Completer for Tab {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = &line[..at];
        let begun = typed.rfind(char::is_whitespace).map_or(0, |blank| blank + 1);
        let mut words: Vec<&str> = typed[..begun].split_whitespace().collect();
        words.push(&typed[begun..]);
        let volumes = || crate::volume::names(&mut Connection::new(&self.options));
        let mut found = complete::candidates(&crate::commands(), &words, volumes);
        if let [only] = &mut found[..]
            && !only.ends_with('=')
        {
            only.push(' ');
        }
        Ok((begun, found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::person::Terminal;
    use crate::testing::Scripted;

    fn run(lines: &[&str]) -> (Said, usize) {
        let mut daemon = Scripted::default().reply((0, 0, ""), &[]).reply((0, 0, ""), &[]);
        let options = Options { script: true, ..Options::default() };
        let mut person = Terminal { script: true };
        let mut session = Session { options: &options, words: &[], daemon: &mut daemon, person: &mut person };
        let said = run_all(&mut session, &mut lines.iter().map(|line| (*line).to_owned()));
        (said, daemon.asked.len())
    }

    #[test]
    fn each_line_is_a_command_until_one_that_ends() {
        assert_eq!(
            run(&["", "  volume   list ", "volume list", "quit", "volume list"]),
            (Said::default(), 2)
        );
    }

    #[test]
    fn the_end_of_input_tells_how_the_last_one_went() {
        assert_eq!(run(&["volume list", "volume nosuch"]).0.code, 1);
        assert_eq!(run(&["volume nosuch", "volume list"]).0.code, 0);
    }
}
