//! What is truly process-wide, and set before anything else.
use std::panic;

use crate::logging::{self, Level, Record};
use crate::process;

/// Raises the limits of the process, lets its signals through, and sends the words of a panic to the log.
pub fn init() {
    process::raise_limits();
    process::unblock_signals();
    panic::set_hook(Box::new(|info| {
        let target =
            info.location().map_or("?".to_owned(), |at| format!("{}:{}:panic", at.file(), at.line()));
        let words = info.payload_as_str().unwrap_or("a panic without words");
        let thread = std::thread::current();
        let message = format!("thread {} panicked: {words}", thread.name().unwrap_or("without a name"));
        logging::sink(&Record {
            level: Level::Critical,
            graph: 0,
            xlator: "host",
            target: &target,
            msg_id: None,
            message: &message,
        });
    }));
}
