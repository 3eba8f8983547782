//! Commands one after the other, as they are typed or piped in.

use crate::said::Said;
use crate::session::Session;
use std::io::{BufRead, IsTerminal, Write, stdin, stdout};

/// Runs each line until `quit` or the end of input.
pub(crate) fn run(session: &mut Session<'_>) -> Said {
    let is_person = stdin().is_terminal() && !session.options.script;
    let mut code = 0;
    let mut line = String::new();
    loop {
        if is_person {
            let _closed = write!(stdout(), "gluster> ").and_then(|()| stdout().flush());
        }
        line.clear();
        match stdin().lock().read_line(&mut line) {
            Ok(0) | Err(_) => return Said::default().with_code(code),
            Ok(_) => {}
        }
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
}
