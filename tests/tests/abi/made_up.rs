//! A made-up 1.1 and a made-up 2.0: plugins and hosts of each meet those of the others.
//!
//! A copy of plugin-api and of the loader is changed and built in a folder below the target folder, with the target's own
//! dependencies, so that nothing made up is in the real crates.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use host::loader::Loader;
use plugin_api::fop::{Stat, Statfs, kind};
use plugin_api::{Dict, Loc};
use plugin_testkit::{Fake, Testkit};
use tests::built::place;

use crate::kept;

/// A change of a copied file: what is there, and what stands in its place.
type Change = (&'static str, &'static str, &'static str);

/// What 1.1 adds, as plugin-api's docs/abi.md says that things are added.
const TO_1_1: &[Change] = &[
    ("plugin-api/Cargo.toml", "version = \"1.0.0\"", "version = \"1.1.0\""),
    ("plugin-api/src/abi/root.rs", "AbiVersion { major: 1, minor: 0 }", "AbiVersion { major: 1, minor: 1 }"),
    // A fop.
    (
        "plugin-api/src/fop/list.rs",
        "            58 copy_file_range CopyFileRange Copied,\n",
        "            58 copy_file_range CopyFileRange Copied,\n            /// Made up.\n            59 fill Fill PrePost,\n",
    ),
    ("plugin-api/src/fop/list.rs", "pub const FOPS: u32 = 59;", "pub const FOPS: u32 = 60;"),
    (
        "plugin-api/src/fop/data.rs",
        "/// Arguments of `seek`.\n",
        "/// Made up.\n#[repr(C)]\n#[derive(StableAbi, Carry, Debug, Clone)]\npub struct Fill {\n    /// .\n    pub fd: Fd,\n    \
         /// .\n    pub offset: u64,\n    /// .\n    pub len: u64,\n    /// .\n    pub byte: u32,\n    /// .\n    pub xdata: Dict,\n\
         }\n\n/// Arguments of `seek`.\n",
    ),
    ("plugin-api/src/fop/subject.rs", " Zerofill Seek;", " Zerofill Seek Fill;"),
    (
        "plugin-api/src/fop/recipes.rs",
        "        kind::seek::CODE => ",
        "        kind::fill::CODE => by_parts::<kind::fill>(),\n        kind::seek::CODE => ",
    ),
    (
        "plugin-api/src/fop/recipes.rs",
        "/// seek → fstat:",
        "impl Recipe for kind::fill {\n    async fn cook(older: &Older, args: Fill) -> FopResult<PrePost> {\n        \
         let byte = args.byte.to_le_bytes()[0];\n        let bytes = vec![byte; usize::try_from(args.len).unwrap_or_default()];\n        \
         let wrote = write(older, &args.fd, IoBuf::from(bytes).into(), args.offset).await?;\n        \
         Ok(PrePost { pre: wrote.pre, post: wrote.post, xdata: Dict::new() })\n    }\n}\n\n/// seek → fstat:",
    ),
    (
        "plugin-api/testkit/src/memory/fops.rs",
        "    zerofill => ",
        "    fill => |store, who, args| {\n        \
         let bytes = vec![args.byte.to_le_bytes()[0]; usize::try_from(args.len).unwrap_or_default()];\n        \
         store.of_fd(&args.fd)?.change(When::of(who), |content| content.write(&bytes, args.offset))\n    };\n    \
         zerofill => ",
    ),
    (
        "plugin-api/testkit/src/samples.rs",
        "    zerofill Zerofill |p| ",
        "    fill Fill |p| { fd: p.fd.clone(), offset: p.offset, len: p.len, byte: 120 }\n    zerofill Zerofill |p| ",
    ),
    (
        "plugin-api/testkit/src/recorder.rs",
        "    zerofill |b, a| ",
        "    fill |b, a| [name(b.open(&a.fd)), Word::Number(a.offset)];\n    zerofill |b, a| ",
    ),
    // A function of the host.
    (
        "plugin-api/src/abi/host.rs",
        "    pub extension: extern \"C\" fn(id: RStr<'_>) -> *const (),\n}",
        "    pub extension: extern \"C\" fn(id: RStr<'_>) -> *const (),\n    /// Made up.\n    \
         #[sabi(missing_field(option))]\n    pub made_up_clock: extern \"C\" fn() -> u64,\n}",
    ),
    (
        "plugin-api/testkit/src/host.rs",
        "            extension,\n",
        "            extension,\n            made_up_clock,\n",
    ),
    (
        "plugin-api/testkit/src/host.rs",
        "extern \"C\" fn extension(",
        "extern \"C\" fn made_up_clock() -> u64 {\n    59\n}\n\nextern \"C\" fn extension(",
    ),
    // A field of the root.
    (
        "plugin-api/src/abi/root.rs",
        "    pub auth: ROption<AuthModuleRef>,\n",
        "    pub auth: ROption<AuthModuleRef>,\n    /// Made up.\n    #[sabi(missing_field(option))]\n    \
         pub made_up: extern \"C\" fn() -> u32,\n",
    ),
    (
        "plugin-api/src/sdk/module.rs",
        "        auth: ROption::RNone,\n",
        "        auth: ROption::RNone,\n        made_up,\n",
    ),
    (
        "plugin-api/src/sdk/module.rs",
        "/// A root with nothing in it",
        "extern \"C\" fn made_up() -> u32 {\n    59\n}\n\n/// A root with nothing in it",
    ),
    (
        "plugin-api/src/abi/c/adopt.rs",
        "        auth: ROption::RNone,\n",
        "        auth: ROption::RNone,\n        made_up,\n",
    ),
    (
        "plugin-api/src/abi/c/adopt.rs",
        "extern \"C\" fn no_extension(",
        "extern \"C\" fn made_up() -> u32 {\n    59\n}\n\nextern \"C\" fn no_extension(",
    ),
    // A field of a frame and one of a node.
    (
        "plugin-api/src/abi/frame.rs",
        "    pub fop: AtomicU32,\n}",
        "    pub fop: AtomicU32,\n    /// Made up.\n    pub made_up: u64,\n}",
    ),
    (
        "plugin-api/src/abi/frame.rs",
        "            depth: 0,\n",
        "            depth: 0,\n            made_up: 59,\n",
    ),
    (
        "plugin-api/src/abi/node.rs",
        "    pub known_fops: u32,\n",
        "    pub known_fops: u32,\n    /// Made up.\n    pub made_up: u64,\n",
    ),
    (
        "plugin-api/src/abi/graph/member.rs",
        "            known_fops: part.module.known_fops(),\n",
        "            known_fops: part.module.known_fops(),\n            made_up: 59,\n",
    ),
    // More of an inode.
    (
        "plugin-api/src/inode.rs",
        "    file_type: AtomicU8,\n}",
        "    file_type: AtomicU8,\n    /// Made up.\n    made_up: AtomicU64,\n}",
    ),
];

const TO_2_0: &[Change] = &[
    ("plugin-api/Cargo.toml", "version = \"1.0.0\"", "version = \"2.0.0\""),
    ("plugin-api/src/abi/root.rs", "AbiVersion { major: 1, minor: 0 }", "AbiVersion { major: 2, minor: 0 }"),
    (
        "plugin-api/src/iatt.rs",
        "    pub size: u64,\n",
        "    pub size: u64,\n    /// Made up.\n    pub more: u64,\n",
    ),
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lies in the workspace").to_path_buf()
}

/// The target folder that this test was built in, and the profile's folder in it.
fn target() -> (PathBuf, String) {
    let own = std::env::current_exe().expect("/proc is mounted");
    let built = own.parent().and_then(Path::parent).expect("a test lies in target/<profile>/deps");
    let profile = built.file_name().and_then(|name| name.to_str()).expect("a folder with a name");
    (built.parent().expect("it lies in target").to_path_buf(), profile.to_owned())
}

/// Makes `to` what `from` is.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the target folder takes folders");
    for entry in fs::read_dir(from).expect("sources are there").map(|entry| entry.expect("readable")) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else if fs::read(&to).ok() != fs::read(&from).ok() {
            // What did not change keeps its time, so that it is not built again.
            fs::copy(&from, &to).expect("the target folder takes files");
        }
    }
    for entry in fs::read_dir(to).expect("it is there now").map(|entry| entry.expect("readable")) {
        if !from.join(entry.file_name()).exists() {
            let gone = entry.path();
            let removed = if gone.is_dir() { fs::remove_dir_all(gone) } else { fs::remove_file(gone) };
            removed.expect("what an older tree had can be removed");
        }
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("it has a folder")).expect("the target folder takes folders");
    if fs::read_to_string(path).ok().as_deref() != Some(text) {
        fs::write(path, text).expect("the target folder takes files");
    }
}

