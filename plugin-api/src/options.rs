//! Options: what a translator declares, how values are checked, and how it reads them.

use std::time::Duration;

use abi_stable::StableAbi;
use abi_stable::std_types::{ROption, RString, RVec, Tuple2};

use crate::Dict;
use crate::carry::Carry;

/// How the text of an option is read.
///
/// A number and no enum, so that a later kind does not end an older host: it takes any text.
#[repr(transparent)]
#[derive(StableAbi, Carry, Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionKind(pub u8);

impl OptionKind {
    /// Any text.
    pub const TEXT: Self = Self(0);
    /// A whole number.
    pub const INT: Self = Self(1);
    /// Bytes: a number with an optional unit `B KB MB GB TB PB` (powers of 1024).
    pub const SIZE: Self = Self(2);
    /// A number from 0 to 100 with an optional `%`.
    pub const PERCENT: Self = Self(3);
    /// Either of the two.
    pub const PERCENT_OR_SIZE: Self = Self(4);
    /// `on off yes no true false enable disable 1 0`, in any case.
    pub const BOOL: Self = Self(5);
    /// A duration: seconds, or a number with `s`, `min`, `hr`, `days`, `wk`.
    pub const TIME: Self = Self(6);
    /// A floating-point number.
    pub const DOUBLE: Self = Self(7);
    /// An absolute path.
    pub const PATH: Self = Self(8);
    /// One of a list of words.
    pub const CHOICE: Self = Self(9);
}

/// One option of a translator. Frozen but for [`more`](Self::more).
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct OptionDecl {
    /// Its names, the usual one first. A `*` matches any text, for families such as `auth.addr.*.allow`.
    pub keys: RVec<RString>,
    /// How its value is read.
    pub kind: OptionKind,
    /// The value when there is none.
    pub default: ROption<RString>,
    /// The smallest number allowed.
    pub min: ROption<f64>,
    /// The largest number allowed.
    pub max: ROption<f64>,
    /// The words of a [`OptionKind::CHOICE`].
    pub choices: RVec<RString>,
    /// One line for people.
    pub help: RString,
    /// Whether a running translator takes a new value.
    pub reconfigurable: bool,
    /// Whether a translator cannot start without it.
    pub required: bool,
    /// What later versions of plugin-api say about an option, by key; empty in 1.0. Who does not know a key leaves it
    /// alone.
    pub more: Dict,
}

impl OptionDecl {
    /// Whether this declares `key`.
    #[must_use]
    pub fn names(&self, key: &str) -> bool {
        self.keys.iter().any(|pattern| match pattern.split_once('*') {
            None => pattern.as_str() == key,
            Some((front, back)) => {
                key.len() >= front.len() + back.len() && key.starts_with(front) && key.ends_with(back)
            }
        })
    }

    /// Whether `value` is one that this option takes.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub fn check(&self, value: &str) -> Result<(), String> {
        let number = match self.kind {
            OptionKind::INT => parse_int(value).map(|n| n as f64).ok_or("a whole number"),
            OptionKind::SIZE => parse_size(value).map(|n| n as f64).ok_or("a size such as 128KB or 1GB"),
            OptionKind::PERCENT => parse_percent(value).ok_or("a percentage from 0 to 100"),
            OptionKind::PERCENT_OR_SIZE if value.trim_end().ends_with('%') => {
                return parse_percent(value).map(drop).ok_or_else(|| "a percentage from 0 to 100".into());
            }
            OptionKind::PERCENT_OR_SIZE => {
                parse_size(value).map(|n| n as f64).ok_or("a percentage or a size such as 128KB")
            }
            OptionKind::TIME => {
                parse_time(value).map(|t| t.as_secs_f64()).ok_or("a duration such as 30 or 10min")
            }
            OptionKind::DOUBLE => value.trim().parse().map_err(|_| "a number"),
            OptionKind::BOOL => {
                return parse_bool(value).map(drop).ok_or_else(|| "on or off".into());
            }
            OptionKind::PATH if value.starts_with('/') => return Ok(()),
            OptionKind::PATH => Err("an absolute path"),
            OptionKind::CHOICE if self.choices.iter().any(|c| c.eq_ignore_ascii_case(value)) => return Ok(()),
            OptionKind::CHOICE => {
                let words: Vec<_> = self.choices.iter().map(RString::as_str).collect();
                return Err(format!("one of {}", words.join(", ")));
            }
            // A text, or a kind of later versions.
            _ => return Ok(()),
        };
        let number: f64 = number.map_err(str::to_owned)?;
        match (self.min, self.max) {
            (ROption::RSome(min), ROption::RSome(max)) if number < min || number > max => {
                Err(format!("a value from {min} to {max}"))
            }
            (ROption::RSome(min), _) if number < min => Err(format!("a value of {min} or more")),
            (_, ROption::RSome(max)) if number > max => Err(format!("a value of {max} or less")),
            _ => Ok(()),
        }
    }
}

