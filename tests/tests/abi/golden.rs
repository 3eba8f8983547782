//! The types of the ABI against what was written down of them.

use std::collections::BTreeMap;
use std::fs;

use plugin_api::abi::describe;
use plugin_api::abi::root::{ABI_VERSION, GROWING};

use crate::kept::folder_of;

const RULE: &str = "A type that crosses between libraries is not what a plugin of an older version takes it for. Nothing is taken \
    out, renamed, moved or given another type within 1.x: tables and the structs that plugin-api/docs/abi.md lets grow take more \
    at their end, what a fop carries never changes (xdata, or a fop with a number of its own).";

const NEW: &str = "The ABI has grown. If that is meant: raise the minor in ABI_VERSION and in plugin-api's Cargo.toml, and write the \
    record of the new version with `UPDATE=1 cargo nextest run -p tests -E 'test(golden)'`. The record of a version that \
    was released stays as it is.";

/// Types by their first word, with their lines; a fop is a line.
fn blocks(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut blocks: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut last = String::new();
    for line in text.lines() {
        if !line.starts_with(' ') {
            let end = line.find(':').filter(|_| !line.starts_with("table")).unwrap_or(line.len());
            last = line[..end].to_owned();
        }
        blocks.entry(last.clone()).or_default().push(line.to_owned());
    }
    blocks
}

/// What an older plugin would trip over.
fn broken(record: &str, now: &str) -> Vec<String> {
    let (record, now) = (blocks(record), blocks(now));
    let mut broken = Vec::new();
    for (name, then) in &record {
        let Some(today) = now.get(name) else {
            broken.push(format!("{name} is gone"));
            continue;
        };
        let grows = name.starts_with("table ")
            || name.strip_prefix("struct ").is_some_and(|name| GROWING.contains(&name));
        // The first line of what grows tells its size.
        let (then, today) = if grows { (&then[1..], &today[1..]) } else { (&then[..], &today[..]) };
        if grows && today.starts_with(then) || then == today {
            continue;
        }
        let at = then.iter().zip(today).position(|(then, today)| then != today);
        let line = |lines: &[String]| {
            let line = at.map_or_else(|| lines.get(then.len().min(today.len())), |at| lines.get(at));
            line.map_or("nothing", |line| line.trim()).to_owned()
        };
        broken.push(format!("{name}: was `{}`, is `{}`", line(then), line(today)));
    }
    broken
}

#[test]
fn every_type_is_what_plugins_of_older_versions_take_it_for() {
    let now = describe::text();
    let folder = folder_of(".");
    let current = folder.join(format!("{ABI_VERSION}.txt"));
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&current, &now).expect("the folder takes the record");
    }
    let records =
        fs::read_dir(&folder).expect("the records are there").map(|entry| entry.expect("readable").path());
    for path in records.filter(|path| path.extension().is_some_and(|e| e == "txt")) {
        let record = fs::read_to_string(&path).expect("a record is text");
        let broken = broken(&record, &now);
        assert!(broken.is_empty(), "against {}:\n  {}\n\n{RULE}", path.display(), broken.join("\n  "));
    }
    let record = fs::read_to_string(&current).unwrap_or_default();
    assert!(record == now, "{} is not what the types are.\n\n{NEW}", current.display());
}

#[test]
fn a_record_tells_growth_from_change() {
    let record = "struct Iatt: 8 bytes, aligned to 4\n  0 size: u32\n  4 mode: u32\nstruct Node: 8 bytes, aligned to 8\n  0 id: u64\ntable HostApi\n  0 log: fn(u8)\nfop 1 stat: Stat -> Attr\n";
    let grown = record
        .replace(
            "struct Node: 8 bytes, aligned to 8\n  0 id: u64\n",
            "struct Node: 16 bytes, aligned to 8\n  0 id: u64\n  8 more: u64\n",
        )
        .replace("log: fn(u8)\n", "log: fn(u8)\n  8 clock: fn() -> u64\n")
        + "fop 59 fill: Fill -> PrePost\nstruct Fill: 8 bytes, aligned to 8\n  0 fd: Fd\n";
    assert_eq!(broken(record, &grown), [""; 0]);
    let changed = record.replace("4 mode: u32", "4 mode: i32");
    assert_eq!(broken(record, &changed), ["struct Iatt: was `4 mode: u32`, is `4 mode: i32`"]);
    let longer = record.replace("  4 mode: u32\n", "  4 mode: u32\n  8 more: u64\n");
    assert_eq!(broken(record, &longer), ["struct Iatt: was `nothing`, is `8 more: u64`"]);
    let moved = record.replace("  0 log: fn(u8)\n", "  0 clock: fn() -> u64\n  8 log: fn(u8)\n");
    assert_eq!(broken(record, &moved), ["table HostApi: was `0 log: fn(u8)`, is `0 clock: fn() -> u64`"]);
    let gone = record.replace("fop 1 stat: Stat -> Attr\n", "");
    assert_eq!(broken(record, &gone), ["fop 1 stat is gone"]);
}
