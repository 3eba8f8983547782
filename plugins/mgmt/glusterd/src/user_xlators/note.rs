//! What is said beside the success of putting a translator into graphs, or of taking it out: who takes it when.

use super::Key;
use super::places::{Place, Side};

/// After these options were set; empty when none of them puts a translator anywhere.
#[must_use]
pub fn added(pairs: &[(String, String)]) -> String {
    let notes = pairs.iter().filter_map(|(key, value)| {
        let Some(Key::Place(_)) = Key::of(key) else { return None };
        Some(match Place::parse(value)?.side {
            Side::Brick => format!(
                "{key} translator has been added to the server volume file. Bricks that run take it in without a \
                 restart; what one refuses is in its log"
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
            "{key} translator has been taken out of the volume files. Bricks that run let it go without a restart"
        ),
        _ => String::new(),
    }
}
