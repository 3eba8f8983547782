//! Fops on open directories.

use plugin_api::Dict;
use plugin_api::fop::{Done, Entries, Fsyncdir, Opendir, Opened, Readdir, Readdirp};

use super::{Answer, Call, Open, gone};
use crate::ask::Ask;
use crate::dirread::{self, Plus};

/// Most bytes of entries in one answer: what fits a record of the wire.
const MAX_SIZE: usize = 128 * 1024 - 1024;

pub(crate) fn opendir(call: &Call<'_>, args: &Opendir) -> Answer<Opened> {
    let gfid = call.target(&args.loc)?;
    call.keep(&args.fd, Open::Dir(call.brick.open_dir(gfid).map_err(gone)?));
    Ok(Opened { fd: args.fd.clone(), xdata: Dict::new() })
}

pub(crate) fn readdir(call: &Call<'_>, args: &Readdir) -> Answer<Entries> {
    let open = call.open(&args.fd, 0)?;
    let no_directories = skips_directories(&args.xdata);
    let size = args.size.min(MAX_SIZE);
    Ok(answered(call.brick.read_dir(open.dir()?, args.offset, size, None, no_directories)?))
}

pub(crate) fn readdirp(call: &Call<'_>, args: &Readdirp) -> Answer<Entries> {
    let open = call.open(&args.fd, 0)?;
    let ask = Ask::of(&args.xdata);
    let plus = Some(Plus { ask: &ask, pid: call.caller.pid });
    let no_directories = skips_directories(&args.xdata);
    let size = args.size.min(MAX_SIZE);
    Ok(answered(call.brick.read_dir(open.dir()?, args.offset, size, plus, no_directories)?))
}

/// Names reach the disk with the file system's own journal, as under the incumbent.
pub(crate) fn fsyncdir(call: &Call<'_>, args: &Fsyncdir) -> Answer<Done> {
    call.open(&args.fd, 0)?;
    Ok(Done::default())
}

fn skips_directories(xdata: &Dict) -> bool {
    xdata.int("readdir-filter-directories").is_some_and(|n| n != 0)
}

fn answered(read: dirread::Entries) -> Entries {
    Entries { entries: read.entries.into(), at_end: read.at_end, xdata: Dict::new() }
}
