//! What the CLI asks: a dict whose values are text, read as what they are meant to be.

use super::{Refusal, shown};
use crate::daemon::Daemon;
use crate::store::folder::StoredVolume;
use plugin_api::Dict;

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a>(pub &'a Dict);

impl<'a> Request<'a> {
    /// The text of a key.
    ///
    /// # Errors
    /// There is none.
    pub fn text(self, key: &str) -> Result<&'a str, Refusal> {
        self.0
            .str(key)
            .ok_or_else(|| Refusal::at_once(format!("the request has no {key}, or one that is no text")))
    }

    /// The number of a key, or 0 when there is none.
    ///
    /// # Errors
    /// It is no number from 0 on.
    pub fn number(self, key: &str) -> Result<u32, Refusal> {
        let Some(value) = self.0.get(key) else { return Ok(0) };
        let number = value.as_i64().and_then(|number| u32::try_from(number).ok());
        number.ok_or_else(|| {
            let found = shown(value.as_str().unwrap_or_default());
            Refusal::at_once(format!("the request's {key} is `{found}`, expected a number"))
        })
    }

    /// Whether a switch of the CLI is on: `1`.
    ///
    /// # Errors
    /// It is no number.
    pub fn flag(self, key: &str) -> Result<bool, Refusal> {
        self.number(key).map(|number| number != 0)
    }

    /// The name of the volume that the request is about; whether there is one is seen later.
    ///
    /// # Errors
    /// The request names none.
    pub fn volume_name(self) -> Result<String, Refusal> {
        self.text("volname").map(str::to_owned)
    }

    /// The command as it was typed.
    #[must_use]
    pub fn command(self) -> Option<&'a str> {
        self.0.str("cmd-str")
    }
}

/// The volume of this name.
///
/// # Errors
/// There is none.
pub fn existing(daemon: &Daemon, name: &str) -> Result<StoredVolume, Refusal> {
    daemon.volume(name).ok_or_else(|| Refusal::no_volume(name))
}
