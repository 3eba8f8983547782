//! What a rule's process tells the one that waits for it, and what `--json` prints.

use plugin_testkit::rules::{self, Outcome};
use serde::{Deserialize, Serialize};

/// The whole check.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The plugin.
    pub(super) file: String,
    /// What makes the rest happen again.
    pub(super) seed: u64,
    /// The rules, in the order they were tried.
    pub(super) rules: Vec<Told>,
}

/// One rule.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Told {
    /// Which.
    pub(super) rule: String,
    /// How it came out.
    #[serde(flatten)]
    pub(super) verdict: Verdict,
    /// How long it took.
    #[serde(default)]
    pub(super) millis: u64,
    /// What is wrong.
    pub(super) findings: Vec<Finding>,
    /// What is worth knowing.
    pub(super) notes: Vec<String>,
}

/// How a rule came out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "verdict", content = "why", rename_all = "kebab-case")]
pub(super) enum Verdict {
    /// The plugin keeps it.
    Kept,
    /// It does not.
    Broken,
    /// It says nothing about this plugin.
    Skipped(String),
    /// It could not be tried.
    CannotRun(String),
}

/// A fault of the plugin.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Finding {
    /// What was being done.
    pub(super) at: String,
    /// What was wrong with it.
    pub(super) what: String,
}

impl Told {
    pub(super) fn from_outcome(rule: &str, outcome: Outcome) -> Self {
        let verdict = match outcome.verdict {
            rules::Verdict::Kept => Verdict::Kept,
            rules::Verdict::Broken => Verdict::Broken,
            rules::Verdict::Skipped(why) => Verdict::Skipped(why),
            rules::Verdict::CannotRun(why) => Verdict::CannotRun(why),
        };
        let findings = outcome.findings.into_iter().map(|rules::Finding { at, what }| Finding { at, what });
        Self { rule: rule.to_owned(), verdict, millis: 0, findings: findings.collect(), notes: outcome.notes }
    }

    /// A rule with one finding.
    pub(super) fn broken(rule: &str, at: &str, what: String) -> Self {
        let findings = vec![Finding { at: at.to_owned(), what }];
        Self { rule: rule.to_owned(), verdict: Verdict::Broken, millis: 0, findings, notes: Vec::new() }
    }

    /// A rule with nothing to tell.
    pub(super) fn plain(rule: &str, verdict: Verdict) -> Self {
        Self { rule: rule.to_owned(), verdict, millis: 0, findings: Vec::new(), notes: Vec::new() }
    }
}
