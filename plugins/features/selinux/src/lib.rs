//! `features/selinux`: keeps clients' security labels under a name of their own on the brick.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;
use plugin_api::{Key, Value};

/// What clients call the label.
const CLIENTS: &str = "security.selinux";
/// What it is called on the brick, whose own label under the clients' name is the brick process's business.
const BRICKS: &str = "trusted.glusterfs.selinux";

/// Renames one xattr on its way down and back.
#[derive(Debug, Default)]
pub struct Selinux {
    on: bool,
}

fn renamed(xattrs: &Dict, from: &str, to: &'static str) -> Dict {
    if !xattrs.contains(from) {
        return xattrs.clone();
    }
    let rename = |(key, value): (&Key, &Value)| {
        let key = if key.as_bytes() == from.as_bytes() { Key::from(to) } else { key.clone() };
        (key, value.clone())
    };
    xattrs.iter().map(rename).collect()
}

fn name(name: IoBuf) -> IoBuf {
    if name[..] == *CLIENTS.as_bytes() { BRICKS.into() } else { name }
}

#[xlator(
    "features/selinux",
    positions = "brick",
    unknown_fops = "pass",
    doc = "keeps clients' security labels under a name of their own"
)]
impl Xlator for Selinux {
    fn options() -> Options {
        Options::new().bool("selinux", "whether labels are renamed").default_value("on").reconfigurable()
    }

    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        self.on = cx.bool("selinux")?;
        Ok(())
    }

    async fn setxattr(&self, frame: &Frame, mut args: Setxattr) -> FopResult<Done> {
        if self.on {
            args.xattrs = renamed(&args.xattrs, CLIENTS, BRICKS);
        }
        frame.child().setxattr(args).await
    }

    async fn fsetxattr(&self, frame: &Frame, mut args: Fsetxattr) -> FopResult<Done> {
        if self.on {
            args.xattrs = renamed(&args.xattrs, CLIENTS, BRICKS);
        }
        frame.child().fsetxattr(args).await
    }

    async fn getxattr(&self, frame: &Frame, mut args: Getxattr) -> FopResult<Xattrs> {
        if !self.on {
            return frame.child().getxattr(args).await;
        }
        args.name = name(args.name);
        let mut reply = frame.child().getxattr(args).await?;
        reply.xattrs = renamed(&reply.xattrs, BRICKS, CLIENTS);
        Ok(reply)
    }

    async fn fgetxattr(&self, frame: &Frame, mut args: Fgetxattr) -> FopResult<Xattrs> {
        if !self.on {
            return frame.child().fgetxattr(args).await;
        }
        args.name = name(args.name);
        let mut reply = frame.child().fgetxattr(args).await?;
        reply.xattrs = renamed(&reply.xattrs, BRICKS, CLIENTS);
        Ok(reply)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_changes_its_name_and_nothing_else_does() {
        let given = Dict::new().with(CLIENTS, "label").with("user.a", "b");
        let below = renamed(&given, CLIENTS, BRICKS);
        assert_eq!((below.str(BRICKS), below.str("user.a")), (Some("label"), Some("b")));
        assert!(!below.contains(CLIENTS));
        assert_eq!(renamed(&below, BRICKS, CLIENTS), given);
        assert_eq!(&name(CLIENTS.into())[..], BRICKS.as_bytes());
    }
}
