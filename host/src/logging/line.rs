//! A log line in the incumbent's layout.
use std::cell::RefCell;
use std::fmt::Write;
use std::time::SystemTime;

use super::{Record, clock};

/// What a line shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub msg_id: bool,
    pub local_time: bool,
}

thread_local! {
    /// One buffer a thread: a line costs no allocation once the buffer has grown.
    static LINE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Formats the line and hands it to `write`, its newline included.
pub(super) fn with_line(style: Style, record: &Record<'_>, write: impl FnOnce(&str)) {
    LINE.with(|line| match line.try_borrow_mut() {
        Ok(mut line) => {
            line.clear();
            format(&mut line, style, SystemTime::now(), record);
            write(&line);
        }
        // A `Display` that logs while it is being logged gets a line of its own.
        Err(_) => {
            let mut line = String::new();
            format(&mut line, style, SystemTime::now(), record);
            write(&line);
        }
    });
}

fn format(line: &mut String, style: Style, now: SystemTime, record: &Record<'_>) {
    line.push('[');
    clock::write_time(line, now, style.local_time);
    line.push_str("] ");
    line.push(record.level.letter());
    if let Some(number) = record.msg_id.filter(|_| style.msg_id) {
        write_to(line, format_args!(" [MSGID: {number}]"));
    }
    write_to(line, format_args!(" [{}] {}-", record.target, record.graph));
    push_clean(line, record.xlator);
    line.push_str(": ");
    push_clean(line, record.message);
    line.push('\n');
}

fn write_to(line: &mut String, text: std::fmt::Arguments<'_>) {
    line.write_fmt(text).expect("a string takes everything");
}

/// Appends text from wherever it comes so that it stays one line and moves no cursor.
fn push_clean(line: &mut String, text: &str) {
    if !text.contains(|c: char| c.is_control() && c != '\t') {
        line.push_str(text);
        return;
    }
    for c in text.chars() {
        match c {
            '\n' => line.push_str("\\n"),
            '\t' => line.push(c),
            c if c.is_control() => line.extend(c.escape_default()),
            c => line.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::logging::Level;

    const RECORD: Record<'_> = Record {
        level: Level::Info,
        graph: 0,
        xlator: "management",
        target: "lib.rs:12:glusterd::init",
        msg_id: Some(106479),
        message: "Using /var/lib/glusterd as working directory",
    };

    fn line(style: Style, record: &Record<'_>) -> String {
        let mut line = String::new();
        format(&mut line, style, UNIX_EPOCH + Duration::new(1_795_345_412, 531_317_999), record);
        line
    }

    #[test]
    fn a_line_has_the_incumbents_layout() {
        let style = Style { msg_id: true, local_time: false };
        assert_eq!(
            line(style, &RECORD),
            "[2026-11-22 11:03:32.531317 +0000] I [MSGID: 106479] [lib.rs:12:glusterd::init] \
             0-management: Using /var/lib/glusterd as working directory\n"
        );
    }

    #[test]
    fn the_message_number_can_be_left_out() {
        let style = Style { msg_id: false, local_time: false };
        assert!(line(style, &RECORD).contains("] I [lib.rs:12:glusterd::init] 0-management: "));
    }

    #[test]
    fn a_name_with_a_newline_cannot_forge_a_line() {
        let style = Style { msg_id: false, local_time: false };
        let record = Record { message: "lookup of a\n[2026] E\x1b[2J\tb", ..RECORD };
        let line = line(style, &record);
        assert!(line.ends_with(": lookup of a\\n[2026] E\\u{1b}[2J\tb\n"), "{line:?}");
        assert_eq!(line.matches('\n').count(), 1);
    }
}
