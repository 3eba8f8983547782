//! What is said beside the success of putting a translator into graphs, or of taking it out: graphs that run stay as they are.

use super::Key;
use super::places::{Place, Side};

/// After these options were set; empty when none of them puts a translator anywhere.
#[must_use]
pub fn added(pairs: &[(String, String)]) -> String {
    let notes = pairs.iter().filter_map(|(key, value)| {
        let Some(Key::Place(_)) = Key::of(key) else { return None };
        Some(match Place::parse(value)?.side {
            Side::Brick => format!(
                "{key} translator has been added to the server volume file. Please restart the volume for enabling \
                 the translator"
            ),
            Side::Client => format!(
                "{key} translator has been added to the client volume file. A client has it when it mounts the next \
                 time, and cannot mount without the plugin"
            ),
        })
    });
    notes.collect::<Vec<_>>().join("\n")
}

/// After an option was reset; empty when it put no translator anywhere.
#[must_use]
pub fn removed(key: &str) -> String {
    match Key::of(key) {
        Some(Key::Place(_)) => format!(
            "{key} translator has been taken out of the volume files. Please restart the volume for disabling the \
             translator"
        ),
        _ => String::new(),
    }
}
