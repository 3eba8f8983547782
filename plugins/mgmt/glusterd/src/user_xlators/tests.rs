//! Sets and resets of user translators on a volume, over a made-up plugin folder.

use super::plugins::{NoPlugins, Plugins};
use super::{Key, check, help, placed};
use crate::options::edit::{Refusal, check_set, reset};
use crate::store::cluster_options::ClusterOptions;
use crate::volgen::generate;
use crate::volume::{Credentials, Volume, VolumeKind};
use plugin_api::options::Options;
use plugin_api::{Declaration, positions};
use uuid::Uuid;

/// A folder with a translator of each sort.
#[derive(Debug)]
struct Folder;

impl Plugins for Folder {
    fn types(&self) -> Vec<String> {
        let types = [
            "features/write-cap",
            "encryption/seal",
            "performance/near",
            "features/twin",
            "user/twin",
            "features/broken",
            "mgmt/other",
            "debug/locks",
            "debug/trace",
        ];
        types.map(str::to_owned).to_vec()
    }

    fn declaration(&self, type_name: &str) -> Result<Declaration, String> {
        let size = |options: Options| options.size("limit", "bytes let through").reconfigurable();
        let (options, positions) = match type_name {
            "features/write-cap" => {
                (size(Options::new()).default_value("1GB"), positions::BRICK | positions::CLIENT)
            }
            "encryption/seal" => {
                (Options::new().path("key-file", "where the key is").required(), positions::BRICK)
            }
            "performance/near" => (Options::new(), positions::CLIENT),
            "features/broken" => return Err("broken.so: not a library".to_owned()),
            "mgmt/other" => (Options::new(), positions::MANAGEMENT),
            _ => (Options::new(), positions::ANY),
        };
        Ok(Declaration {
            type_name: type_name.into(),
            doc: "does something".into(),
            options,
            positions,
            ..Declaration::default()
        })
    }

    fn of_the_host(&self) -> Options {
        Options::new().int("fault-limit", "how many").range(0.0, 10.0)
    }
}

fn volume() -> Volume {
    let mut volume = Volume::new("v", Uuid::nil(), VolumeKind::Distribute, Credentials::generate());
    volume.bricks.push(crate::brick::Brick::new(Uuid::nil(), "box", "/b", "v-client-0"));
    volume
}

/// What `volume set` with these pairs makes of a volume.
fn set(volume: &mut Volume, pairs: &[(&str, &str)]) -> Result<(), Refusal> {
    let pairs: Vec<_> = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let pairs = check_set(volume, &pairs, &Folder)?;
    let mut changed = volume.clone();
    pairs.iter().for_each(|(key, value)| changed.options.set(key, value));
    let touched: Vec<&str> = pairs.iter().filter_map(|(key, _)| Key::of(key)).map(Key::name).collect();
    check::whole(&Folder, &ClusterOptions::default(), &changed, &touched)?;
    *volume = changed;
    Ok(())
}

#[track_caller]
fn refused(pairs: &[(&str, &str)]) -> String {
    set(&mut volume(), pairs).unwrap_err().0
}

/// A volfile of the volume, by the end of its name.
fn volfile(volume: &Volume, plugins: &dyn Plugins, end: &str) -> String {
    let files = generate(volume, &ClusterOptions::default(), &crate::paths::Paths::default(), plugins);
    files.into_iter().find(|(name, _)| name.ends_with(end)).expect("every volume has it").1
}

#[test]
fn a_key_is_a_place_or_an_option_of_a_name() {
    assert_eq!(Key::of("user.xlator.write-cap"), Some(Key::Place("write-cap")));
    assert_eq!(Key::of("user.xlator.write-cap.limit"), Some(Key::Option("write-cap", "limit")));
    assert_eq!(Key::of("user.xlator.a.b.c"), Some(Key::Option("a", "b.c")));
    assert_eq!(Key::of("user.xlator"), None);
    assert_eq!(Key::of("user.note"), None);
}

#[test]
fn an_installed_translator_stands_where_it_was_put_with_its_options() {
    let mut volume = volume();
    set(&mut volume, &[("user.xlator.write-cap", "io-threads")]).unwrap();
    set(&mut volume, &[("user.xlator.write-cap.limit", "10MB"), ("user.xlator.write-cap.fault-limit", "3")])
        .unwrap();
    let brick = volfile(&volume, &Folder, ".b.vol");
    let section = "volume v-write-cap\n    type features/write-cap\n    option limit 10MB\n    option fault-limit 3\n    \
                   subvolumes v-io-threads\nend-volume\n\nvolume v-selinux\n";
    assert!(brick.contains(section), "{brick}");
    assert!(!volfile(&volume, &Folder, "v.tcp-fuse.vol").contains("write-cap"));
    assert!(
        volfile(&volume, &NoPlugins, ".b.vol").contains("type user/write-cap"),
        "as the incumbent has it"
    );
}

#[test]
fn one_in_the_client_graph_is_in_no_brick_and_not_in_the_thin_client() {
    let mut volume = volume();
    set(&mut volume, &[("user.xlator.near", "write-behind"), ("user.xlator.write-cap", "client/nl-cache")])
        .unwrap();
    let client = volfile(&volume, &Folder, "v.tcp-fuse.vol");
    assert!(
        client.contains("volume v-near\n    type performance/near\n    subvolumes v-write-behind\n"),
        "{client}"
    );
    // Where a translator is off, its place is still there.
    assert!(
        client.contains("volume v-write-cap\n    type features/write-cap\n    subvolumes v-quick-read\n"),
        "{client}"
    );
    assert!(!volfile(&volume, &Folder, ".b.vol").contains("v-near"));
    assert!(!volfile(&volume, &Folder, "gfproxy-fuse.vol").contains("v-near"));
    assert!(volfile(&volume, &Folder, "gfproxyd.vol").contains("v-near"));
}