/// Lays out and builds a world of another version; the folder with its programs and plugins.
fn world(name: &str, version: &str, changes: &[Change], host: &str, plugins: &[&str]) -> PathBuf {
    let (workspace, (target, profile)) = (workspace(), target());
    let world = target.join(format!("made-up-{name}"));
    let fresh = world.join("fresh");
    let _ = fs::remove_dir_all(&fresh);
    for part in ["plugin-api/src", "plugin-api/macros", "plugin-api/testkit/src"] {
        copy(&workspace.join(part), &fresh.join(part));
    }
    for part in ["plugin-api/Cargo.toml", "plugin-api/testkit/Cargo.toml"] {
        write(&fresh.join(part), &fs::read_to_string(workspace.join(part)).expect("a manifest"));
    }
    for part in ["open", "check", "compare", "error"].map(|part| format!("host/src/loader/{part}.rs")) {
        write(&fresh.join(&part), &fs::read_to_string(workspace.join(&part)).expect("a source"));
    }
    let made_up = workspace.join("tests/abi/made-up");
    let source = |name: &str| fs::read_to_string(made_up.join(name)).expect("a made-up source");
    write(&fresh.join("host/src/loader/mod.rs"), &source("loader.rs"));
    write(&fresh.join("host/src/main.rs"), &source(&format!("host_{host}.rs")));
    write(&fresh.join("newer/src/lib.rs"), &changed_plugin(&source("newer.rs"), name));
    write(&fresh.join("host/Cargo.toml"), &manifest(&format!("made-up-host-{name}"), HOST_DEPENDENCIES));
    write(&fresh.join("newer/Cargo.toml"), &manifest(&format!("made-up-newer-{name}"), PLUGIN));
    let root = fs::read_to_string(workspace.join("Cargo.toml")).expect("a manifest");
    write(&fresh.join("Cargo.toml"), &root_manifest(&root, version));
    write(&fresh.join("Cargo.lock"), &fs::read_to_string(workspace.join("Cargo.lock")).expect("a lock file"));
    for (file, from, to) in changes {
        let path = fresh.join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(
            text.contains(from),
            "{file} no longer has what is to be changed for a made-up {version}: {from}"
        );
        fs::write(&path, text.replacen(from, to, 1)).expect("the target folder takes files");
    }
    copy(&fresh, &world.join("source"));
    build(&world, &target, &profile, plugins);
    world
}

