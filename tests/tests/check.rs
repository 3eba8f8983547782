//! `mortar plugin check`: our own plugins keep the rules, and each bad one is caught by the rule that is meant for it.

#![forbid(unsafe_code)]

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tests::built::{file, host, plugin_folder};
use tests::process::{Answer, run};

/// Every translator that may stand in a graph of files, with the options that it needs to show what it does.
const OURS: &[(&str, &[&str])] = &[
    ("debug/io-stats", &[]),
    ("debug/trace", &[]),
    ("features/access-control", &[]),
    // Whoever waits behind it waits no longer than this.
    ("features/barrier", &["barrier-timeout=1"]),
    ("features/bitrot-stub", &["bitrot=on", "export={scratch}"]),
    ("features/changelog", &[]),
    ("features/index", &[]),
    ("features/leases", &["leases=on"]),
    ("features/locks", &[]),
    ("features/mac-compat", &[]),
    ("features/marker", &[]),
    ("features/quota", &[]),
    ("features/read-only", &["read-only=on"]),
    ("features/selinux", &[]),
    ("features/trash", &[]),
    ("features/upcall", &["cache-invalidation=on"]),
    ("features/worm", &[]),
    ("performance/io-threads", &[]),
    ("storage/posix", &[]),
    ("system/posix-acl", &[]),
];

/// Translators that are there to break a rule, as far as options tell them to; with the rules that they would break.
const BREAKERS: &[(&str, &[&str], &[&str])] = &[
    ("debug/delay-gen", &["delay-percentage=20", "delay-duration=100"], &["options", "load"]),
    ("debug/error-gen", &[], &["options"]),
];

/// All rules.
const RULES: &[&str] = &[
    "loads",
    "declaration",
    "starts",
    "passes",
    "answers",
    "data",
    "names",
    "faults",
    "options",
    "events",
    "load",
    "switches",
    "hostile",
];

/// Plugins with a fault, and the rule that finds it.
const BAD: &[(&str, &str)] = &[
    ("no-root", "loads"),
    ("other-major", "loads"),
    ("other-layout", "loads"),
    ("declares-nonsense", "declaration"),
    ("create-panics", "starts"),
    ("init-panics", "starts"),
    ("init-hangs", "starts"),
    ("fop-panics", "answers"),
    ("never-answers", "answers"),
    ("swallows-errors", "answers"),
    ("aborts", "answers"),
    ("corrupts", "data"),
    ("keeps-names", "names"),
    ("one-at-a-time", "faults"),
    ("option-panics", "options"),
    ("event-panics", "events"),
    ("fini-forgets", "load"),
    ("keeps-memory", "switches"),
    ("keeps-inodes", "switches"),
    ("trusts-names", "hostile"),
];

/// Longer than all rules together take on a busy machine.
const LIMIT: Duration = Duration::from_secs(600);

fn library(name: &str) -> std::path::PathBuf {
    file(&format!("lib{}.so", name.replace(['/', '-'], "_")))
}

fn check(plugin: &Path, words: &[&str]) -> Answer {
    run(host("mortar").args(["plugin", "check"]).arg(plugin).args(["--seed", "1"]).args(words), LIMIT)
}

/// What `--json` says of a rule.
fn rule<'a>(report: &'a Value, name: &str) -> &'a Value {
    let rules = report["rules"].as_array().expect("a list");
    rules.iter().find(|rule| rule["rule"] == name).unwrap_or_else(|| panic!("no rule {name} in {report:#}"))
}

fn keeps_the_rules(name: &str, options: &[&str], size: &[&str]) {
    let options: Vec<_> = options.iter().flat_map(|option| ["--option", option]).collect();
    let answer = check(&library(name), &[&options, size].concat());
    assert_eq!(answer.code, 0, "{name}:\n{}", answer.said());
}

#[test]
fn our_own_filters_keep_the_rules() {
    for (name, options) in OURS.iter().filter(|(name, _)| *name != "storage/posix") {
        keeps_the_rules(name, options, &["--quick"]);
    }
}

#[test]
fn what_breaks_a_rule_on_purpose_keeps_the_others() {
    for (name, options, broken) in BREAKERS {
        for rule in RULES.iter().filter(|rule| !broken.contains(rule)) {
            keeps_the_rules(name, options, &["--quick", "--only", rule]);
        }
    }
}

#[test]
fn our_own_store_keeps_the_rules() {
    keeps_the_rules("storage/posix", &[], &["--quick"]);
}

