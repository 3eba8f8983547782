//! What a volfile may say to `performance/io-cache`.

use gluster_cache::nanos;
use plugin_api::glob;
use plugin_api::prelude::*;

/// The priority of files that no pattern is about.
pub(crate) const ORDINARY: u32 = 1;

/// How it keeps, as the volume's options say.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) off: bool,
    /// Bytes of pages in all.
    pub(crate) room: u64,
    /// For how long pages are trusted, in the unit of moments.
    pub(crate) timeout: u64,
    smallest: u64,
    largest: Option<u64>,
    /// Which names have which priority, the first that matches.
    priorities: Vec<(String, u32)>,
}

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .bool("io-cache", "keep anything at all: off is as `pass-through on`")
        .default_value("on")
        .reconfigurable()
        .size("cache-size", "bytes of pages that are kept at most")
        .default_value("32MB")
        .reconfigurable()
        .time("cache-timeout", "for how long pages are trusted")
        .default_value("1")
        .range(0.0, 60.0)
        .reconfigurable()
        .size("min-file-size", "files with fewer bytes are left alone")
        .default_value("0")
        .reconfigurable()
        .size("max-file-size", "files with more bytes are left alone; 0 is no limit")
        .default_value("0")
        .reconfigurable()
        .text("priority", "patterns of names with a priority each, as `*.jpg:1,abc*:2`; 0 is not kept")
        .default_value("")
        .reconfigurable()
        .bool("pass-through", "keep nothing")
        .default_value("off")
        .reconfigurable()
}

impl Settings {
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        let largest = cx.size("max-file-size")?;
        Ok(Self {
            off: cx.bool("pass-through")? || !cx.bool("io-cache")?,
            room: cx.size("cache-size")?,
            timeout: nanos(cx.time("cache-timeout")?),
            smallest: cx.size("min-file-size")?,
            largest: (largest > 0).then_some(largest),
            priorities: priorities(cx.text("priority")?)?,
        })
    }

    /// Whether files of this size are kept.
    pub(crate) fn fits(&self, size: u64) -> bool {
        size >= self.smallest && self.largest.is_none_or(|largest| size <= largest)
    }

    /// Whether anything depends on names.
    pub(crate) fn has_priorities(&self) -> bool {
        !self.priorities.is_empty()
    }

    /// The priority of a file of this name.
    pub(crate) fn priority(&self, name: &[u8]) -> u32 {
        let first = self.priorities.iter().find(|(pattern, _)| glob::matches(pattern.as_bytes(), name));
        first.map_or(ORDINARY, |(_, priority)| *priority)
    }
}

fn priorities(text: &str) -> Result<Vec<(String, u32)>, InitError> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    let one = |word: &str| {
        let (pattern, priority) = word.rsplit_once(':')?;
        let priority = priority.trim().parse().ok()?;
        (!pattern.is_empty()).then(|| (pattern.trim().to_owned(), priority))
    };
    let wrong = |word| {
        InitError(format!("option `priority` has `{word}`, expected a pattern and a number as `*.jpg:1`"))
    };
    words.map(|word| one(word).ok_or_else(|| wrong(word))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pattern_that_matches_says_the_priority() {
        let priorities = priorities("*.jpg:3, abc*:2,a:b:0").unwrap();
        let settings = Settings { priorities, ..Settings::default() };
        for (name, priority) in [("abc.jpg", 3), ("abcd", 2), ("a:b", 0), ("other", ORDINARY)] {
            assert_eq!(settings.priority(name.as_bytes()), priority, "{name}");
        }
        for wrong in ["*.jpg", "*.jpg:", ":1", "a:-1", "a:1,b"] {
            super::priorities(wrong).unwrap_err();
        }
    }
}
