//! One rule over one translator: what is tried, noted and found.

use std::fmt;

use super::Subject;
use crate::host::forget_logged;
use crate::random::Random;
use crate::{Bench, Fake};

/// How much of a rule is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Enough to find what is plainly wrong: seconds for all rules.
    Quick,
    /// What a release is held to.
    Full,
}

impl Size {
    /// One of two numbers.
    #[must_use]
    pub fn pick<T>(self, quick: T, full: T) -> T {
        if self == Self::Quick { quick } else { full }
    }
}

/// A fault of the translator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was being done.
    pub at: String,
    /// What was wrong with it.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}

/// How a rule came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The translator keeps it.
    Kept,
    /// It does not: see the findings.
    Broken,
    /// It says nothing about this translator, and why.
    Skipped(String),
    /// It could not be tried, and what is needed for that.
    CannotRun(String),
}

/// What came of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How it came out.
    pub verdict: Verdict,
    /// What is wrong; at most [`Outcome::MOST`], the rest is counted in a note.
    pub findings: Vec<Finding>,
    /// What is worth knowing, and no fault.
    pub notes: Vec<String>,
}

impl Outcome {
    /// Findings that are kept; a broken translator breaks again and again.
    pub const MOST: usize = 8;
}

/// Why a rule ends early.
#[derive(Debug)]
pub(crate) enum End {
    /// It says nothing about this translator.
    Skip(String),
    /// It cannot be tried.
    Cannot(String),
    /// What was found makes going on pointless.
    Found,
}

/// How a rule ends.
pub(crate) type Kept = Result<(), End>;

/// A rule being tried.
pub(crate) struct Trial<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) size: Size,
    pub(crate) random: Random,
    step: &'a dyn Fn(&str),
    at: String,
    findings: Vec<Finding>,
    notes: Vec<String>,
    more: usize,
}

impl<'a> Trial<'a> {
    pub(crate) fn new(subject: &'a Subject, seed: u64, size: Size, step: &'a dyn Fn(&str)) -> Self {
        let (findings, notes) = Default::default();
        Self { subject, size, random: Random::new(seed), step, at: String::new(), findings, notes, more: 0 }
    }

    /// Says what is tried next.
    pub(crate) fn step(&mut self, what: impl Into<String>) {
        self.at = what.into();
        (self.step)(&self.at);
    }

    /// Something is wrong with what is being tried.
    pub(crate) fn found(&mut self, what: impl Into<String>) {
        // A panic's words may have several lines, a report has one for each finding.
        let what = what.into().split_whitespace().collect::<Vec<_>>().join(" ");
        let finding = Finding { at: self.at.clone(), what };
        if self.findings.contains(&finding) {
            return;
        }
        match self.findings.len() < Outcome::MOST {
            true => self.findings.push(finding),
            false => self.more += 1,
        }
    }

    /// Something is worth knowing.
    pub(crate) fn note(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.notes.contains(&what) {
            self.notes.push(what);
        }
    }

    /// Whether so much is wrong that more of it teaches nothing.
    pub(crate) fn is_enough(&self) -> bool {
        self.more > 0 || self.findings.len() == Outcome::MOST
    }

    /// A graph of the translator over `child`, or of it alone where it is a leaf.
    pub(crate) fn start(&mut self, child: &Fake) -> Result<Bench, End> {
        self.start_with(child, &[])
    }

    /// The same, with options that go before the subject's.
    pub(crate) fn start_with(&mut self, child: &Fake, options: &[(&str, &str)]) -> Result<Bench, End> {
        let started = self.subject.start(child, options);
        started.map_err(|error| match error.why.starts_with("it panicked") {
            true => {
                self.found(error.why);
                End::Found
            }
            false => End::Cannot(format!(
                "it does not start: {}; give it what it needs with --option KEY=VALUE",
                error.why
            )),
        })
    }

    /// The same, for options that it may refuse, which is noted.
    pub(crate) fn try_start_with(&mut self, child: &Fake, options: &[(&str, &str)]) -> Option<Bench> {
        match self.start_with(child, options) {
            Ok(bench) => Some(bench),
            Err(End::Cannot(why)) => {
                let given: Vec<_> = options.iter().map(|(key, value)| format!("{key}={value}")).collect();
                let why = why
                    .trim_start_matches("it does not start: ")
                    .split("; give it")
                    .next()
                    .unwrap_or_default();
                self.note(format!("does not start with {}: {why}", given.join(" ")));
                None
            }
            Err(_) => None,
        }
    }

    /// Stops a graph; every panic in it is a finding.
    pub(crate) fn finish(&mut self, bench: Bench) {
        bench.stop();
        self.panics(&bench);
        let name = bench.name().to_owned();
        // A call that was never answered keeps its frame: that was told.
        let left = if self.findings.is_empty() { bench.end() } else { Vec::new() };
        for what in left {
            self.found(format!("after the graph's end {what}"));
        }
        // Rules make graphs by the thousand, and nobody reads what they logged.
        forget_logged(&name);
    }

    /// Every panic so far is a finding. Answers whether there was one.
    pub(crate) fn panics(&mut self, bench: &Bench) -> bool {
        let faults = bench.take_faults();
        for fault in &faults {
            self.found(format!("it panicked: {fault}"));
        }
        !faults.is_empty()
    }

    pub(crate) fn outcome(mut self, kept: Kept) -> Outcome {
        if self.more > 0 {
            self.notes.push(format!("{} more of the kind", self.more));
        }
        let verdict = match kept {
            _ if !self.findings.is_empty() => Verdict::Broken,
            Ok(()) | Err(End::Found) => Verdict::Kept,
            Err(End::Skip(why)) => Verdict::Skipped(why),
            Err(End::Cannot(why)) => Verdict::CannotRun(why),
        };
        Outcome { verdict, findings: self.findings, notes: self.notes }
    }
}
