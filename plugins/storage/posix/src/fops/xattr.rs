//! Fops on extended attributes.

use plugin_api::fop::{
    Done, Fgetxattr, Fremovexattr, Fsetxattr, Fxattrop, Getxattr, Removexattr, Setxattr, Xattrop, Xattrs,
};
use plugin_api::{Dict, Iatt, Key, Value};
use rustix::io::Errno;

use super::{Answer, Call};
use crate::ask::Ask;
use crate::find::Found;
use crate::hidden::is_identity;
use crate::xattrop::Op;
use crate::xattrs::Got;

pub(crate) fn setxattr(call: &Call<'_>, args: &Setxattr) -> Answer<Done> {
    let found = call.find(&args.loc)?;
    set(call, &found, &args.xattrs, args.flags, &args.xdata)
}

pub(crate) fn fsetxattr(call: &Call<'_>, args: &Fsetxattr) -> Answer<Done> {
    let open = call.open(&args.fd, 0)?;
    let done = set(call, &open.found(call.brick)?, &args.xattrs, args.flags, &args.xdata)?;
    if args.xdata.contains("trusted.glusterfs.durable-op")
        && let Ok(file) = open.file()
    {
        call.brick.sync(file, false)?;
    }
    Ok(done)
}

fn set(call: &Call<'_>, found: &Found<'_>, xattrs: &Dict, flags: i32, xdata: &Dict) -> Answer<Done> {
    call.brick.check_space(&call.caller)?;
    let pre = call.brick.show_found(found);
    if xdata.int("sync_backend_xattrs").is_some_and(|n| n != 0) {
        call.brick.drop_other_xattrs(found, xattrs)?;
    }
    call.brick.set_xattrs(found, xattrs, flags)?;
    let mut xdata_out = three_iatts(call, found, pre)?;
    if xdata.contains("list-xattr") {
        let list = Dict::new().with("list-xattr", 1);
        for (key, value) in call.brick.answer(&Ask::of(&list), found, call.caller.pid).iter() {
            xdata_out.set(key.clone(), value.clone());
        }
    }
    Ok(Done { xdata: xdata_out })
}

/// What clients refresh their caches with.
fn three_iatts(call: &Call<'_>, found: &Found<'_>, pre: Iatt) -> Answer<Dict> {
    call.brick.touch(&found.inode, &found.place, &call.caller);
    let st = found.place.stat()?;
    let post = call.brick.show(&st, found.gfid, &found.inode, &found.place);
    Ok(Dict::new()
        .with("dht-get-iatt-in-xattr", post)
        .with("virt-gf-prestat", pre)
        .with("virt-gf-poststat", post))
}

pub(crate) fn getxattr(call: &Call<'_>, args: &Getxattr) -> Answer<Xattrs> {
    let found = call.find(&args.loc)?;
    get(call, &found, &args.name, &args.xdata)
}

pub(crate) fn fgetxattr(call: &Call<'_>, args: &Fgetxattr) -> Answer<Xattrs> {
    let open = call.open(&args.fd, 0)?;
    get(call, &open.found(call.brick)?, &args.name, &args.xdata)
}

fn get(call: &Call<'_>, found: &Found<'_>, name: &[u8], xdata: &Dict) -> Answer<Xattrs> {
    let brick = call.brick;
    let xattrs = if name.is_empty() {
        brick.list_xattrs(&found.place, call.caller.pid)?
    } else if name.contains(&0) {
        return Err(Errno::INVAL.into());
    } else if let Some(value) = virtual_xattr(call, found, name)? {
        one(name, value)
    } else {
        match brick.get_xattr(&found.place, name, call.caller.pid)? {
            Got::Value(value) => one(name, Value::from(value)),
            Got::Withheld => Dict::new(),
        }
    };
    Ok(Xattrs { xattrs, xdata: brick.answer(&Ask::of(xdata), found, call.caller.pid) })
}

fn one(name: &[u8], value: Value) -> Dict {
    let mut dict = Dict::new();
    dict.push(Key::new(name.to_vec().into()), value);
    dict
}