#[test]
fn a_name_that_means_no_one_translator_is_refused() {
    let missing = refused(&[("user.xlator.nosuch", "posix")]);
    assert!(missing.starts_with("user.xlator.nosuch: no translator called nosuch is installed"), "{missing}");
    let twins = refused(&[("user.xlator.twin", "posix")]);
    assert!(twins.contains("features/twin, user/twin"), "{twins}");
    assert_eq!(refused(&[("user.xlator.broken", "posix")]), "user.xlator.broken: broken.so: not a library");
    for odd in ["user.xlator.", "user.xlator..limit", "user.xlator.../x", "user.xlator.features/write-cap"] {
        assert!(refused(&[(odd, "posix")]).contains("no translator called"), "{odd}");
    }
}

#[test]
fn a_place_that_is_none_or_not_declared_is_refused_with_the_legal_ones() {
    let wrong = refused(&[("user.xlator.write-cap", "server")]);
    assert!(wrong.contains("`server` is no place: features/write-cap may stand over posix, "), "{wrong}");
    assert!(wrong.contains("io-stats in each brick, and over client/{distribute,"), "{wrong}");
    let brick = refused(&[("user.xlator.near", "posix")]);
    assert!(brick.contains("performance/near does not go there: it may stand over client/"), "{brick}");
    assert!(!brick.contains("in each brick"), "{brick}");
    assert!(refused(&[("user.xlator.seal", "client/utime")]).contains("does not go there"));
    assert!(refused(&[("user.xlator.other", "posix")]).contains("neither brick nor client graphs"));
}

#[test]
fn an_option_is_held_against_the_declaration() {
    let text = refused(&[("user.xlator.write-cap.limit", "a_lot")]);
    assert!(text.starts_with("user.xlator.write-cap.limit: `a_lot` was given, expected a size"), "{text}");
    let unknown = refused(&[("user.xlator.write-cap.limits", "1")]);
    assert!(unknown.contains("has no option `limits`: it has limit, fault-limit"), "{unknown}");
    assert!(refused(&[("user.xlator.seal.key-file", "/a b")]).contains("cannot stand in a volfile"));
    assert!(refused(&[("user.xlator.write-cap.fault-limit", "11")]).contains("from 0 to 10"));
}

#[test]
fn an_option_that_is_needed_comes_before_the_place_or_with_it() {
    let lacking = refused(&[("user.xlator.seal", "posix")]);
    assert!(lacking.contains("encryption/seal needs option key-file (where the key is)"), "{lacking}");
    let mut volume = volume();
    set(&mut volume, &[("user.xlator.seal.key-file", "/key")]).unwrap();
    assert_eq!(placed(&volume).count(), 0, "an option alone stands nowhere");
    set(&mut volume, &[("user.xlator.seal", "posix")]).unwrap();
    let kept = check::reset(&Folder, &volume, "user.xlator.seal.key-file", Key::Option("seal", "key-file"));
    assert!(kept.unwrap_err().0.contains("needs option key-file"));
}

#[test]
fn a_name_that_the_graph_has_already_is_refused() {
    assert!(refused(&[("user.xlator.locks", "posix")]).contains("has a translator v-locks already"));
    let mut volume = volume();
    set(&mut volume, &[("user.xlator.trace", "posix")]).unwrap();
    let twice = refused(&[("debug.trace", "locks"), ("user.xlator.trace", "posix")]);
    assert!(twice.contains("v-trace already"), "{twice}");
}

#[test]
fn a_reset_takes_a_translator_out_with_its_options_and_leaves_others() {
    let mut volume = volume();
    let pairs = [
        ("user.xlator.write-cap", "posix"),
        ("user.xlator.write-cap.limit", "1"),
        ("user.xlator.near", "utime"),
        ("user.note", "x"),
    ];
    set(&mut volume, &pairs).unwrap();
    reset(&mut volume, "user.xlator.write-cap", false, "inet", &Folder).unwrap();
    assert_eq!(volume.options.get("user.xlator.write-cap.limit"), None);
    assert_eq!(placed(&volume).map(|placed| placed.name).collect::<Vec<_>>(), ["near"]);
    assert_eq!(volume.options.get("user.note"), Some("x"));
    let again = reset(&mut volume, "user.xlator.write-cap", false, "inet", &Folder).unwrap_err();
    assert_eq!(again.0, "Option user.xlator.write-cap is not set on v");
    // What is no longer installed can still be taken out.
    reset(&mut volume, "user.xlator.near", false, "inet", &NoPlugins).unwrap();
    assert_eq!(placed(&volume).count(), 0);
}

#[test]
fn help_lists_what_volumes_do_not_have_by_themselves() {
    let lines = help::lines(&Folder);
    let named = |name: &str| lines.iter().find(|line| line.0 == name);
    let (_, default, text) = named("user.xlator.write-cap").expect("it can be placed");
    assert_eq!(default, "(null)");
    assert!(text.starts_with("Puts features/write-cap (does something) into"), "{text}");
    assert_eq!(named("user.xlator.write-cap.limit").unwrap().1, "1GB");
    for absent in ["user.xlator.trace", "user.xlator.twin", "user.xlator.broken", "user.xlator.other"] {
        assert!(named(absent).is_none(), "{absent}");
    }
}
