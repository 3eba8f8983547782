//! Types and ranges of option values, and what is said about a value that does not fit.

use super::words::{parse_bool, parse_int, parse_percent, parse_size, parse_time};

/// What an option accepts.
#[derive(Debug, Clone, Copy)]
pub enum OptionKind {
    /// Any text.
    Text,
    /// A boolean word.
    Bool,
    /// A boolean word, for options that put a translator in or leave it out.
    Switch,
    /// A whole number in a range.
    Int(i64, i64),
    /// A number of bytes in a range.
    Size(u64, u64),
    /// A number of bytes, or a percentage.
    SizeOrPercent,
    /// A percentage.
    Percent,
    /// A time in seconds in a range.
    Time(u64, u64),
    /// One of these words, in this case.
    Choice(&'static [&'static str]),
    /// An absolute path.
    Path,
    /// By a rule of its own, over name and value.
    Special(fn(&str, &str) -> Result<(), WrongValue>),
}

/// A value that does not fit, in the incumbent's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WrongValue(pub String);

impl OptionKind {
    /// Whether `value` switches off what the option is about.
    #[must_use]
    pub fn is_off(self, value: &str) -> bool {
        matches!(self, Self::Bool | Self::Switch | Self::Special(_)) && parse_bool(value) == Some(false)
    }

    /// Checks `value` for the option `name`, which volfiles call `key`.
    ///
    /// # Errors
    /// The value does not fit; the text says how.
    pub fn check(self, name: &str, key: &str, value: &str) -> Result<(), WrongValue> {
        let wrong = |text: String| Err(WrongValue(text));
        match self {
            Self::Text => Ok(()),
            Self::Special(check) => check(name, value),
            Self::Bool if parse_bool(value).is_some() => Ok(()),
            Self::Bool => wrong(format!("option {key} {value}: '{value}' is not a valid boolean value")),
            Self::Switch if parse_bool(value).is_some() => Ok(()),
            Self::Switch => wrong("Error, Validation Failed".to_owned()),
            Self::Int(min, max) => match parse_int(value) {
                None => wrong(format!("invalid number format \"{value}\" in option \"{key}\"")),
                Some(number) => in_range(key, value, value, i128::from(number), (min.into(), max.into())),
            },
            Self::Size(min, max) => match parse_size(value) {
                None => wrong(format!("invalid number format \"{value}\" in option \"{key}\"")),
                Some(bytes) if max == u64::MAX && bytes < min => {
                    wrong(format!("'{bytes}' in 'option {key} {value}' is out of range [{min} - inf]"))
                }
                Some(bytes) => {
                    in_range(key, value, &bytes.to_string(), bytes.into(), (min.into(), range_end(max)))
                }
            },
            Self::SizeOrPercent => {
                let percent = value.strip_suffix('%').and_then(|_| parse_percent(value));
                match (percent, parse_size(value)) {
                    (Some(percent), _) => in_percent(key, value, percent),
                    (None, None) => wrong(format!("invalid number format \"{value}\" in \"option {key}\"")),
                    (None, Some(_)) if value.contains('.') => wrong(format!(
                        "'{:.6}' in 'option {key} {value}' should not be fractional value. Use valid unsigned \
                         integer value.",
                        parse_percent(value).unwrap_or_default()
                    )),
                    (None, Some(_)) => Ok(()),
                }
            }
            Self::Percent => match parse_percent(value) {
                None => wrong(format!("invalid percent format \"{value}\" in \"option {key}\"")),
                Some(percent) => in_percent(key, value, percent),
            },
            Self::Time(min, max) => match parse_time(value) {
                None => wrong(format!("invalid time format \"{value}\" in \"option {key}\"")),
                Some(seconds) => {
                    in_range(key, value, &seconds.to_string(), seconds.into(), (min.into(), range_end(max)))
                }
            },
            Self::Choice(words) if words.contains(&value) => Ok(()),
            Self::Choice(words) => wrong(format!(
                "option {key} {value}: '{value}' is not valid (possible options are {}.)",
                words.join(", ")
            )),
            Self::Path if value.starts_with('/') => Ok(()),
            Self::Path => wrong(format!("option {key} {value}: '{value}' is not an absolute path name")),
        }
    }
}

/// Ends of an open range, as the table writes them.
fn range_end(max: u64) -> i128 {
    if max == u64::MAX { i128::MAX } else { max.into() }
}

fn in_range(
    key: &str,
    value: &str,
    shown: &str,
    number: i128,
    (min, max): (i128, i128),
) -> Result<(), WrongValue> {
    if (min..=max).contains(&number) {
        return Ok(());
    }
    let (open_below, open_above) = (min == i128::from(i64::MIN), max == i128::from(i64::MAX));
    Err(WrongValue(match (open_below, open_above) {
        (_, true) => format!("'{shown}' in 'option {key} {value}' is smaller than minimum value '{min}'"),
        (true, false) => format!("'{shown}' in 'option {key} {value}' is greater than maximum value '{max}'"),
        (false, false) => format!("'{shown}' in 'option {key} {value}' is out of range [{min} - {max}]"),
    }))
}

fn in_percent(key: &str, value: &str, percent: f64) -> Result<(), WrongValue> {
    if (0.0..=100.0).contains(&percent) {
        return Ok(());
    }
    Err(WrongValue(format!("'{percent:.6}' in 'option {key} {value}' is out of range [0 - 100]")))
}
