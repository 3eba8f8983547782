//! Plugins with a fault: each is refused by name, with the reason, and harms nobody who does not need it.

#![forbid(unsafe_code)]

use host::loader::Loader;
use plugin_api::abi::root::XlatorModuleRef;
use plugin_api::fop::{FopResult, Stat, Statfs, kind};
use plugin_api::{Dict, Errno, Loc};
use plugin_testkit::Testkit;
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use tests::built::{add_plugin, host, place, plugin_folder};
use tests::process::run;
use tests::sandbox::LIMIT;

/// Every plugin that the loader must refuse, with what it says after the file's path.
const REFUSED: [(&str, &str); 5] = [
    ("bad/text", ": not a library that can be opened: "),
    (
        "bad/no-root",
        ": a library, but no plugin: it exports no root; write `#[xlator(…)]` or `export_…!` once in it",
    ),
    ("bad/other-major", ": built for plugin-api 2.0.0, this host speaks 1.0; rebuild it with plugin-api 1.x"),
    (
        "bad/other-layout",
        ": built for plugin-api 1.0.0, but its types are not those of plugin-api 1.0: field `0` of `PrefixRef` is a \
         `Strange` in the plugin and a `PluginRoot` here; rebuild it with plugin-api 1.0",
    ),
    (
        "bad/misplaced",
        ": it calls itself `bad/fop-panics`, but its place says `bad/misplaced`; move the file",
    ),
];

/// Plugins that a loader opens, and that fail later.
const LATER: [&str; 4] = ["bad/create-panics", "bad/init-panics", "bad/init-hangs", "bad/fop-panics"];

/// A plugin folder with every bad plugin in it, and a good one.
fn folder() -> TempDir {
    let folder = plugin_folder(&["bad/no-root", "bad/other-major", "bad/other-layout", "hop/leaf"]);
    fs::write(place(folder.path(), "bad/text"), "I am a text.\n").expect("scratch");
    for name in LATER {
        add_plugin(folder.path(), name);
    }
    fs::copy(place(folder.path(), "bad/fop-panics"), place(folder.path(), "bad/misplaced")).expect("scratch");
    fs::rename(place(folder.path(), "hop/leaf"), place(folder.path(), "bench/leaf")).expect("scratch");
    folder
}

fn open(folder: &Path, name: &str) -> Result<XlatorModuleRef, String> {
    let loader = Loader::new(vec![folder.to_path_buf()]);
    loader.attach(plugin_testkit::attach());
    loader.xlator(name).map_err(|error| error.to_string())
}

#[test]
fn each_is_refused_by_name_with_the_reason_in_one_line() {
    let folder = folder();
    for (name, reason) in REFUSED {
        let said = open(folder.path(), name).expect_err(name);
        let path = place(folder.path(), name).display().to_string();
        let rest = said.strip_prefix(&path).unwrap_or_else(|| panic!("{name}: {said}"));
        assert!(rest.starts_with(reason), "{name}: {said}");
        assert!(!said.contains('\n'), "{name}: {said}");
    }
}

#[test]
fn a_refused_plugin_leaves_its_neighbours_alone() {
    let folder = folder();
    let loader = Loader::new(vec![folder.path().to_path_buf()]);
    loader.attach(plugin_testkit::attach());
    for (name, _) in REFUSED {
        loader.xlator(name).expect_err(name);
    }
    let leaf = loader.xlator("bench/leaf").expect("nothing is wrong with it");
    let bench = Testkit::loaded(leaf).alone().start();
    bench.call::<kind::stat>(Stat { loc: Loc::default(), xdata: Dict::new() }).expect("it answers");
}

#[test]
fn one_that_cannot_be_made_or_started_says_so() {
    let folder = folder();
    let start = |name| {
        let module = open(folder.path(), name).unwrap_or_else(|error| panic!("{error}"));
        Testkit::loaded(module).try_start().expect_err(name).to_string()
    };
    assert_eq!(start("bad/create-panics"), "test: it panicked while it was made");
    assert_eq!(start("bad/init-panics"), "test: it panicked: the stars were wrong");
}

#[test]
fn one_that_panics_in_a_fop_fails_that_fop_and_is_marked_down_in_the_end() {
    let folder = folder();
    let module = open(folder.path(), "bad/fop-panics").unwrap_or_else(|error| panic!("{error}"));
    let bench = Testkit::loaded(module).fault_limit(2).start();
    let errno = |reply: FopResult<()>| reply.expect_err("it panics").errno;
    let stat = || bench.call::<kind::stat>(Stat { loc: Loc::default(), xdata: Dict::new() }).map(drop);
    let statfs = || bench.call::<kind::statfs>(Statfs { loc: Loc::default(), xdata: Dict::new() }).map(drop);
    assert_eq!(errno(stat()), Errno::EIO);
    assert_eq!(errno(statfs()), Errno::EIO);
    assert_eq!(errno(stat()), Errno::ENOTCONN);
    let faults = ["test in stat: stat was too much", "test in statfs: statfs was too much, later"];
    assert_eq!(bench.take_faults(), faults);
}

#[test]
fn a_list_of_plugins_names_each_with_its_fault() {
    let folder = folder();
    let answer = run(host("mortar").args(["plugin", "list", "--plugin-dir"]).arg(folder.path()), LIMIT);
    assert_eq!(answer.code, 1, "{answer:?}");
    assert_eq!(answer.err, "mortar: 5 of the plugins cannot be used\n");
    let line = |name: &str| {
        let found = answer.out.lines().find(|line| line.split_whitespace().next() == Some(name));
        found.unwrap_or_else(|| panic!("no {name} in\n{}", answer.out))
    };
    for (name, reason) in &REFUSED[..4] {
        assert!(line(name).contains("CANNOT BE USED: "), "{}", line(name));
        assert!(line(name).contains(reason), "{}", line(name));
    }
    assert!(answer.out.contains("bad/misplaced.so is no place for it"), "{}", answer.out);
    for name in LATER.iter().chain(&["bench/leaf"]) {
        assert!(!line(name).contains("CANNOT BE USED"), "{}", line(name));
    }
    assert_eq!(answer.out.lines().count(), REFUSED.len() + LATER.len() + 1, "one line each");
}

#[test]
fn asking_about_one_says_what_is_wrong_with_it() {
    let folder = folder();
    for (name, reason) in &REFUSED[..4] {
        let ask = ["plugin", "info", name, "--plugin-dir"];
        let answer = run(host("mortar").args(ask).arg(folder.path()), LIMIT);
        assert_eq!((answer.code, answer.out.as_str()), (1, ""), "{name}");
        assert!(answer.err.contains(reason), "{name}: {}", answer.err);
        assert_eq!(answer.err.lines().count(), 1, "{name}: {}", answer.err);
    }
}
