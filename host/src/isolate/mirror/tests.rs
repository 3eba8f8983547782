use std::sync::mpsc::{Receiver, channel};

use plugin_api::IoBuf;

use plugin_api::carry::{Carry, Pack, Unpack};

use super::*;

fn end(side: Side) -> (Arc<Mirror>, Receiver<Note>) {
    let (told, notes) = channel();
    let told = Mutex::new(told);
    let tell = Box::new(move |note| told.lock().unwrap().send(note).unwrap());
    (Mirror::new(side, CtxKey::fresh(), tell), notes)
}

fn packed<T: Carry>(value: &T, mut lending: Lending<'_>) -> (IoBuf, Vec<u64>) {
    let mut pack = Pack::new(&mut lending);
    pack.put(value);
    (pack.done().to_iobuf(), lending.leases)
}

fn read<T: Carry>(bytes: IoBuf, mut borrowing: Borrowing<'_>) -> Result<(T, Used), CarryError> {
    let value = Unpack::new(bytes, &mut borrowing).take()?;
    Ok((value, borrowing.used))
}

fn file() -> Inode {
    Inode::new(Gfid([5; 16]), FileType::Regular)
}

#[test]
fn an_object_has_one_mirror_as_long_as_it_lives() {
    let ((host, told), (worker, _)) = (end(Side::Host), end(Side::Worker));
    let inode = file();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let (bytes, leases) = packed(&inode, host.lending());
        let (mirror, used) = read::<Inode>(bytes, worker.borrowing()).unwrap();
        seen.push(mirror.object().address());
        assert_eq!(mirror.gfid(), inode.gfid());
        drop(mirror);
        assert!(worker.settle(used).0.is_empty());
        host.give_back(&leases);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(inode.object().count(), 1, "nothing is lent any more");
    drop(inode);
    let Note::Gone(id) = told.try_recv().unwrap() else { panic!() };
    worker.gone(id);
    assert_eq!(format!("{worker:?}"), "Mirror(0 ours, 0 theirs)");
}

#[test]
fn what_the_other_side_keeps_stays_alive_until_it_does_no_longer() {
    let ((host, gone), (worker, notes)) = (end(Side::Host), end(Side::Worker));
    let inode = file();
    let (bytes, leases) = packed(&inode, host.lending());
    let (mirror, used) = read::<Inode>(bytes, worker.borrowing()).unwrap();
    let (kept, _) = worker.settle(used);
    assert_eq!(kept, leases);
    host.keep(&kept).unwrap();
    host.give_back(&leases);
    drop(inode);
    assert!(gone.try_recv().is_err(), "it is kept");
    let (bytes, _) = packed(&mirror, worker.lending());
    assert_eq!(read::<Inode>(bytes, host.borrowing()).unwrap().0.gfid(), file().gfid());
    drop(mirror);
    worker.look(9);
    let Note::Released(id, grants) = notes.try_recv().unwrap() else { panic!() };
    host.released(id, grants).unwrap();
    assert_eq!(gone.try_recv().unwrap(), Note::Gone(id));
    assert!(host.released(id, 1).is_err());
}

#[test]
fn a_descriptor_brings_its_inode_and_comes_back_as_itself() {
    let ((host, _), (worker, _)) = (end(Side::Host), end(Side::Worker));
    let fd = Fd::new(file(), 2, 7);
    let (bytes, _) = packed(&fd, host.lending());
    let (mirror, _) = read::<Fd>(bytes, worker.borrowing()).unwrap();
    assert_eq!((mirror.flags(), mirror.pid(), mirror.inode().gfid()), (2, 7, file().gfid()));
    let (bytes, _) = packed(&mirror, worker.granting());
    let (back, _) = read::<Fd>(bytes, host.taking()).unwrap();
    assert!(back == fd);
}

#[test]
fn an_inode_that_gets_its_id_on_one_side_has_it_on_the_other() {
    let ((host, _), (worker, _)) = (end(Side::Host), end(Side::Worker));
    let inode = Inode::new(Gfid::NULL, FileType::Invalid);
    let (bytes, _) = packed(&inode, host.lending());
    let (mirror, used) = read::<Inode>(bytes, worker.borrowing()).unwrap();
    mirror.link(Gfid([8; 16]), FileType::Directory);
    let (_, linked) = worker.settle(used);
    host.link(&linked);
    assert_eq!((inode.gfid(), inode.file_type()), (Gfid([8; 16]), FileType::Directory));
}

#[test]
fn a_number_that_was_never_given_out_is_a_strangers() {
    let ((host, _), (worker, _)) = (end(Side::Host), end(Side::Worker));
    let (bytes, leases) = packed(&file(), host.lending());
    host.give_back(&leases);
    let (mirror, _) = read::<Inode>(bytes, worker.borrowing()).unwrap();
    let (bytes, _) = packed(&mirror, worker.lending());
    let refused = read::<Inode>(bytes, host.borrowing()).unwrap_err();
    assert_eq!(refused, CarryError::Stranger { what: "inode", id: leases[0] });
    assert!(host.keep(&[leases[0]]).is_err() && host.released(77, 1).is_err());
}

#[test]
fn objects_of_both_sides_have_numbers_of_their_own() {
    let ((host, _), (worker, _)) = (end(Side::Host), end(Side::Worker));
    let (theirs, ours) = (file(), Inode::new(Gfid([6; 16]), FileType::Fifo));
    let (bytes, _) = packed(&theirs, worker.lending());
    let (mirror, _) = read::<Inode>(bytes, host.borrowing()).unwrap();
    let (bytes, _) = packed(&ours, host.lending());
    let (other, _) = read::<Inode>(bytes, worker.borrowing()).unwrap();
    assert_eq!((mirror.gfid(), other.file_type()), (theirs.gfid(), FileType::Fifo));
}

#[test]
fn a_new_process_has_new_mirrors() {
    let key = CtxKey::fresh();
    let quiet = || Box::new(|_| {});
    let (old, new) = (Mirror::new(Side::Host, key, quiet()), Mirror::new(Side::Host, key, quiet()));
    let inode = file();
    packed(&inode, old.lending());
    old.clear();
    packed(&inode, new.lending());
    assert_eq!(format!("{old:?} {new:?}"), "Mirror(0 ours, 0 theirs) Mirror(1 ours, 0 theirs)");
}
