//! Translators that an operator puts into a volume's graphs: `user.xlator.NAME PLACE` and `user.xlator.NAME.OPTION VALUE`.
//!
//! * [`places`]: where one may stand
//! * [`plugins`]: which installed translator a name means, and what it declares
//! * [`check`]: what may be set and reset
//! * [`help`], [`note`]: what `volume set help` and a success say of them
//!
//! # Source
//! GlusterFS 10.3 as observed: keys, places of the brick graph, the order of several in one place. It has no places in
//! the client graph, takes any name and any option, and cannot reset them.

pub mod check;
pub mod help;
pub mod note;
pub mod places;
pub mod plugins;
#[cfg(test)]
mod tests;

use crate::volume::Volume;
use places::Place;

/// What all these options begin with.
const PREFIX: &str = "user.xlator.";

/// What an option of a volume says about a user translator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key<'a> {
    /// Where the translator of this name stands.
    Place(&'a str),
    /// A value for an option of the translator of this name.
    Option(&'a str, &'a str),
}

impl<'a> Key<'a> {
    /// Reads an option's name; `None` for one that is about something else.
    #[must_use]
    pub fn of(option: &'a str) -> Option<Self> {
        let rest = option.strip_prefix(PREFIX)?;
        Some(rest.split_once('.').map_or(Self::Place(rest), |(name, option)| Self::Option(name, option)))
    }

    /// The translator's name.
    #[must_use]
    pub fn name(self) -> &'a str {
        match self {
            Self::Place(name) | Self::Option(name, _) => name,
        }
    }
}

/// A user translator of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where it stands.
    pub place: Place,
    /// Options and values, the last set first.
    pub options: Vec<(&'a str, &'a str)>,
}

/// The user translators of a volume, the last set first; what stands nowhere is left out.
pub fn placed(volume: &Volume) -> impl Iterator<Item = Placed<'_>> {
    let places = volume.options.iter().filter_map(|(key, value)| match Key::of(key) {
        Some(Key::Place(name)) => Some((name, Place::parse(value)?)),
        _ => None,
    });
    places.map(|(name, place)| Placed { name, place, options: options_of(volume, name) })
}

/// Options and values that a volume sets for the translator of a name, the last set first.
#[must_use]
pub fn options_of<'a>(volume: &'a Volume, wanted: &str) -> Vec<(&'a str, &'a str)> {
    let one = |(key, value): (&'a str, &'a str)| match Key::of(key) {
        Some(Key::Option(name, option)) if name == wanted => Some((option, value)),
        _ => None,
    };
    volume.options.iter().filter_map(one).collect()
}
