//! Every volume option: what it is called, where it goes, what it accepts.
//!
//! * [`table`]: all of them, in the order the incumbent lists them
//! * [`kind`]: types and ranges, and what is said about a value that does not fit
//! * `special`: options checked by rules of their own
//! * `addresses`: addresses, host names and patterns of addresses
//! * [`words`]: booleans, sizes, times and percentages as people write them
//! * [`values`]: the options set on one volume
//! * [`texts`]: what each does, for people
//! * [`edit`]: set and reset on one volume
//! * [`suggest`]: the closest known name

mod addresses;
pub mod edit;
pub mod kind;
mod special;
pub mod suggest;
pub mod table;
pub mod texts;
pub mod values;
pub mod words;

pub use kind::{OptionKind, WrongValue};
pub use table::TABLE;
pub use values::VolumeOptions;
pub use words::parse_bool;

/// One volume option.
#[derive(Debug, Clone, Copy)]
pub struct VolumeOption {
    /// The name people type, such as `performance.cache-size`.
    pub name: &'static str,
    /// The translator type it configures.
    pub xlator: &'static str,
    /// The option's name in the volfile; with a leading `!` volgen decides by code what the option does.
    pub key: &'static str,
    /// The op-version it came with.
    pub op_version: u32,
    /// What is special about it.
    pub flags: Flags,
    /// Written to the volfile, or acted on, when the volume does not set it.
    pub value: Option<&'static str>,
    /// The translator's own default, for people to see.
    pub default: Option<&'static str>,
    /// What it accepts.
    pub kind: OptionKind,
}

impl VolumeOption {
    /// Whether `value` fits the option's type and range.
    ///
    /// # Errors
    /// It does not; the text says how, in the incumbent's words.
    pub fn check(&self, value: &str) -> Result<(), WrongValue> {
        if value.is_empty() || value.contains(['\n', '\0']) || value.len() > MAX_VALUE {
            let refusal =
                format!("option {}: a value has 1 to {MAX_VALUE} bytes and no line break", self.name);
            return Err(WrongValue(refusal));
        }
        self.kind.check(self.name, self.error_key(), value)
    }

    /// The option's name in the volfile, unless volgen decides by code.
    #[must_use]
    pub fn volfile_key(&self) -> Option<&'static str> {
        (!self.key.starts_with('!')).then_some(self.key)
    }

    /// The name under which errors speak of it: the volfile's.
    #[must_use]
    pub fn error_key(&self) -> &'static str {
        match self.key.trim_start_matches('!') {
            "brick-log-level" | "client-log-level" => "log-level",
            key => key,
        }
    }
}

/// The longest value: a line of the store has to hold it.
const MAX_VALUE: usize = 8192;

/// What is special about an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Clients need the op-version too.
    pub const CLIENT: Self = Self(1);
    /// Switches a translator on or off.
    pub const SWITCH: Self = Self(2);
    /// Only `reset … force` resets it.
    pub const FORCE: Self = Self(4);
    /// `reset all` never resets it.
    pub const NEVER_RESET: Self = Self(8);
    /// Set for the whole cluster, by `volume set all`.
    pub const CLUSTER: Self = Self(16);
    /// `volume set help` shows it.
    pub const SHOWN: Self = Self(32);

    /// Both sets together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every flag of `other` is set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// The option of that full name; the first of those that share it.
#[must_use]
pub fn find(name: &str) -> Option<&'static VolumeOption> {
    TABLE.iter().find(|option| option.name == name)
}

/// What holds for an option that is not set; where options share a name, the first value given.
#[must_use]
pub fn standing_value(name: &str) -> Option<&'static str> {
    TABLE.iter().filter(|option| option.name == name).find_map(|option| option.value)
}

/// The option's full name for what somebody typed: the name itself, or the one option that ends in `.<typed>`.
///
/// Where several options end so, the first of the table is meant, as in the incumbent.
#[must_use]
pub fn complete(typed: &str) -> Option<&'static VolumeOption> {
    find(typed).or_else(|| {
        TABLE.iter().find(|option| option.name.split_once('.').is_some_and(|(_, short)| short == typed))
    })
}

/// Whether a name may be set without being in the table: `user.<anything>`.
#[must_use]
pub fn is_free(name: &str) -> bool {
    name.starts_with("user.")
}
