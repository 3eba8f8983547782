//! Every fop there and back, and bytes that mean harm.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::fop::{FopType, Lookup, Writev, kind};
use crate::{Dict, Identity, IoBuf, LkOwner, Loc, Value, for_each_fop};

/// Remembers the number of everything it made, and numbers everything else.
#[derive(Default)]
struct Book {
    ids: HashMap<usize, u64>,
    kept: Vec<(Option<Inode>, Option<Fd>, Option<Client>)>,
}

impl Book {
    fn number(&mut self, address: usize) -> u64 {
        let next = u64::try_from(self.ids.len()).unwrap() + 1;
        *self.ids.entry(address).or_insert(next)
    }
}

impl Objects for Book {
    fn inode_out(&mut self, inode: &Inode) -> u64 {
        self.number(inode.object().address())
    }
    fn inode_in(&mut self, id: u64, gfid: Gfid, file_type: FileType) -> Result<Inode, CarryError> {
        let inode = Inode::new(gfid, file_type);
        self.ids.insert(inode.object().address(), id);
        self.kept.push((Some(inode.clone()), None, None));
        Ok(inode)
    }
    fn fd_out(&mut self, fd: &Fd) -> u64 {
        self.number(fd.object().address())
    }
    fn fd_in(&mut self, id: u64, parts: FdParts) -> Result<Fd, CarryError> {
        let fd = if parts.anonymous {
            Fd::anonymous(parts.inode, parts.flags)
        } else {
            Fd::new(parts.inode, parts.flags, parts.pid)
        };
        self.ids.insert(fd.object().address(), id);
        self.kept.push((None, Some(fd.clone()), None));
        Ok(fd)
    }
    fn client_out(&mut self, client: &Client) -> u64 {
        self.number(client.object().address())
    }
    fn client_in(&mut self, id: u64, uid: &str, peer: &str, trusted: bool) -> Result<Client, CarryError> {
        let client = Client::new(uid, peer, trusted);
        self.ids.insert(client.object().address(), id);
        self.kept.push((None, None, Some(client.clone())));
        Ok(client)
    }
}

/// Packs what `bytes` are as a `T`, and answers how many of them it took; the place where they are wrong otherwise.
fn again<T: Carry>(bytes: &[u8]) -> Result<(Vec<u8>, usize), (CarryError, usize)> {
    let mut book = Book::default();
    let mut from = Unpack::new(IoBuf::copy_from_slice(bytes), &mut book);
    let value = from.take::<T>();
    let taken = bytes.len() - from.left();
    let value = value.map_err(|error| (error, taken))?;
    let mut into = Pack::new(&mut book);
    into.put(&value);
    Ok((into.done().to_iobuf().to_vec(), taken))
}

/// Bends bytes until they are a value: lengths and tags that are too large become small ones.
fn some_value<T: Carry>(mut bytes: Vec<u8>, small: &[u8]) -> Vec<u8> {
    for turn in 0_usize.. {
        // Every lap begins elsewhere: a small number that is wrong at its place is another one there the next time.
        let lap = u8::try_from(turn / small.len() % 12).unwrap();
        let some = (small[turn % small.len()] + lap) % 12;
        match again::<T>(&bytes) {
            Ok((value, taken)) => {
                assert_eq!(value.len(), taken);
                return value;
            }
            // Near the end it may be an id that lacks some of its 16 bytes, and no length to bend: more of the same.
            Err((CarryError::Short { .. }, at)) if bytes.len() - at < 16 => bytes.extend([b'm'; 512]),
            Err((CarryError::Short { .. }, at)) if at >= 4 => {
                bytes[at - 4..at].copy_from_slice(&u32::from(some).to_ne_bytes());
            }
            Err((_, at)) => bytes[at - 1] = some % 9,
        }
    }
    unreachable!("it turns until it returns")
}

fn there_and_back<T: Carry>(bytes: Vec<u8>, small: &[u8]) {
    let value = some_value::<T>(bytes, small);
    assert_eq!(again::<T>(&value).unwrap().0, value);
    // Cut anywhere, it is refused.
    for end in (0..value.len()).step_by(1 + value.len() / 64) {
        assert!(again::<T>(&value[..end]).is_err());
    }
}

fn harmless<T: Carry>(bytes: &[u8]) {
    let _ = again::<T>(bytes);
}

