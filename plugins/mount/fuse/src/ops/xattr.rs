//! Requests on extended attributes, and those that are never asked of the graph.

use plugin_api::fop::{self, FopError};
use plugin_api::{Dict, Errno, IoBuf, Key, Payload, Value};

use crate::fs::{Answer, Call};
use crate::options::Settings;
use crate::wire::reply::Reply;
use crate::wire::request::{Fields, text};

/// The largest value, bytes.
const LARGEST: usize = 65_536;

/// The kernel asks for values and lists in two steps: how long, then what.
fn sized(value: &[u8], room: u32) -> Answer {
    let len = u32::try_from(value.len()).map_err(|_| FopError::from(Errno::E2BIG))?;
    match room {
        0 => Ok(Reply::count(len)),
        room if len > room => Err(Errno::ERANGE.into()),
        _ => Ok(Reply::Data(Payload::from(IoBuf::copy_from_slice(value)))),
    }
}

/// Why an attribute is not asked for: the mount does not serve its kind.
fn unserved(name: &[u8], settings: &Settings, absent: Errno) -> Result<(), Errno> {
    let served = match name {
        b"system.posix_acl_access" | b"system.posix_acl_default" => {
            return if settings.acl { Ok(()) } else { Err(Errno::EOPNOTSUPP) };
        }
        b"security.selinux" => settings.selinux,
        b"security.capability" => settings.capability || settings.selinux,
        _ => true,
    };
    if served { Ok(()) } else { Err(absent) }
}

/// Which nobody may change.
fn guarded(name: &[u8]) -> Result<(), Errno> {
    match name {
        b"trusted.gfid" | b"trusted.glusterfs.volume-id" => Err(Errno::EPERM),
        _ => Ok(()),
    }
}

/// Sets one.
pub(crate) async fn setxattr(call: Call) -> Answer {
    let mut fields = Fields::of(&call.body);
    let (size, flags) = (fields.u32()?, fields.i32()?);
    let (name, next) = text(&call.body, 8)?;
    let size = usize::try_from(size).map_err(|_| Errno::E2BIG)?;
    if size > LARGEST {
        return Err(Errno::E2BIG.into());
    }
    let end = next.checked_add(size).filter(|end| *end <= call.body.len()).ok_or(Errno::EINVAL)?;
    guarded(&name)?;
    unserved(&name, &call.fs.settings, Errno::EOPNOTSUPP)?;
    if name[..] == *b"inode-invalidate" {
        call.fs.notices.add(call.header.node);
        return Ok(Reply::done());
    }
    let value = Value::Untyped(call.body.slice(next..end));
    let frame = call.frame()?;
    let loc = call.loc(&frame).await?;
    let xattrs = Dict::new().with(Key::new(name), value);
    frame.child().setxattr(fop::Setxattr { loc, xattrs, flags, xdata: Dict::new() }).await?;
    Ok(Reply::done())
}

/// Reads one.
pub(crate) async fn getxattr(call: Call) -> Answer {
    let room = Fields::of(&call.body).u32()?;
    let (name, _) = text(&call.body, 8)?;
    unserved(&name, &call.fs.settings, Errno::ENODATA)?;
    let frame = call.frame()?;
    let loc = call.loc(&frame).await?;
    match &name[..] {
        b"glusterfs.gfid" => return sized(&loc.target().0, room),
        b"glusterfs.gfid.string" => return sized(loc.target().to_string().as_bytes(), room),
        _ => {}
    }
    let args = fop::Getxattr { loc, name: name.clone(), xdata: Dict::new() };
    let found = frame.child().getxattr(args).await?;
    let wanted = Key::new(name);
    let value = found.xattrs.iter().find(|(key, _)| **key == wanted).map(|(_, value)| value);
    match value.ok_or(Errno::ENODATA)? {
        value if value.as_bytes().is_some() => sized(value.as_bytes().unwrap_or_default(), room),
        Value::Uuid(gfid) => sized(&gfid.0, room),
        other => sized(other.as_i64().ok_or(Errno::ENODATA)?.to_string().as_bytes(), room),
    }
}

/// Lists their names.
pub(crate) async fn listxattr(call: Call) -> Answer {
    let room = Fields::of(&call.body).u32()?;
    let frame = call.frame()?;
    let loc = call.loc(&frame).await?;
    let args = fop::Getxattr { loc, name: IoBuf::new(), xdata: Dict::new() };
    let found = frame.child().getxattr(args).await?;
    let mut list = Vec::new();
    for (key, _) in found.xattrs.iter() {
        list.extend_from_slice(key.as_bytes());
        list.push(0);
    }
    sized(&list, room)
}

/// Removes one.
pub(crate) async fn removexattr(call: Call) -> Answer {
    let (name, _) = text(&call.body, 0)?;
    guarded(&name)?;
    unserved(&name, &call.fs.settings, Errno::EOPNOTSUPP)?;
    let frame = call.frame()?;
    let loc = call.loc(&frame).await?;
    frame.child().removexattr(fop::Removexattr { loc, name, xdata: Dict::new() }).await?;
    Ok(Reply::done())
}
