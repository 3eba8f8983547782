//! Every volfile of `volfiles/`: the good ones parse and print back, the bad ones give the message beside them.
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]
use std::fs;
use std::path::{Path, PathBuf};

use host::graph::{self, dump};
use host::volfile::{self, Volfile};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../volfiles").join(name)
}

fn volfiles(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "vol"))
        .collect();
    found.sort();
    found
}

fn parse(path: &Path) -> (String, Volfile) {
    let text = fs::read_to_string(path).unwrap();
    let file = volfile::parse(&text).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    (text, file)
}

/// The words of a volfile without their places.
fn words(file: &Volfile) -> String {
    file.volumes
        .iter()
        .map(|volume| {
            let options: Vec<_> = volume.options().map(|(k, v)| (&k.text, &v.text)).collect();
            let children: Vec<_> = volume.subvolumes().map(|name| &name.text).collect();
            format!(
                "{:?} {:?} {options:?} {children:?}\n",
                volume.name.text,
                volume.type_name().map(|t| &t.text)
            )
        })
        .collect()
}

#[test]
fn every_good_volfile_is_sound_and_prints_back_the_same_words() {
    let mut files = volfiles(&folder("good"));
    files.push(folder("glusterd.vol"));
    files.extend(volfiles(Path::new("/etc/glusterfs")));
    assert!(files.len() >= 4, "{files:?}");
    for path in files {
        volfile::load(&path).unwrap_or_else(|error| panic!("{error}"));
        let (_, file) = parse(&path);
        let printed = file.to_string();
        assert_eq!(words(&volfile::parse(&printed).unwrap()), words(&file), "{}", path.display());
    }
}

/// `MORTAR_GENERATED_VOLFILES` may name a state folder of a real daemon: then its volfiles are read as well.
#[test]
fn a_generated_volfile_prints_back_byte_for_byte() {
    let mut files = vec![folder("good/one-brick.vol"), folder("good/two-clients.vol")];
    if let Some(state) = std::env::var_os("MORTAR_GENERATED_VOLFILES") {
        let volumes = fs::read_dir(Path::new(&state).join("vols")).unwrap();
        volumes.for_each(|volume| files.extend(volfiles(&volume.unwrap().path())));
    }
    for path in files {
        let (text, file) = parse(&path);
        assert_eq!(file.to_string(), text, "{}", path.display());
        volfile::check(&file).unwrap_or_else(|faults| panic!("{}: {faults:?}", path.display()));
    }
}

/// `UPDATE_EXPECTED=1` writes the messages anew; read the difference before you commit it.
#[test]
fn every_bad_volfile_gives_the_message_beside_it() {
    let files = volfiles(&folder("bad"));
    assert!(files.len() >= 25, "only {}", files.len());
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap();
        let error = volfile::from_bytes(name, &fs::read(&path).unwrap())
            .err()
            .unwrap_or_else(|| panic!("{name} was found sound"));
        let message = format!("{error}\n");
        let expected = path.with_extension("msg");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&expected, &message).unwrap();
        }
        let expected = fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(message, expected, "{name}");
    }
}

/// `UPDATE_EXPECTED=1` writes the graphs anew; read the difference before you commit it.
#[test]
fn every_good_volfile_gives_the_graph_beside_it() {
    for path in volfiles(&folder("good")) {
        let graph = dump::tree(&graph::unopened(volfile::load(&path).unwrap()));
        let expected = path.with_extension("graph");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&expected, &graph).unwrap();
        }
        assert_eq!(graph, fs::read_to_string(&expected).unwrap_or_default(), "{}", path.display());
    }
}