/// What a translator declares: built up by [`Xlator::options`](crate::Xlator::options).
///
/// Each adder begins an option; what follows it (`default`, `range`, …) is about that one.
#[repr(transparent)]
#[derive(StableAbi, Carry, Debug, Clone, Default)]
pub struct Options(pub RVec<OptionDecl>);

macro_rules! adders {
    ($($(#[$doc:meta])* $name:ident = $kind:ident,)*) => {
        $($(#[$doc])* #[must_use] pub fn $name(self, key: &str, help: &str) -> Self {
            self.add(OptionKind::$kind, key, help)
        })*
    };
}

impl Options {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn add(mut self, kind: OptionKind, key: &str, help: &str) -> Self {
        self.0.push(OptionDecl {
            keys: [RString::from(key)].into_iter().collect(),
            kind,
            default: ROption::RNone,
            min: ROption::RNone,
            max: ROption::RNone,
            choices: RVec::new(),
            help: help.into(),
            reconfigurable: false,
            required: false,
            more: Dict::new(),
        });
        self
    }

    adders! {
        /// Adds a text.
        text = TEXT,
        /// Adds a whole number.
        int = INT,
        /// Adds a number of bytes.
        size = SIZE,
        /// Adds a percentage.
        percent = PERCENT,
        /// Adds a percentage or a number of bytes.
        percent_or_size = PERCENT_OR_SIZE,
        /// Adds a switch.
        bool = BOOL,
        /// Adds a duration.
        time = TIME,
        /// Adds a number.
        double = DOUBLE,
        /// Adds an absolute path.
        path = PATH,
    }

    /// Adds a choice between words.
    #[must_use]
    pub fn choice(self, key: &str, words: &[&str], help: &str) -> Self {
        let mut this = self.add(OptionKind::CHOICE, key, help);
        this.last().choices = words.iter().map(|w| RString::from(*w)).collect();
        this
    }

    fn last(&mut self) -> &mut OptionDecl {
        self.0.last_mut().expect("an option was begun before its details")
    }

    /// One more name of the option.
    #[must_use]
    pub fn alias(mut self, key: &str) -> Self {
        self.last().keys.push(key.into());
        self
    }

    /// Its value when there is none.
    #[must_use]
    pub fn default_value(mut self, value: &str) -> Self {
        self.last().default = ROption::RSome(value.into());
        self
    }

    /// The numbers allowed, both ends included.
    #[must_use]
    pub fn range(mut self, min: f64, max: f64) -> Self {
        self.last().min = ROption::RSome(min);
        self.last().max = ROption::RSome(max);
        self
    }

    /// A running translator takes new values.
    #[must_use]
    pub fn reconfigurable(mut self) -> Self {
        self.last().reconfigurable = true;
        self
    }

    /// The translator cannot start without it.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.last().required = true;
        self
    }

    /// The option that declares `key`.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<&OptionDecl> {
        self.0.iter().find(|decl| decl.names(key))
    }
}

/// The options of one translator in a volfile: key and text, the last of equal keys only.
#[repr(transparent)]
#[derive(StableAbi, Carry, Debug, Clone, Default)]
pub struct OptionValues(pub RVec<Tuple2<RString, RString>>);

