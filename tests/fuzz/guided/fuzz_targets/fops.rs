//! The arguments of every procedure of the file operation program; the first byte is the procedure's number.
#![no_main]

use gluster_xdr::fop::*;
use guided::{chosen, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((number, args)) = chosen(data) else { return };
    let Some(procedure) = Proc::from_number(number) else { return };
    match procedure {
        Proc::Null | Proc::Compound => {}
        Proc::Write => {
            if let Ok((_, payload)) = WriteReq::with_payload(&args) {
                assert!(payload.len() <= args.len());
            }
        }
        Proc::Put => {
            if let Ok((_, payload)) = PutReq::with_payload(&args) {
                assert!(payload.len() <= args.len());
            }
        }
        Proc::Stat => read::<StatReq>(&args),
        Proc::Readlink => read::<ReadlinkReq>(&args),
        Proc::Mknod => read::<MknodReq>(&args),
        Proc::Mkdir => read::<MkdirReq>(&args),
        Proc::Unlink => read::<UnlinkReq>(&args),
        Proc::Rmdir => read::<RmdirReq>(&args),
        Proc::Symlink => read::<SymlinkReq>(&args),
        Proc::Rename => read::<RenameReq>(&args),
        Proc::Link => read::<LinkReq>(&args),
        Proc::Truncate => read::<TruncateReq>(&args),
        Proc::Open => read::<OpenReq>(&args),
        Proc::Read => read::<ReadReq>(&args),
        Proc::Statfs => read::<StatfsReq>(&args),
        Proc::Flush | Proc::Release | Proc::Releasedir => read::<FdReq>(&args),
        Proc::Fsync => read::<FsyncReq>(&args),
        Proc::Setxattr => read::<SetxattrReq>(&args),
        Proc::Getxattr => read::<GetxattrReq>(&args),
        Proc::Removexattr => read::<RemovexattrReq>(&args),
        Proc::Opendir => read::<OpendirReq>(&args),
        Proc::Fsyncdir => read::<FsyncdirReq>(&args),
        Proc::Access => read::<AccessReq>(&args),
        Proc::Create => read::<CreateReq>(&args),
        Proc::Ftruncate => read::<FtruncateReq>(&args),
        Proc::Fstat => read::<FstatReq>(&args),
        Proc::Lk => read::<LkReq>(&args),
        Proc::Lookup => read::<LookupReq>(&args),
        Proc::Readdir | Proc::Readdirp => read::<ReaddirReq>(&args),
        Proc::Inodelk => read::<InodelkReq>(&args),
        Proc::Finodelk => read::<FinodelkReq>(&args),
        Proc::Entrylk => read::<EntrylkReq>(&args),
        Proc::Fentrylk => read::<FentrylkReq>(&args),
        Proc::Xattrop => read::<XattropReq>(&args),
        Proc::Fxattrop => read::<FxattropReq>(&args),
        Proc::Fgetxattr => read::<FgetxattrReq>(&args),
        Proc::Fsetxattr => read::<FsetxattrReq>(&args),
        Proc::Rchecksum => read::<RchecksumReq>(&args),
        Proc::Setattr => read::<SetattrReq>(&args),
        Proc::Fsetattr => read::<FsetattrReq>(&args),
        Proc::Fremovexattr => read::<FremovexattrReq>(&args),
        Proc::Fallocate => read::<FallocateReq>(&args),
        Proc::Discard | Proc::Zerofill => read::<RangeReq>(&args),
        Proc::Ipc => read::<IpcReq>(&args),
        Proc::Seek => read::<SeekReq>(&args),
        Proc::Lease => read::<LeaseReq>(&args),
        Proc::Getactivelk => read::<GetactivelkReq>(&args),
        Proc::Setactivelk => read::<SetactivelkReq>(&args),
        Proc::Icreate => read::<IcreateReq>(&args),
        Proc::Namelink => read::<NamelinkReq>(&args),
        Proc::CopyFileRange => read::<CopyFileRangeReq>(&args),
    }
});
