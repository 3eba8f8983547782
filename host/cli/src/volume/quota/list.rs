//! The limits of a volume, and how much of them is used.
//!
//! The daemon only permits the list: which folders have limits stands in its `quota.conf`, what lies below them is known to the
//! aggregator of this node, and folders that are named are looked at through the mount that the daemon made for it.

use crate::daemon::{AskError, Connection, Daemon};
use crate::facts::Facts;
use crate::said::Said;
use crate::session::{Head, Outcome, Session, Stop};
use crate::tree::{Element, element};
use crate::volume::status::human;
use gluster_xdr::Program;
use gluster_xdr::cli::{CLI, CliProc, CliReq, CliRsp, GetwdReq, GetwdRsp};
use plugin_api::{Dict, Gfid};
use rustix::mount::UnmountFlags;
use std::path::{Path, PathBuf};

/// The aggregator, and what it answers with a limit and what is used of it.
const AGGREGATOR: Program = Program::new(29_852_134, 1, "Gluster Aggregator");
const GET_LIMIT: u32 = 2;

/// Where it listens, and where the daemon mounts.
const RUN: &str = "/var/run/gluster";

/// Attributes of a folder: its limits, what lies below it, and where it is.
const SIZE: &str = "trusted.glusterfs.quota.size";
const PLACE: &str = "glusterfs.ancestry.path";

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    Bytes,
    Objects,
}

impl Listed {
    fn number(self) -> i32 {
        if self == Self::Bytes { 5 } else { 13 }
    }

    /// Its mark in `quota.conf`.
    fn mark(self) -> u8 {
        if self == Self::Bytes { 1 } else { 2 }
    }

    fn attribute(self) -> &'static str {
        match self {
            Self::Bytes => "trusted.glusterfs.quota.limit-set",
            Self::Objects => "trusted.glusterfs.quota.limit-objects",
        }
    }

    fn none(self, volume: &str) -> String {
        let what = if self == Self::Bytes { "quota" } else { "inode quota" };
        format!("No {what} configured on volume {volume}")
    }

    fn head(self) -> String {
        let columns = match self {
            Self::Bytes => {
                "Hard-limit  Soft-limit      Used  Available  Soft-limit exceeded? Hard-limit exceeded?"
            }
            Self::Objects => {
                "Hard-limit   Soft-limit      Files       Dirs     Available  Soft-limit exceeded? Hard-limit exceeded?"
            }
        };
        let line = format!("{:18}Path{:19}{columns}", "", "");
        format!("{line}\n{}\n", "-".repeat(line.len()))
    }
}

/// A folder of the list.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    path: String,
    used: Used,
    limit: Option<Limit>,
}

/// What lies below a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Used {
    bytes: i64,
    files: i64,
    folders: i64,
}

/// A limit as it is in force.
#[derive(Debug, Clone, PartialEq)]
struct Limit {
    hard: i64,
    percent: String,
    soft: i64,
}

/// Numbers of eight bytes, the most significant first, as attributes of quota have them.
fn numbers(bytes: &[u8]) -> Vec<i64> {
    let chunks = bytes.chunks_exact(8);
    chunks.map(|chunk| i64::from_be_bytes(chunk.try_into().expect("eight bytes"))).collect()
}

impl Used {
    fn read(bytes: &[u8]) -> Self {
        let numbers = numbers(bytes);
        let number = |place: usize| numbers.get(place).copied().unwrap_or(0);
        Self { bytes: number(0), files: number(1), folders: number(2) }
    }
}

impl Limit {
    /// Reads the attribute; `standard` is the soft limit where it names none.
    fn read(bytes: &[u8], standard: &str) -> Option<Self> {
        let &[hard, soft, ..] = numbers(bytes).as_slice() else { return None };
        let standard = standard.trim_end_matches('%').parse().unwrap_or(80);
        let percent = if (0..=100).contains(&soft) { soft } else { standard };
        let value = i128::from(hard) * i128::from(percent) / 100;
        Some(Self { hard, percent: format!("{percent}%"), soft: i64::try_from(value).unwrap_or(hard) })
    }
}