impl OptionValues {
    /// The text of `key`, as the volfile has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|pair| pair.0.as_str() == key).map(|pair| pair.1.as_str())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|pair| (pair.0.as_str(), pair.1.as_str()))
    }

    /// The text of an option under any of its names, or its default.
    #[must_use]
    pub fn resolve<'a>(&'a self, declared: &'a Options, key: &str) -> Option<&'a str> {
        let Some(decl) = declared.find(key) else { return self.get(key) };
        let given = decl.keys.iter().find_map(|name| self.get(name)).or_else(|| self.get(key));
        given.or_else(|| decl.default.as_ref().map(RString::as_str).into_option())
    }
}

impl<K: Into<RString>, V: Into<RString>> FromIterator<(K, V)> for OptionValues {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(k, v)| Tuple2(k.into(), v.into())).collect())
    }
}

/// `on`, `yes`, `true`, `enable`, `1` and their opposites, in any case.
#[must_use]
pub fn parse_bool(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "on" | "yes" | "true" | "enable" => Some(true),
        "0" | "off" | "no" | "false" | "disable" => Some(false),
        _ => None,
    }
}

/// A whole number: decimal, `0x…` or octal with a leading `0`.
#[must_use]
pub fn parse_int(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let value = if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        i64::from_str_radix(hex, 16)
    } else if digits.len() > 1 && digits.starts_with('0') {
        i64::from_str_radix(digits, 8)
    } else {
        digits.parse()
    };
    value.ok().map(|n| sign * n)
}

/// Bytes, with an optional unit `B KB MB GB TB PB` in any case, in powers of 1024; the number may have decimals.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let shift = match text[end..].trim().to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" => 10,
        "M" | "MB" => 20,
        "G" | "GB" => 30,
        "T" | "TB" => 40,
        "P" | "PB" => 50,
        _ => return None,
    };
    let bytes = number * (1_u64 << shift) as f64;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, and is not negative"
    )]
    (bytes < 9.3e18).then_some(bytes as u64)
}

/// 0 to 100, with an optional `%`.
#[must_use]
pub fn parse_percent(text: &str) -> Option<f64> {
    let number: f64 = text.trim().trim_end_matches('%').trim_end().parse().ok()?;
    (0.0..=100.0).contains(&number).then_some(number)
}

/// Seconds, or a number with a unit `s`/`sec`, `min`, `hr`, `days`, `wk`.
#[must_use]
pub fn parse_time(text: &str) -> Option<Duration> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..end].parse().ok()?;
    let unit = match text[end..].trim().to_ascii_lowercase().as_str() {
        "" | "s" | "sec" => 1,
        "m" | "min" => 60,
        "h" | "hr" => 3600,
        "d" | "day" | "days" => 86_400,
        "w" | "wk" => 604_800,
        _ => return None,
    };
    number.checked_mul(unit).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_have_units() {
        assert_eq!(parse_size("128KB"), Some(131_072));
        assert_eq!(parse_size("1.5 GB"), Some(1_610_612_736));
        assert_eq!(parse_size("4096"), Some(4096));
        assert_eq!(parse_size("4 apples"), None);
        assert_eq!(parse_time("10min"), Some(Duration::from_secs(600)));
        assert_eq!(parse_time("-1"), None);
    }

    #[test]
    fn a_wrong_value_is_told_what_was_expected() {
        let options = Options::new().int("threads", "how many").range(1.0, 64.0).bool("pass", "or not");
        let threads = options.find("threads").unwrap();
        assert_eq!(threads.check("65"), Err("a value from 1 to 64".into()));
        assert_eq!(threads.check("many"), Err("a whole number".into()));
        assert_eq!(options.find("pass").unwrap().check("maybe"), Err("on or off".into()));
    }

    #[test]
    fn a_family_of_keys_is_declared_once() {
        let options = Options::new().text("auth.addr.*.allow", "who may");
        assert!(options.find("auth.addr./b/1.allow").is_some());
        assert!(options.find("auth.addr.allow").is_none());
        let values: OptionValues = [("auth.addr./b/1.allow", "*")].into_iter().collect();
        assert_eq!(values.resolve(&options, "auth.addr./b/1.allow"), Some("*"));
    }
}
