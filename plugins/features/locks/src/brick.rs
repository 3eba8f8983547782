//! What tells this brick from others: `HOST:PATH/`, as the storage below shows its root.

use plugin_api::fop::Getxattr;
use plugin_api::{Frame, Gfid, Identity, Inode, IoBuf, Loc, Value};

use crate::Locks;

const PATH_INFO: &str = "trusted.glusterfs.pathinfo";

impl Locks {
    /// The brick's name, asked once of whoever is below with any object there is; the translator's own when nobody
    /// says.
    pub(crate) async fn brick(&self, frame: &Frame, gfid: Gfid) -> &str {
        if let Some(brick) = self.brick.get() {
            return brick;
        }
        let mut own = frame.fork();
        *own.identity_mut() = Identity { pid: -1, ..Identity::default() };
        let loc = Loc::of(Inode::new(gfid, plugin_api::FileType::Invalid));
        let args = Getxattr { loc, name: IoBuf::from(PATH_INFO.to_owned()), xdata: plugin_api::Dict::new() };
        let found = own.child().getxattr(args).await.ok();
        let found = found.and_then(|reply| parse(reply.xattrs.get(PATH_INFO).and_then(Value::as_str)?));
        self.brick.get_or_init(|| found.unwrap_or_else(|| frame.name().to_owned()))
    }
}

/// `<POSIX(PATH):HOST:…>` holds both.
fn parse(info: &str) -> Option<String> {
    let (path, rest) = info.split_once("POSIX(")?.1.split_once("):")?;
    let (host, _) = rest.split_once(':')?;
    Some(format!("{host}:{path}/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_path_are_found() {
        assert_eq!(parse("<POSIX(/b/v.1):server:/b/v.1/a>").as_deref(), Some("server:/b/v.1/"));
        assert_eq!(parse("nothing of the kind"), None);
    }
}
