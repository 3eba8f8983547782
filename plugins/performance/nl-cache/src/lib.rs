//! `performance/nl-cache`: keeps which names are missing, so that looking for them again costs no way to a brick.
//!
//! What is known of the names in a directory is in `names`; this file says of every fop which name it finds, makes or takes.
#![forbid(unsafe_code)]

mod names;
mod options;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use gluster_cache::{Moment, now};
use plugin_api::prelude::*;
use plugin_api::upcall;

use names::{Known, Names};
use options::Settings;

/// The translator.
#[derive(Debug, Default)]
pub struct NlCache {
    off: AtomicBool,
    settings: RwLock<Settings>,
    /// What was found up to then does not count any more.
    stale: AtomicU64,
    known: Arc<Known>,
}

/// A change of a name that is under way.
struct Change {
    folder: Option<Arc<Names>>,
    name: IoBuf,
}

impl Change {
    fn of(folder: Option<Arc<Names>>, loc: &Loc) -> Self {
        folder.iter().for_each(|folder| folder.begin());
        Self { folder, name: loc.name.clone() }
    }

    /// It ends: whether the name is there now, where that is known.
    fn end(self, now_there: Option<bool>) {
        if let Some(folder) = self.folder {
            folder.end(&self.name, now_there);
        }
    }
}

impl NlCache {
    fn take_settings(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let settings = Settings::read(cx)?;
        self.off.store(settings.pass_through, Ordering::Relaxed);
        self.known.room.set_limit(if settings.pass_through { 0 } else { settings.limit });
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
        // What was not watched while it was off.
        self.forget_all();
        Ok(())
    }

    fn settings(&self) -> Settings {
        *self.settings.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is kept.
    fn is_off(&self) -> bool {
        self.off.load(Ordering::Relaxed)
    }

    fn forget_all(&self) {
        self.stale.store(now(), Ordering::Relaxed);
    }

    fn since(&self) -> Moment {
        now().saturating_sub(self.settings().timeout).max(self.stale.load(Ordering::Relaxed))
    }

    /// What is known of a directory; begun where nothing is yet.
    fn folder(&self, inode: Option<&Inode>, key: CtxKey) -> Option<Arc<Names>> {
        let inode = inode?;
        self.folder_of(inode, inode.gfid(), key)
    }

    fn folder_of(&self, inode: &Inode, gfid: Gfid, key: CtxKey) -> Option<Arc<Names>> {
        self.known.folders.of(inode, gfid, key, || Names::new(gfid, self.known.clone()))
    }

    /// A name is made: it is there when that succeeds, or was there before.
    fn making(&self, frame: &Frame, loc: &Loc) -> Change {
        Change::of(self.folder(within(loc), frame.key()), loc)
    }

    /// Whether a name is known to be missing.
    fn is_missing(&self, loc: &Loc, key: CtxKey) -> bool {
        let is_known = loc.inode.as_ref().into_option().is_some_and(|inode| !inode.gfid().is_null());
        if loc.name.is_empty() || is_known {
            return false;
        }
        let folder = within(loc).and_then(|inode| inode.object().ctx::<Names>(key));
        folder.is_some_and(|folder| folder.is_missing(&loc.name, self.since()))
    }

    /// Somebody else has changed something: of a directory, its names.
    fn out_of_date(&self, data: &Dict) {
        let iatt = |key| match data.get(key) {
            Some(Value::Iatt(iatt)) => Some(iatt.gfid),
            _ => None,
        };
        let gfids = [data.gfid(upcall::GFID), iatt(upcall::PARENT), iatt(upcall::OLD_PARENT)];
        for folder in gfids.into_iter().flatten().filter_map(|gfid| self.known.folders.find(gfid)) {
            folder.forget();
        }
    }
}

fn within(loc: &Loc) -> Option<&Inode> {
    loc.parent.as_ref().into_option()
}

/// Whether a name that was to be made is there.
fn is_there<T>(answer: &FopResult<T>) -> Option<bool> {
    match answer {
        Ok(_) => Some(true),
        Err(error) if error.errno == Errno::EEXIST => Some(true),
        Err(_) => None,
    }
}

/// Whether a name that was to be removed is there still.
fn is_left<T>(answer: &FopResult<T>) -> Option<bool> {
    match answer {
        Ok(_) => Some(false),
        Err(error) if error.errno == Errno::ENOENT => Some(false),
        Err(_) => None,
    }
}

/// Writes the `impl`: the fops that make a name, and those that take one.
macro_rules! nl_cache {
    (
        { $($written:tt)* }
        makes { $($make:ident $make_args:ident $make_reply:ident |$ma:ident| $new:expr;)* }
        takes { $($take:ident $take_args:ident;)* }
    ) => {
        #[xlator(
            "performance/nl-cache",
            positions = "client",
            unknown_fops = "decompose",
            doc = "keeps which names are missing"
        )]
        impl Xlator for NlCache {
            $($written)*

