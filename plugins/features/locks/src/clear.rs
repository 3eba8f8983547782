//! Ending locks by hand: orders that come as the names of xattrs to be read.
//!
//! `glusterfs.clrlk.tTYPE.kKIND[.WHICH]` is the administrator's (`volume clear-locks`); `glusterfs.intrlk.…` ends the
//! caller's own wait for a record lock, when the application was interrupted.

use plugin_api::fop::Xattrs;
use plugin_api::{Dict, Errno, Frame, Gfid, IoBuf, Key, Value};

use crate::Locks;
use crate::engine::Range;
use crate::who::Clients;

const CLEAR: &str = "glusterfs.clrlk.";
const INTERRUPT: &str = "glusterfs.intrlk.";

/// Which family of locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Inode,
    Entry,
    Posix,
}

/// What is to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    family: Family,
    waiting: bool,
    held: bool,
    /// Only locks on exactly this range.
    range: Option<Range>,
    /// Only locks on this name.
    name: Option<Vec<u8>>,
    /// Only the caller's own.
    own: bool,
}

impl Order {
    /// Reads an xattr's name; `None` when it is no order.
    pub(crate) fn read(name: &[u8]) -> Option<Result<Self, Errno>> {
        if !name.starts_with(b"glusterfs.") {
            return None;
        }
        let name = std::str::from_utf8(name).ok()?;
        let (words, own) = match (name.strip_prefix(CLEAR), name.strip_prefix(INTERRUPT)) {
            (Some(words), _) => (words, false),
            (None, Some(words)) => (words, true),
            (None, None) => return None,
        };
        Some(Self::parse(words, own).ok_or(Errno::EINVAL))
    }

    fn parse(words: &str, own: bool) -> Option<Self> {
        let mut words = words.splitn(3, '.');
        let family = match words.next()? {
            "tinode" => Family::Inode,
            "tentry" => Family::Entry,
            "tposix" => Family::Posix,
            _ => return None,
        };
        let (waiting, held) = match words.next()? {
            "kblocked" => (true, false),
            "kgranted" => (false, true),
            "kall" => (true, true),
            _ => return None,
        };
        let which = words.next();
        let (range, name) = match (family, which) {
            (_, None) => (None, None),
            (Family::Entry, Some(name)) => (None, Some(name.as_bytes().to_vec())),
            (_, Some(range)) => (Some(parse_range(range)?), None),
        };
        Some(Self { family, waiting, held, range, name, own })
    }

    fn has_range(&self, range: Range) -> bool {
        self.range.is_none_or(|wanted| wanted == range)
    }
}

/// `WHENCE,START-LEN`; only whole files are counted from their start, so `WHENCE` is 0.
fn parse_range(text: &str) -> Option<Range> {
    let (whence, rest) = text.split_once(',')?;
    let (start, len) = rest.split_once('-')?;
    if whence.parse() != Ok(0) {
        return None;
    }
    Range::from_wire(start.parse().ok()?, len.parse().ok()?).ok()
}

impl Locks {
    /// Ends what an order names on one object, and says how many locks that were.
    pub(crate) async fn obey(&self, frame: &Frame, gfid: Gfid, name: &IoBuf, order: &Order) -> Xattrs {
        let (waiting, held) = self.end_locks(frame, gfid, order);
        let family = match order.family {
            Family::Inode => "inode",
            Family::Entry => "entry",
            Family::Posix => "posix",
        };
        let text = if waiting + held == 0 {
            "No locks cleared.".to_owned()
        } else {
            let brick = self.brick(frame, gfid).await;
            format!("{brick}: {family} blocked locks={waiting} granted locks={held}")
        };
        Xattrs { xattrs: Dict::new().with(Key::new(name.clone()), Value::str(text)), xdata: Dict::new() }
    }

    /// Ends them; how many waited, and how many were held.
    fn end_locks(&self, frame: &Frame, gfid: Gfid, order: &Order) -> (usize, usize) {
        let asker = self.clients.anybody(frame, Clients::name(frame)).holder;
        let pace = self.pace();
        let (mut of_ranges, mut of_names) = (Vec::new(), Vec::new());
        let ended = self.table.with_known(gfid, |locks, effects| match order.family {
            Family::Posix => {
                let fits = |record: &crate::engine::posix::Record| {
                    order.has_range(record.range) && (!order.own || record.holder == asker)
                };
                locks.posix.clear(
                    |record| order.held && fits(record),
                    |record| order.waiting && fits(record),
                    effects,
                )
            }
            Family::Inode => locks.ranges.release(
                |_, key| order.held && order.has_range(key.range),
                |_, key| order.waiting && order.has_range(key.range),
                pace,
                effects,
                &mut of_ranges,
            ),
            Family::Entry => {
                let fits = |key: &crate::engine::NameLock| {
                    order.name.as_ref().is_none_or(|name| key.name.as_deref() == Some(name))
                };
                locks.names.release(
                    |_, key| order.held && fits(key),
                    |_, key| order.waiting && fits(key),
                    pace,
                    effects,
                    &mut of_names,
                )
            }
        });
        if !of_ranges.is_empty() || !of_names.is_empty() {
            let me = frame.handle();
            self.notify(&me, gfid, &of_ranges);
            self.notify(&me, gfid, &of_names);
        }
        ended.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str) -> Option<Result<Order, Errno>> {
        Order::read(name.as_bytes())
    }

    #[test]
    fn an_order_names_family_kind_and_what() {
        let order = read("glusterfs.clrlk.tinode.kall.0,10-5").unwrap().unwrap();
        assert_eq!((order.family, order.waiting, order.held), (Family::Inode, true, true));
        assert_eq!(order.range, Some(Range { start: 10, end: 14 }));
        let order = read("glusterfs.clrlk.tentry.kgranted.a.b").unwrap().unwrap();
        assert_eq!((order.name.as_deref(), order.waiting), (Some(&b"a.b"[..]), false));
        assert!(read("glusterfs.intrlk.tposix.kblocked.0,0-0").unwrap().unwrap().own);
    }

    #[test]
    fn other_names_are_no_orders_and_bad_ones_are_refused() {
        assert_eq!(read("user.glusterfs.clrlk.tinode.kall"), None);
        assert_eq!(read("glusterfs.open-fd-count"), None);
        for bad in ["", "tinode", "tinode.kmost", "tfile.kall", "tinode.kall.x", "tposix.kall.1,0-0"] {
            assert_eq!(read(&format!("{CLEAR}{bad}")), Some(Err(Errno::EINVAL)), "{bad}");
        }
    }
}
