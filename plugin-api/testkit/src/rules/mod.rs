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

/// Writes the tests by which a translator keeps what the rule book says of data, names, faults, load, options and hostile
/// arguments, each with each of these sets of options. `keeps("events")` in a test of one's own adds another rule.
///
/// ```no_run
/// # use plugin_api::prelude::*;
/// # #[derive(Debug, Default)]
/// # struct Watch;
/// # #[xlator("debug/watch", unknown_fops = "pass")]
/// # impl Xlator for Watch {}
/// plugin_testkit::keeps_the_rules!(Watch, &[], &[("loud", "on")]);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! keeps_the_rules {
    ($kind:ty, $($options:expr),+ $(,)?) => {
        fn keeps(rule: &str) {
            let sets: &[&[(&str, &str)]] = &[$($options),+];
            for options in sets {
                let subject = $crate::rules::Subject::of::<$kind>();
                let subject = options.iter().fold(subject, |subject, (key, value)| subject.option(key, value));
                (1..4).for_each(|seed| subject.assert_kept(rule, seed));
            }
        }

        #[test]
        fn acknowledged_bytes_read_back() {
            keeps("data");
        }

        #[test]
        fn names_are_as_on_a_brick() {
            keeps("names");
        }

        #[test]
        fn a_child_that_fails_or_is_late_stops_nobody() {
            keeps("faults");
        }

        #[test]
        fn every_fop_is_answered_while_the_graph_stops() {
            keeps("load");
            keeps("switches");
        }

        #[test]
        fn every_option_is_taken_and_no_argument_brings_it_down() {
            keeps("options");
            keeps("hostile");
        }
    };
}

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