            $(
                async fn $make(&self, frame: &Frame, args: $make_args) -> FopResult<$make_reply> {
                    if self.is_off() {
                        return frame.child().$make(args).await;
                    }
                    let change = { let $ma = &args; self.making(frame, $new) };
                    let answer = frame.child().$make(args).await;
                    change.end(is_there(&answer));
                    answer
                }
            )*

            $(
                async fn $take(&self, frame: &Frame, args: $take_args) -> FopResult<Removed> {
                    if self.is_off() {
                        return frame.child().$take(args).await;
                    }
                    let change = self.making(frame, &args.loc);
                    let answer = frame.child().$take(args).await;
                    change.end(is_left(&answer));
                    answer
                }
            )*
        }
    };
}

nl_cache! {
    {
        fn options() -> Options {
            options::declare()
        }

        fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
            self.take_settings(cx)
        }

        fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
            self.take_settings(cx)
        }

        fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
            match event.kind {
                EventKind::CHILD_UP
                | EventKind::CHILD_DOWN
                | EventKind::SOME_DESCENDENT_UP
                | EventKind::SOME_DESCENDENT_DOWN => self.forget_all(),
                EventKind::UPCALL
                    if event.data.int(upcall::KIND) == Some(upcall::kind::CACHE_INVALIDATION) =>
                {
                    self.out_of_date(&event.data);
                }
                _ => {}
            }
            cx.pass_on(event);
        }

        fn dump(&self, out: &mut String) {
            let (folders, bytes) = (self.known.folders.len(), self.known.room.bytes());
            out.push_str(&format!("folders={folders}\nbytes={bytes}\n"));
        }

        async fn lookup(&self, frame: &Frame, args: Lookup) -> FopResult<Looked> {
            if self.is_off() || args.loc.name.is_empty() {
                return frame.child().lookup(args).await;
            }
            if self.is_missing(&args.loc, frame.key()) {
                return Err(Errno::ENOENT.into());
            }
            let folder = self.folder(within(&args.loc), frame.key());
            let name = args.loc.name.clone();
            let began = now();
            let answer = frame.child().lookup(args).await;
            if let Some(folder) = folder {
                match &answer {
                    Ok(_) => folder.is_there(&name),
                    Err(error) if error.errno == Errno::ENOENT => folder.missing(&name, began),
                    Err(_) => {}
                }
            }
            answer
        }

        async fn mkdir(&self, frame: &Frame, args: Mkdir) -> FopResult<Made> {
            if self.is_off() {
                return frame.child().mkdir(args).await;
            }
            let change = self.making(frame, &args.loc);
            let inode = args.loc.inode.clone().into_option();
            let began = now();
            let answer = frame.child().mkdir(args).await;
            change.end(is_there(&answer));
            if let (Ok(made), Some(inode), true) = (&answer, inode, self.settings().whole)
                && let Some(folder) = self.folder_of(&inode, made.iatt.gfid, frame.key())
            {
                folder.is_new(began);
            }
            answer
        }

        async fn rename(&self, frame: &Frame, args: Rename) -> FopResult<Renamed> {
            if self.is_off() {
                return frame.child().rename(args).await;
            }
            let (old, new) = (self.making(frame, &args.old), self.making(frame, &args.new));
            let answer = frame.child().rename(args).await;
            // Where both are names of one file both stay, so the old one is looked for again.
            old.end(None);
            new.end(answer.is_ok().then_some(true));
            answer
        }
    }
    makes {
        create Create Created |args| &args.loc;
        mknod Mknod Made |args| &args.loc;
        symlink Symlink Made |args| &args.loc;
        link Link Made |args| &args.new;
        put Put Made |args| &args.loc;
        namelink Namelink PrePost |args| &args.loc;
    }
    takes {
        unlink Unlink;
        rmdir Rmdir;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_in_the_readme() {
        let readme = include_str!("../README.md");
        for decl in <NlCache as Xlator>::options().0.iter() {
            assert!(readme.contains(&format!("`{}`", decl.keys[0])), "{} is missing", decl.keys[0]);
        }
    }
}
