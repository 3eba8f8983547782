//! `features/mac-compat`: answers for the xattrs that macOS keeps on every file, where a file has none.
#![forbid(unsafe_code)]

pub mod options;

use plugin_api::prelude::*;

const FINDER_INFO: &str = "com.apple.FinderInfo";
const RESOURCE_FORK: &str = "com.apple.ResourceFork";
/// The Finder's record about a file, when it has nothing to say.
const NO_FINDER_INFO: &[u8] = &[0; 32];

/// Gives empty values for the Finder's xattrs instead of "no such attribute", and lets setting them fail in silence.
#[derive(Debug, Default)]
pub struct MacCompat;

#[xlator(
    "features/mac-compat",
    positions = "client",
    unknown_fops = "pass",
    doc = "answers for the xattrs that macOS keeps on every file"
)]
impl Xlator for MacCompat {
    fn options() -> Options {
        options::declare()
    }

    async fn getxattr(&self, frame: &Frame, args: Getxattr) -> FopResult<Xattrs> {
        let name = args.name.clone();
        or_empty(&name, frame.child().getxattr(args).await)
    }

    async fn fgetxattr(&self, frame: &Frame, args: Fgetxattr) -> FopResult<Xattrs> {
        let name = args.name.clone();
        or_empty(&name, frame.child().fgetxattr(args).await)
    }

    async fn setxattr(&self, frame: &Frame, args: Setxattr) -> FopResult<Done> {
        let forgiven = only_apples(&args.xattrs);
        forgive(forgiven, frame.child().setxattr(args).await)
    }

    async fn fsetxattr(&self, frame: &Frame, args: Fsetxattr) -> FopResult<Done> {
        let forgiven = only_apples(&args.xattrs);
        forgive(forgiven, frame.child().fsetxattr(args).await)
    }
}

/// What macOS takes a missing attribute for.
fn empty_value(name: &[u8]) -> Option<(&'static str, &'static [u8])> {
    match name {
        _ if name == FINDER_INFO.as_bytes() => Some((FINDER_INFO, NO_FINDER_INFO)),
        _ if name == RESOURCE_FORK.as_bytes() => Some((RESOURCE_FORK, &[])),
        _ => None,
    }
}

fn or_empty(name: &[u8], reply: FopResult<Xattrs>) -> FopResult<Xattrs> {
    match (reply, empty_value(name)) {
        (Err(error), Some((key, value))) if error.errno == Errno::ENODATA => {
            let xattrs = Dict::new().with(key, Value::Bytes(IoBuf::from_static(value)));
            Ok(Xattrs { xattrs, xdata: error.xdata })
        }
        (reply, _) => reply,
    }
}

fn only_apples(xattrs: &Dict) -> bool {
    !xattrs.is_empty() && xattrs.iter().all(|(key, _)| empty_value(key.as_bytes()).is_some())
}

fn forgive(forgiven: bool, reply: FopResult<Done>) -> FopResult<Done> {
    match reply {
        Err(error) if forgiven => Ok(Done { xdata: error.xdata }),
        reply => reply,
    }
}
