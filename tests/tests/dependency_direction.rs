//! Dependencies point at the contract: no plugin sees the host or another plugin.

#![forbid(unsafe_code)]

use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// Where a workspace crate lies, from the workspace's root, and the workspace crates it builds on.
type Crates = BTreeMap<String, (String, Vec<String>)>;

fn workspace_crates() -> Crates {
    let root = tests::stack::workspace();
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(&root)
        .output()
        .expect("cargo runs this test");
    let metadata: Value = serde_json::from_slice(&cargo.stdout).expect("cargo metadata speaks JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let one = |package: &Value| {
        let manifest = text(&package["manifest_path"]);
        let folder =
            manifest.strip_prefix(&format!("{}/", root.display())).expect("it lies in the workspace");
        let folder = folder.trim_end_matches("Cargo.toml").trim_end_matches('/').to_owned();
        let needs = list(&package["dependencies"]);
        let needs = needs.iter().filter(|need| need["path"].is_string() && need["kind"] != "dev");
        (text(&package["name"]), (folder, needs.map(|need| text(&need["name"])).collect()))
    };
    list(&metadata["packages"]).iter().map(one).collect()
}

/// The crates that stand below plugin and host.
const CONTRACT: [&str; 9] = [
    "plugin-api",
    "plugin-api-macros",
    "fop-dice",
    "gluster-acl",
    "gluster-brick",
    "gluster-cache",
    "gluster-events",
    "gluster-rpc",
    "gluster-xdr",
];

#[test]
fn plugins_see_the_contract_and_nothing_else() {
    let crates = workspace_crates();
    let plugins: Vec<_> = crates.iter().filter(|(_, (folder, _))| folder.starts_with("plugins/")).collect();
    assert!(plugins.len() > 10, "the plugins are where they should be");
    for (name, (_, needs)) in plugins {
        let stray: Vec<_> = needs.iter().filter(|need| !CONTRACT.contains(&need.as_str())).collect();
        assert!(stray.is_empty(), "{name} depends on {stray:?}");
    }
}

#[test]
fn the_contract_sees_nobody_above_it() {
    let crates = workspace_crates();
    for name in CONTRACT {
        for need in &crates[name].1 {
            assert!(crates[need].0.starts_with("plugin-api"), "{name} depends on {need}");
        }
    }
    assert!(!crates["gluster-xdr"].1.contains(&"gluster-rpc".to_owned()), "wire types know no connection");
}

#[test]
fn the_host_names_no_plugin() {
    let crates = workspace_crates();
    for name in ["host", "gluster-cli"] {
        for need in &crates[name].1 {
            assert!(!crates[need].0.starts_with("plugins/"), "{name} depends on the plugin {need}");
        }
    }
}

#[test]
fn a_plugin_is_named_after_its_folder() {
    for (name, (folder, _)) in workspace_crates() {
        if let Some(place) = folder.strip_prefix("plugins/") {
            assert_eq!(name, place.replace('/', "-"), "{folder}");
        }
    }
}
