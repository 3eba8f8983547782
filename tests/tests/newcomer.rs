//! What `mortar new` writes is sound: outside any tree of ours it passes its tests, lints and formatting, and the host
//! takes what it builds.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tests::built::{file, host, plugin_folder};
use tests::process::{Answer, run};
use tests::sandbox::LIMIT;
use tests::stack::workspace;

/// A first build of everything that a translator depends on, on a busy machine.
const BUILD: Duration = Duration::from_secs(600);

/// What such crates build is kept beside the workspace's own, so that it takes seconds the second time.
fn target() -> PathBuf {
    let profile = file("mortar");
    profile.ancestors().nth(2).expect("it lies in target/<profile>").join("newcomer")
}

#[track_caller]
fn cargo(folder: &Path, words: &[&str]) -> Answer {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(folder).args(words).env("CARGO_TARGET_DIR", target()).env("CARGO_TERM_QUIET", "true");
    run(&mut command, BUILD)
}

#[test]
fn a_new_translator_builds_outside_the_tree_passes_its_tests_and_is_a_plugin() {
    let scratch = tempfile::tempdir().expect("the temporary folder takes a folder");
    let folder = scratch.path().join("write-cap");
    let made =
        run(host("mortar").args(["new", "features/write-cap"]).current_dir(scratch.path()), LIMIT).ok();
    assert!(made.contains("cd write-cap"), "{made}");
    // The versions that this workspace builds with: they are there without a network.
    std::fs::copy(workspace().join("Cargo.lock"), folder.join("Cargo.lock")).expect("scratch");

    let tested = cargo(&folder, &["test", "--offline"]).ok();
    assert!(tested.contains("3 passed; 0 failed"), "{tested}");
    cargo(&folder, &["build", "--offline"]).ok();
    cargo(&folder, &["clippy", "--offline", "--all-targets", "--", "-D", "warnings", "-W", "missing_docs"])
        .ok();
    cargo(&folder, &["fmt", "--check"]).ok();

    let built = target().join("debug");
    let library = built.join("libfeatures_write_cap.so");
    let declared = run(host("mortar").args(["plugin", "info"]).arg(&library), LIMIT).ok();
    assert!(declared.contains("option limit: a size, default 1GB, changes while it runs"), "{declared}");
    let plugins = plugin_folder(&["storage/posix"]);
    let graph = host("mortar")
        .args(["graph", "--plugin-dir"])
        .arg(plugins.path())
        .arg("--plugin-dir")
        .arg(&built)
        .arg(folder.join("write-cap.vol"))
        .output();
    let graph = graph.expect("the host runs");
    assert!(graph.status.success(), "{}", String::from_utf8_lossy(&graph.stderr));
}