impl Row {
    fn counted(&self, listed: Listed) -> i64 {
        match listed {
            Listed::Bytes => self.used.bytes,
            Listed::Objects => self.used.files.saturating_add(self.used.folders),
        }
    }

    /// What is left of a limit, and whether the soft and the hard one are exceeded.
    fn state(&self, limit: &Limit, listed: Listed) -> (i64, bool, bool) {
        let used = self.counted(listed);
        let left = limit.hard.saturating_sub(used).max(0);
        (left, used > limit.soft, left == 0)
    }

    fn text(&self, listed: Listed) -> String {
        let Row { path, used, limit } = self;
        let (files, folders) = (used.files, used.folders);
        match (limit, listed) {
            (Some(limit), Listed::Bytes) => {
                let (left, soft, hard) = self.state(limit, listed);
                let value = human(limit.soft);
                format!(
                    "{path:<40} {:>7} {:>7}({value}) {:>8} {:>7} {:>15} {:>20}\n",
                    human(limit.hard),
                    limit.percent,
                    human(used.bytes),
                    human(left),
                    yes(soft),
                    yes(hard)
                )
            }
            (Some(limit), Listed::Objects) => {
                let (left, soft, hard) = self.state(limit, listed);
                let (most, percent, value) = (limit.hard, &limit.percent, limit.soft);
                format!(
                    "{path:<40} {most:>9} {percent:>9}({value}) {files:>10} {folders:>9} {left:>11} {:>15} {:>20}\n",
                    yes(soft),
                    yes(hard)
                )
            }
            (None, Listed::Bytes) => {
                let none = "N/A";
                let used = human(used.bytes);
                format!("{path:<40} {none:>6} {none:>10} {used:>14} {none:>9} {none:>15} {none:>18}\n")
            }
            (None, Listed::Objects) => {
                let none = "N/A";
                format!(
                    "{path:<40} {none:>9} {none:>9} {files:>14} {folders:>9} {none:>11} {none:>15} {none:>20}\n"
                )
            }
        }
    }

    fn element(&self, listed: Listed) -> Element {
        let tree = element("limit").leaf("path", &self.path);
        let none = || "N/A".to_owned();
        let limit = self.limit.as_ref();
        let state = limit.map(|limit| self.state(limit, listed));
        let tree = tree
            .leaf("hard_limit", limit.map_or_else(none, |limit| limit.hard.to_string()))
            .leaf("soft_limit_percent", limit.map_or_else(none, |limit| limit.percent.clone()))
            .leaf("soft_limit_value", limit.map_or_else(none, |limit| limit.soft.to_string()));
        let left = state.map_or_else(none, |state| state.0.to_string());
        let tree = match listed {
            Listed::Bytes => tree.number("used_space", self.used.bytes).leaf("avail_space", left),
            Listed::Objects => tree
                .number("file_count", self.used.files)
                .number("dir_count", self.used.folders)
                .leaf("available", left),
        };
        tree.leaf("sl_exceeded", state.map_or_else(none, |state| yes(state.1).to_owned()))
            .leaf("hl_exceeded", state.map_or_else(none, |state| yes(state.2).to_owned()))
    }
}

fn yes(fact: bool) -> &'static str {
    if fact { "Yes" } else { "No" }
}