const HOST_DEPENDENCIES: &str = "[dependencies]\nabi_stable.workspace = true\nlibloading.workspace = true\nplugin-api.workspace = \
    true\nplugin-testkit.workspace = true\nthiserror.workspace = true\ntracing.workspace = true\n\
    libc.workspace = true\n";
const PLUGIN: &str = "[lib]\ncrate-type = [\"cdylib\"]\n[features]\nmodest = []\n[dependencies]\nplugin-api.workspace = true\n";

fn manifest(name: &str, rest: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n{rest}"
    )
}

/// The workspace's own manifest with the members of a made-up world.
fn root_manifest(root: &str, version: &str) -> String {
    let members =
        "members = [\"plugin-api\", \"plugin-api/macros\", \"plugin-api/testkit\", \"host\", \"newer\"]\n";
    let start = root.find("[workspace.package]").expect("the manifest has it");
    let rest = root[start..].replace(
        "path = \"plugin-api\", version = \"1.0.0\"",
        &format!("path = \"plugin-api\", version = \"{version}\""),
    );
    format!("[workspace]\nresolver = \"3\"\n{members}\n{rest}")
}

/// The plugin of a world that has no made-up function of the host does not ask for it.
fn changed_plugin(source: &str, world: &str) -> String {
    if world == "1-1" {
        return source.to_owned();
    }
    let asks = source.find("    let host = ").expect("it asks the host");
    format!("{}    0\n}}\n", &source[..asks]).replace("abi/newer", "abi/two")
}

