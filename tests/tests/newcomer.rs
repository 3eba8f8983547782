//! What `mortar new` writes is sound: outside any tree of ours it passes its tests, lints and formatting, and the host
//! takes what it builds.

#![forbid(unsafe_code)]

use tests::built::{host, plugin_folder};
use tests::newcomer::Newcomer;
use tests::process::run;
use tests::sandbox::LIMIT;

#[test]
fn a_new_translator_builds_outside_the_tree_passes_its_tests_and_is_a_plugin() {
    let mut newcomer = Newcomer::begin();
    let tested = newcomer.cargo(&["test"]).ok();
    assert!(tested.contains("3 passed; 0 failed"), "{tested}");
    newcomer.cargo(&["build"]).ok();
    newcomer.cargo(&["clippy", "--all-targets", "--", "-D", "warnings", "-W", "missing_docs"]).ok();
    newcomer.cargo(&["fmt", "--check"]).ok();

    let built = newcomer.built("debug");
    let library = built.join("libfeatures_write_cap.so");
    let declared = run(host("mortar").args(["plugin", "info"]).arg(&library), LIMIT).ok();
    assert!(declared.contains("option limit: a size, default 1GB, changes while it runs"), "{declared}");
    let plugins = plugin_folder(&["storage/posix"]);
    let mut graph = host("mortar");
    graph.arg("graph").arg("--plugin-dir").arg(plugins.path()).arg("--plugin-dir").arg(&built);
    let shown = run(graph.arg(newcomer.folder().join("write-cap.vol")), LIMIT).ok();
    assert!(shown.contains("features/write-cap"), "{shown}");
}