#[test]
fn our_own_server_keeps_the_rules() {
    let others = plugin_folder(&["rpc-transport/socket", "auth/addr", "auth/login"]);
    let folder = others.path().display().to_string();
    let words = ["--quick", "--plugin-dir", &folder, "--option", "transport.socket.bind-address=127.0.0.1"];
    let answer = check(&library("protocol/server"), &words);
    assert_eq!(answer.code, 0, "{}", answer.said());
}

#[test]
fn our_own_daemon_keeps_the_rules() {
    let others = plugin_folder(&["rpc-transport/socket", "rpc-program/pmap"]);
    let folder = others.path().display().to_string();
    let mut words = vec!["--quick", "--plugin-dir", &folder];
    for place in [
        "working-directory={scratch}",
        "run-directory={scratch}/run",
        "logging-directory={scratch}/log",
        "glusterd-sockfile={scratch}/socket",
        "transport.socket.listen-port=0",
        "transport.socket.bind-address=127.0.0.1",
    ] {
        words.extend(["--option", place]);
    }
    let answer = check(&library("mgmt/glusterd"), &words);
    assert_eq!(answer.code, 0, "{}", answer.said());
}

#[test]
#[ignore = "takes an hour: make soak"]
fn our_own_plugins_keep_the_rules_with_full_counts() {
    for (name, options) in OURS {
        keeps_the_rules(name, options, &[]);
    }
}

#[test]
fn each_bad_plugin_is_caught_by_the_rule_that_is_meant_for_it() {
    for (name, meant) in BAD {
        let library = library(&format!("bad/{name}"));
        let answer = check(&library, &["--quick", "--json", "--limit", "40", "--only", meant]);
        assert_eq!(answer.code, 1, "{name}: {}", answer.said());
        let report: Value = serde_json::from_str(&answer.out).expect("JSON");
        let found = rule(&report, meant);
        assert_eq!(found["verdict"], "broken", "{name}: {found:#}");
        assert!(!found["findings"].as_array().expect("a list").is_empty(), "{name}: {found:#}");
    }
}

#[test]
fn a_plugin_that_takes_its_process_along_is_a_finding_with_the_step_and_the_signal() {
    let answer = check(&library("bad/aborts"), &["--quick", "--only", "answers"]);
    assert_eq!(answer.code, 1);
    assert!(answer.out.contains("fsync: the process was ended by signal 6 (SIGABRT)"), "{}", answer.out);
    let again =
        format!("mortar plugin check {} --only answers --seed 1 --quick", library("bad/aborts").display());
    assert!(answer.out.contains(&again), "{}", answer.out);
}

#[test]
fn a_plugin_that_never_comes_back_is_ended_and_named() {
    let answer = check(&library("bad/init-hangs"), &["--quick", "--only", "starts", "--limit", "1"]);
    assert_eq!(answer.code, 1);
    assert!(answer.out.contains("start: no end after 1 s: the process was killed"), "{}", answer.out);
}

#[test]
fn what_was_found_is_found_again_with_the_seed() {
    let found = || {
        let answer = check(&library("bad/corrupts"), &["--quick", "--json", "--only", "data"]);
        let report: Value = serde_json::from_str(&answer.out).expect("JSON");
        rule(&report, "data")["findings"].clone()
    };
    let (first, second) = (found(), found());
    assert!(first[0]["what"].as_str().expect("a text").contains("bytes are wrong"), "{first:#}");
    assert_eq!(first, second);
}

#[test]
fn what_cannot_be_checked_says_what_it_needs() {
    let nowhere = check(Path::new("/nowhere.so"), &[]);
    assert_eq!(
        (nowhere.code, nowhere.err.as_str()),
        (2, "mortar: the check cannot run: /nowhere.so: no such file\n")
    );
    let stray = check(&library("debug/trace"), &["--only", "courage"]);
    assert_eq!(stray.code, 2);
    assert!(stray.err.contains("there is no rule `courage`: loads, declaration"), "{}", stray.err);
    let refused =
        check(&library("storage/posix"), &["--only", "starts", "--option", "directory=/nowhere/at/all"]);
    assert_eq!(refused.code, 2, "{}", refused.said());
    assert!(refused.err.contains("it does not start"), "{}", refused.err);
}

#[test]
fn the_rules_are_listed_with_what_they_keep() {
    let list = run(host("mortar").args(["plugin", "check", "--list"]), LIMIT).ok();
    for (_, rule) in BAD {
        assert!(list.lines().any(|line| line.starts_with(&format!("{rule} "))), "{rule} in\n{list}");
    }
}