fn build(world: &Path, target: &Path, profile: &str, plugins: &[&str]) {
    let profile = if profile == "debug" { "dev" } else { profile };
    let cargo = |more: &[&str]| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let manifest = world.join("source/Cargo.toml");
        let done = Command::new(cargo)
            .args(["build", "--offline", "--quiet", "--profile", profile, "--manifest-path"])
            .arg(manifest)
            .arg("--target-dir")
            .arg(target)
            .args(more)
            .output()
            .expect("cargo runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let name = world.file_name().and_then(|name| name.to_str()).expect("a folder with a name");
    let (host, newer) =
        (name.replace("made-up-", "made-up-host-"), name.replace("made-up-", "made-up-newer-"));
    let folder = if profile == "dev" { "debug" } else { profile };
    let library = target.join(folder).join(format!("lib{}.so", newer.replace('-', "_")));
    let modest = format!("{newer}/modest");
    for plugin in plugins {
        // All of it each time: what is built alone asks its dependencies for other features, and they are built again.
        let features: &[&str] = if *plugin == "modest" { &["--features", &modest] } else { &[] };
        cargo(&[&["--workspace"], features].concat());
        let kept = place(&world.join("plugins"), &format!("abi/{plugin}"));
        // Replaced, never written over: another test may have it open.
        let _ = fs::remove_file(&kept);
        fs::copy(&library, kept).expect("the target folder takes files");
    }
    let _ = fs::remove_file(world.join("host"));
    fs::copy(target.join(folder).join(host), world.join("host")).expect("the target folder takes files");
}

fn run(host: &Path, plugins: &Path) {
    let done = Command::new(host).arg(plugins).output().expect("it was built");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{}: {said}", host.display());
}

/// One test for all, since the building is what takes its time.
#[test]
fn plugins_and_hosts_of_other_versions_load_or_are_refused_with_the_version_to_use() {
    let one_one = world("1-1", "1.1.0", TO_1_1, "1_1", &["newer", "modest"]);
    let two = world("2-0", "2.0.0", TO_2_0, "2_0", &["two"]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    kept::install(folder.path());
    for (world, name) in [(&one_one, "newer"), (&one_one, "modest"), (&two, "two")] {
        let name = format!("abi/{name}");
        fs::copy(place(&world.join("plugins"), &name), place(folder.path(), &name)).expect("a copy");
    }
    // What 1.0 built in the hosts of later versions, and theirs in each other's.
    run(&one_one.join("host"), folder.path());
    run(&two.join("host"), folder.path());
    // Theirs in this host.
    let loader = Loader::new(vec![folder.path().to_path_buf()]);
    loader.attach(plugin_testkit::attach());
    let refused = |name: &str| loader.xlator(name).expect_err(name).to_string();
    let said = refused("abi/newer");
    let advice = "needs plugin-api 1.1, this host speaks 1.0; run it in a host of 1.1 or later, or rebuild it with plugin-api 1.0";
    assert!(said.ends_with(advice), "{said}");
    let said = refused("abi/two");
    assert!(
        said.ends_with("built for plugin-api 2.0.0, this host speaks 1.0; rebuild it with plugin-api 1.x"),
        "{said}"
    );
    let modest = loader.xlator("abi/modest").unwrap_or_else(|error| panic!("it makes do with 1.0: {error}"));
    let bench = Testkit::loaded(modest).child(Fake::answering()).start();
    let stat = Stat { loc: Loc::default(), xdata: Dict::new() };
    assert_eq!(bench.call::<kind::stat>(stat).expect("it answers").xdata.int("newer"), Some(1));
    let statfs = Statfs { loc: Loc::default(), xdata: Dict::new() };
    assert_eq!(
        bench.call::<kind::statfs>(statfs).expect("it answers").space.files,
        0,
        "1.0 has no such function"
    );
}