/// Names that lie on no disk.
fn virtual_xattr(call: &Call<'_>, found: &Found<'_>, name: &[u8]) -> Answer<Option<Value>> {
    let brick = call.brick;
    let text = |bytes: Vec<u8>| Value::Str(bytes.into());
    if let Some(wanted) = name.strip_prefix(b"glusterfs.get_real_filename:") {
        return Ok(Some(text(brick.real_name(found.gfid, wanted)?)));
    }
    Ok(Some(match name {
        b"trusted.glusterfs.pathinfo" | b"glusterfs.pathinfo" => Value::from(brick.path_info(found)),
        b"trusted.glusterfs.node-uuid" => {
            let options = brick.options();
            Value::from(options.glusterd_uuid.clone().ok_or(Errno::NODATA)?)
        }
        b"glusterfs.gfidtopath" => {
            let separator = brick.options().gfid2path_separator.clone().into_bytes();
            Value::from(brick.paths(found)?.join(&separator[..]))
        }
        // A healer takes an error for a file that is not there: where no name is on record, the id has to do.
        b"glusterfs.gfid2path" => match brick.paths(found) {
            Ok(mut paths) => text(paths.swap_remove(0)),
            Err(_) => Value::from(format!("<gfid:{}>", found.gfid)),
        },
        b"glusterfs.ancestry.path" => text(brick.paths(found)?.join(&b":"[..])),
        b"glusterfs.open-fd-count" => {
            Value::from(u32::from(found.inode.fds.load(std::sync::atomic::Ordering::Relaxed) > 0))
        }
        _ => return Ok(None),
    }))
}

pub(crate) fn removexattr(call: &Call<'_>, args: &Removexattr) -> Answer<Done> {
    let found = call.find(&args.loc)?;
    remove(call, &found, &args.name, &args.xdata)
}

pub(crate) fn fremovexattr(call: &Call<'_>, args: &Fremovexattr) -> Answer<Done> {
    let open = call.open(&args.fd, 0)?;
    remove(call, &open.found(call.brick)?, &args.name, &args.xdata)
}

fn remove(call: &Call<'_>, found: &Found<'_>, name: &[u8], xdata: &Dict) -> Answer<Done> {
    let pre = call.brick.show_found(found);
    if name.is_empty() {
        // Without a name, the request lists what to remove.
        for (key, _) in xdata.iter().filter(|(key, _)| !is_identity(key.as_bytes())) {
            match call.brick.drop_xattr(&found.place, key.as_bytes()) {
                Ok(()) | Err(Errno::NODATA | Errno::NOTSUP) => {}
                Err(e) => return Err(e.into()),
            }
        }
    } else {
        call.brick.drop_xattr(&found.place, name)?;
    }
    Ok(Done { xdata: three_iatts(call, found, pre)? })
}

pub(crate) fn xattrop(call: &Call<'_>, args: &Xattrop) -> Answer<Xattrs> {
    let found = call.find(&args.loc)?;
    operate(call, &found, args.op, &args.xattrs, &args.xdata)
}

pub(crate) fn fxattrop(call: &Call<'_>, args: &Fxattrop) -> Answer<Xattrs> {
    let open = call.open(&args.fd, 0)?;
    operate(call, &open.found(call.brick)?, args.op, &args.xattrs, &args.xdata)
}

fn operate(call: &Call<'_>, found: &Found<'_>, op: u32, xattrs: &Dict, xdata: &Dict) -> Answer<Xattrs> {
    let op = Op::from_wire(op)?;
    let mut answers = Dict::new();
    {
        let _one = found.inode.xattrop.lock().expect("no panic under it");
        for (key, value) in xattrs.iter() {
            let name = key.as_bytes();
            if is_identity(name) || name == crate::mdata::XATTR {
                return Err(Errno::PERM.into());
            }
            let operand = value.as_bytes().ok_or(Errno::INVAL)?;
            if let Some(answer) = call.brick.xattrop(found, op, name, operand)? {
                answers.push(key.clone(), answer);
            }
        }
    }
    Ok(Xattrs { xattrs: answers, xdata: call.brick.answer(&Ask::of(xdata), found, call.caller.pid) })
}