macro_rules! every_fop {
    ($($(#[$doc:meta])* $code:literal $name:ident $args:ident $reply:ident,)*) => {
        proptest! {
            #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

            $(#[test]
            fn $name(letters in prop::collection::vec(b'a'..=b'z', 4096), small in prop::collection::vec(0_u8..12, 64)) {
                there_and_back::<<kind::$name as FopType>::Args>(letters.clone(), &small);
                there_and_back::<<kind::$name as FopType>::Reply>(letters, &small);
            })*

            #[test]
            fn bytes_that_mean_harm_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
                $(
                    harmless::<<kind::$name as FopType>::Args>(&bytes);
                    harmless::<<kind::$name as FopType>::Reply>(&bytes);
                )*
                harmless::<Identity>(&bytes);
                harmless::<crate::Declaration>(&bytes);
                harmless::<crate::Event>(&bytes);
            }
        }
    };
}

for_each_fop!(every_fop);

fn carried<T: Carry>(value: &T) -> T {
    let mut book = Book::default();
    let mut into = Pack::new(&mut book);
    into.put(value);
    let bytes = into.done().to_iobuf();
    let mut from = Unpack::new(bytes, &mut book);
    let value = from.take().unwrap();
    from.done().unwrap();
    value
}

#[test]
fn a_write_arrives_as_it_was() {
    let fd = Fd::new(Inode::new(Gfid([3; 16]), FileType::Regular), 2, 77);
    let mut data = crate::Payload::from(IoBuf::from(vec![7; 5000]));
    data.push(IoBuf::from_static(b"tail"));
    let xdata = Dict::new().with("a", 1).with("b", "two").with("c", Gfid([9; 16]));
    let there = carried(&Writev { fd, data: data.clone(), offset: 1 << 40, flags: 3, xdata: xdata.clone() });
    assert_eq!((there.data, there.offset, there.flags, there.xdata), (data, 1 << 40, 3, xdata));
    assert_eq!((there.fd.inode().gfid(), there.fd.flags(), there.fd.pid()), (Gfid([3; 16]), 2, 77));
}

#[test]
fn who_asks_arrives_as_it_was() {
    let lk_owner = LkOwner::new(IoBuf::from_static(b"owner"));
    let who =
        Identity { uid: 5, pid: -6, groups: [1, 2].into_iter().collect(), lk_owner, ..Identity::default() };
    let there = carried(&who);
    assert_eq!((there.uid, there.pid, &there.groups, &there.lk_owner), (5, -6, &who.groups, &who.lk_owner));
}

#[test]
fn a_name_that_leads_out_of_its_directory_is_refused() {
    for name in [&b"a/b"[..], b"..", b".", b"a\0"] {
        let loc = Loc { name: IoBuf::copy_from_slice(name), ..Loc::default() };
        let mut book = Book::default();
        let mut into = Pack::new(&mut book);
        into.put(&Lookup { loc, xdata: Dict::new() });
        let bytes = into.done().to_iobuf();
        let refused = Unpack::new(bytes, &mut book).take::<Lookup>().unwrap_err();
        assert_eq!(refused, CarryError::Text { what: "name" });
    }
}

#[test]
fn a_count_without_items_allocates_nothing() {
    let mut bytes = u32::MAX.to_ne_bytes().to_vec();
    bytes.extend([0; 64]);
    assert_eq!(again::<Vec<u64>>(&bytes).unwrap_err().0, CarryError::Short { what: "a list" });
    assert!(matches!(again::<Value>(&[0, 255, 255, 255, 255]), Err((CarryError::Short { .. }, _))));
}

#[test]
fn large_buffers_are_shared_on_both_sides() {
    let buffer = IoBuf::from(vec![1; 4096]);
    let mut objects = NoObjects;
    let mut into = Pack::new(&mut objects);
    into.put(&buffer);
    let parcel = into.done();
    assert!(parcel.pieces().any(|piece| std::ptr::eq(piece.as_ptr(), buffer.as_ptr())));
    let bytes = parcel.to_iobuf();
    let read: IoBuf = Unpack::new(bytes.clone(), &mut NoObjects).take().unwrap();
    assert_eq!(read.as_ptr() as usize, bytes.as_ptr() as usize + 4);
}