/// Lists all limits, or those of the folders that are named.
pub(super) fn run(session: &mut Session<'_>, name: &str, listed: Listed, paths: &[&str]) -> Outcome {
    if paths.iter().any(|path| !path.starts_with('/')) {
        return Err(Stop::usage("Please enter absolute path"));
    }
    let mut request = Dict::new().with("volname", name).with("type", listed.number());
    request.set("count", i64::try_from(paths.len()).unwrap_or(i64::MAX));
    for (number, path) in paths.iter().enumerate() {
        request.set(format!("path{number}"), *path);
    }
    let reply = session.ask(CliProc::Quota, request)?;
    if reply.op_ret != 0 {
        return Ok(super::told(session, &reply).with_code(2));
    }
    let point = Path::new(RUN).join(format!("{name}_quota_list"));
    let limited = limited(session, name, listed)?;
    let standard = reply.dict.str("default-soft-limit").unwrap_or_default().to_owned();
    let listing = match (limited.is_empty(), paths) {
        (true, _) => Ok(Listing::default()),
        (false, []) => by_aggregator(session, name, listed, &limited, &standard),
        (false, paths) => Ok(by_mount(&point, listed, paths, &standard)),
    };
    leave(&point);
    Ok(match listing {
        _ if limited.is_empty() => empty(session, name, listed),
        Ok(listing) => listing.told(session, listed),
        Err(error) => Said::refused(format!(
            "quota command failed : the aggregator of this node does not answer: {error}\n"
        )),
    })
}

/// The mount has served its purpose.
fn leave(point: &Path) {
    if rustix::mount::unmount(point, UnmountFlags::DETACH).is_ok() {
        // One that is not empty is somebody else's.
        let _ = std::fs::remove_dir(point);
    }
}

fn empty(session: &Session<'_>, name: &str, listed: Listed) -> Said {
    let none = listed.none(name);
    if session.wants_document() {
        let head = Head { ret: -1, errno: 0, text: &none };
        return session.document(head, [element("cliOp").text("volQuota")]).with_code(0);
    }
    Said::out(format!("quota: {none}\n"))
}

/// The folders with a limit of this kind, as the daemon's file of the volume has them.
fn limited(session: &mut Session<'_>, name: &str, listed: Listed) -> Result<Vec<Gfid>, Stop> {
    let folder: GetwdRsp = session.daemon.typed(CLI, CliProc::Getwd.number(), &GetwdReq { unused: 0 })?;
    let file = PathBuf::from(folder.wd).join("vols").join(name).join("quota.conf");
    let bytes = std::fs::read(file).unwrap_or_default();
    Ok(records(&bytes).filter(|(_, mark)| *mark == listed.mark()).map(|(gfid, _)| gfid).collect())
}

/// The records of a `quota.conf`, each with its mark; before version 1.2 there were only limits of bytes.
fn records(bytes: &[u8]) -> impl Iterator<Item = (Gfid, u8)> {
    let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
    let (head, records) = bytes.split_at(end);
    let has_marks = !head.ends_with(b"v1.1\n") && !head.ends_with(b"v1.0\n");
    let record = |record: &[u8]| Some((Gfid::from_slice(record.get(..16)?)?, *record.get(16).unwrap_or(&1)));
    records.chunks_exact(if has_marks { 17 } else { 16 }).filter_map(record)
}

#[derive(Debug, Default)]
struct Listing {
    rows: Vec<Row>,
    /// Folders that cannot be looked at.
    lost: String,
}

impl Listing {
    fn told(&self, session: &Session<'_>, listed: Listed) -> Said {
        if session.wants_document() {
            let rows = self.rows.iter().map(|row| row.element(listed));
            let said = session.document(Head::GOOD, [element("volQuota").list("limit", rows)]);
            return Said { err: self.lost.clone(), ..said };
        }
        let rows: String = self.rows.iter().map(|row| row.text(listed)).collect();
        let out = if self.rows.is_empty() { String::new() } else { listed.head() + &rows };
        Said { out, err: self.lost.clone(), ..Said::default() }
    }
}

