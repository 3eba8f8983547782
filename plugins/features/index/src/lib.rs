//! `features/index`: keeps the list of files that need healing; here it refuses what would have to be listed.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

/// Lets everything pass but marks of pending heals: without the list nobody would ever find them again.
///
/// A replicate or disperse client marks a file before it changes it. Refusing the mark refuses the change, on this
/// brick, with a clear errno: no write is acknowledged that a heal would miss.
#[derive(Debug, Default)]
pub struct Index {
    watched: Vec<String>,
}

impl Index {
    fn refuses(&self, xattrs: &Dict) -> bool {
        xattrs.iter().any(|(key, _)| self.watched.iter().any(|prefix| key.as_str().starts_with(prefix)))
    }
}

#[xlator(
    "features/index",
    positions = "brick",
    unknown_fops = "pass",
    doc = "lists files that need healing (not built yet: refuses marks of pending heals)"
)]
impl Xlator for Index {
    fn options() -> Options {
        Options::new()
            .path("index-base", "folder of the lists")
            .text("xattrop-pending-watchlist", "xattrs, by prefix, that mark a pending heal")
            .text("xattrop-dirty-watchlist", "xattrs that mark a file being changed")
            .text("xattrop64-watchlist", "xattrs that mark a file being changed on disperse volumes")
    }

    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let lists = ["xattrop-pending-watchlist", "xattrop-dirty-watchlist", "xattrop64-watchlist"];
        let words = lists.into_iter().filter_map(|key| cx.find(key)).flat_map(|list| list.split([',', ' ']));
        self.watched = words.filter(|word| !word.is_empty()).map(str::to_owned).collect();
        Ok(())
    }

    async fn xattrop(&self, frame: &Frame, args: Xattrop) -> FopResult<Xattrs> {
        if self.refuses(&args.xattrs) {
            return Err(Errno::EOPNOTSUPP.into());
        }
        frame.child().xattrop(args).await
    }

    async fn fxattrop(&self, frame: &Frame, args: Fxattrop) -> FopResult<Xattrs> {
        if self.refuses(&args.xattrs) {
            return Err(Errno::EOPNOTSUPP.into());
        }
        frame.child().fxattrop(args).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_pending_heals_are_refused_and_others_pass() {
        let index = Index { watched: vec!["trusted.afr.v-".into(), "trusted.ec.dirty".into()] };
        assert!(index.refuses(&Dict::new().with("trusted.afr.v-client-0", vec![0_u8; 12])));
        assert!(index.refuses(&Dict::new().with("trusted.ec.dirty", vec![0_u8; 16])));
        assert!(!index.refuses(&Dict::new().with("trusted.glusterfs.shard.file-size", vec![0_u8; 32])));
    }
}
