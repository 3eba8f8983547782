//! The rule book: what every translator has to keep, one rule a file.
//!
//! `mortar plugin check foo.so` runs these over a library, each in a process of its own; a test can run them over a type:
//!
//! ```
//! use plugin_api::prelude::*;
//! use plugin_testkit::rules::Subject;
//!
//! /// Only looks on.
//! #[derive(Debug, Default)]
//! struct Watch;
//!
//! #[xlator("debug/watch", unknown_fops = "pass")]
//! impl Xlator for Watch {
//!     fn options() -> Options {
//!         Options::new().bool("loud", "whether it says what it sees").default_value("off")
//!     }
//! }
//!
//! # fn main() {
//! Subject::of::<Watch>().option("loud", "on").assert_kept("declaration", 1);
//! # }
//! ```

mod answers;
mod data;
mod declaration;
mod events;
mod faults;
mod hostile;
mod load;
mod names;
mod options;
mod passes;
mod starts;
mod subject;
mod switches;
mod trial;
mod work;

pub use subject::Subject;
pub use trial::{Finding, Outcome, Size, Verdict};

use trial::{Kept, Trial};

/// Something that every translator has to keep.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// One word.
    pub name: &'static str,
    /// What is kept, in a sentence.
    pub about: &'static str,
    check: fn(&mut Trial<'_>) -> Kept,
}

/// The rules, in the order in which they are best tried.
pub const RULES: &[Rule] = &[
    declaration::RULE,
    starts::RULE,
    passes::RULE,
    answers::RULE,
    data::RULE,
    names::RULE,
    faults::RULE,
    options::RULE,
    events::RULE,
    load::RULE,
    switches::RULE,
    hostile::RULE,
];

impl Rule {
    /// The rule called `name`.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        RULES.iter().find(|rule| rule.name == name)
    }

    /// Holds a translator to the rule. What is random in it comes from `seed`; `step` hears what is being tried, so that
    /// it is known when the translator takes the process along or never comes back.
    #[must_use]
    pub fn check(&self, subject: &Subject, seed: u64, size: Size, step: &dyn Fn(&str)) -> Outcome {
        let mut trial = Trial::new(subject, seed, size, step);
        let kept = (self.check)(&mut trial);
        trial.outcome(kept)
    }
}
