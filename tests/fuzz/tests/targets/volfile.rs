//! The volfile's parser, its checks, and the drawings of what is wrong.

use std::fs;

use fuzz::{Room, bytes, mutated, within};
use host::volfile::from_bytes;
use proptest::prelude::*;

/// A text has no lengths to lie about; drawings of up to twenty faults are what takes the room.
const ROOM: Room = Room { fixed: 1 << 20, each_byte: 8 << 10 };

/// Reads a volfile and prints what is wrong with it.
fn read(text: &[u8]) {
    within(ROOM, text.len(), || {
        if let Err(error) = from_bytes("fuzz.vol", text) {
            assert!(!error.to_string().is_empty());
        }
    });
}

/// The volfiles of the source, good and bad.
fn samples() -> Vec<Vec<u8>> {
    let folders = ["good", "bad"].map(|kind| format!("{}/../../volfiles/{kind}", env!("CARGO_MANIFEST_DIR")));
    let files =
        folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path());
    let volfiles = files.filter(|path| path.extension().is_some_and(|extension| extension == "vol"));
    volfiles.map(|path| fs::read(path).unwrap()).collect()
}

const WORDS: &str =
    "(volume|type|option|subvolumes|end-volume|debug/trace|[abc]|[a-z\"\\\\`#$ é字\t\r\0]|\n| ){0,60}";

proptest! {
    #[test]
    fn any_bytes(text in bytes()) {
        read(&text);
    }

    #[test]
    fn any_row_of_words(text in WORDS) {
        read(text.as_bytes());
    }

    #[test]
    fn a_volfile_with_changes(text in mutated(samples())) {
        read(&text);
    }
}

#[test]
fn a_chain_of_many_volumes_takes_no_deep_stack_and_a_ring_of_them_no_long_message() {
    let mut text = String::from("volume v0\n type a/b\nend-volume\n");
    for n in 1..50_000 {
        text.push_str(&format!("volume v{n}\n type a/b\n subvolumes v{}\nend-volume\n", n - 1));
    }
    assert_eq!(from_bytes("long.vol", text.as_bytes()).unwrap().nodes.len(), 50_000);
    let ring = text.replacen("type a/b\n", "type a/b\n subvolumes v49999\n", 1);
    let said = from_bytes("ring.vol", ring.as_bytes()).unwrap_err().to_string();
    assert!(said.contains("v0 -> v49999 -> v49998 ->") && said.contains("-> (49990 more) -> v0\n"), "{said}");
    assert!(said.lines().count() < 60, "{said}");
}