/// Asks the aggregator of each folder.
fn by_aggregator(
    session: &Session<'_>,
    name: &str,
    listed: Listed,
    folders: &[Gfid],
    standard: &str,
) -> Result<Listing, AskError> {
    let mut link = Connection::at(Path::new(RUN).join("quotad.socket"), session.options.timeout);
    let link: &mut dyn Daemon = &mut link;
    let mut listing = Listing::default();
    for gfid in folders {
        let dict = Dict::new().with("gfid", gfid.to_string()).with("volume-uuid", name);
        let dict = dict.with("default-soft-limit", standard).with("type", listed.number());
        let reply: CliRsp = link.typed(AGGREGATOR, GET_LIMIT, &CliReq { dict })?;
        let facts = Facts::of(&reply.dict);
        let limit = facts.bytes(listed.attribute()).and_then(|bytes| Limit::read(bytes, standard));
        // A folder that is gone still stands in the file.
        let (Some(path), Some(limit)) = (facts.text(PLACE), limit) else { continue };
        let used = facts.bytes(SIZE).map(Used::read).unwrap_or_default();
        listing.rows.push(Row { path: path.to_owned(), used, limit: Some(limit) });
    }
    Ok(listing)
}

/// Looks at folders through a mount.
fn by_mount(point: &Path, listed: Listed, paths: &[&str], standard: &str) -> Listing {
    let mut listing = Listing::default();
    for path in paths {
        let place = point.join(path.trim_start_matches('/'));
        if let Err(error) = std::fs::symlink_metadata(&place) {
            let why =
                error.raw_os_error().map_or_else(|| error.to_string(), |code| strerror(code).to_owned());
            listing.lost += &format!("{path:<40} {why}\n");
            continue;
        }
        let attribute = |name: &str| {
            let mut value = [0; 64];
            let length = rustix::fs::lgetxattr(&place, name, &mut value).ok()?;
            Some(value[..length].to_vec())
        };
        let limit = attribute(listed.attribute()).and_then(|bytes| Limit::read(&bytes, standard));
        let used = attribute(SIZE).map(|bytes| Used::read(&bytes)).unwrap_or_default();
        listing.rows.push(Row { path: (*path).to_owned(), used, limit });
    }
    listing
}

/// What an error number means, without the number.
fn strerror(code: i32) -> String {
    let text = std::io::Error::from_raw_os_error(code).to_string();
    text.rsplit_once(" (os error").map_or_else(|| text.clone(), |(text, _)| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn be(numbers: &[i64]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    #[test]
    fn a_row_tells_how_much_is_left() {
        let limit = Limit::read(&be(&[1 << 20, 50]), "80%");
        let used = Used::read(&be(&[900_096, 1, 1]));
        let row = Row { path: "/a".to_owned(), used, limit };
        let wanted = "/a                                         1.0MB     50%(512.0KB)  879.0KB 145.0KB             Yes                   \
                      No\n";
        assert_eq!(row.text(Listed::Bytes), wanted);
    }

    #[test]
    fn objects_are_files_and_folders_together() {
        let limit = Limit::read(&be(&[3, -1]), "60%");
        let row = Row { path: "/b".to_owned(), used: Used { bytes: 0, files: 2, folders: 1 }, limit };
        let wanted = "/b                                               3       60%(1)          2         1           0             Yes                  \
                      Yes\n";
        assert_eq!(row.text(Listed::Objects), wanted);
    }

    #[test]
    fn records_of_both_versions_are_read() {
        let gfid = Gfid([7; 16]);
        let new = [&b"GlusterFS Quota conf | version: v1.2\n"[..], &gfid.0, &[2], &[9; 5]].concat();
        assert_eq!(records(&new).collect::<Vec<_>>(), [(gfid, 2)]);
        let old = [&b"GlusterFS Quota conf | version: v1.1\n"[..], &gfid.0].concat();
        assert_eq!(records(&old).collect::<Vec<_>>(), [(gfid, 1)]);
        assert_eq!(records(b"").count() + records(b"nonsense").count(), 0);
    }

    #[test]
    fn an_attribute_that_is_too_short_is_no_limit() {
        assert_eq!(Limit::read(&[0; 15], "80%"), None);
        assert_eq!(Used::read(&[0, 0]), Used::default());
    }
}
