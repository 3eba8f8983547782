//! Writes down what a child sees, as a script.

use std::collections::HashMap;

use plugin_api::prelude::*;

use crate::script::{Line, Script, Word};

/// The script so far, and the names of what it is about.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) script: Script,
    paths: HashMap<Gfid, String>,
}

impl Recorder {
    fn path(&self, gfid: Gfid) -> String {
        match self.paths.get(&gfid) {
            _ if gfid.is_root() => String::new(),
            Some(path) => path.clone(),
            None => format!("/<{gfid}>"),
        }
    }

    fn place(&self, loc: &Loc) -> String {
        if loc.name.is_empty() {
            return Some(self.path(loc.target()))
                .filter(|path| !path.is_empty())
                .unwrap_or_else(|| "/".into());
        }
        format!("{}/{}", self.path(loc.directory()), loc.name.escape_ascii())
    }

    /// What an open file is called: the last name of its path.
    fn open(&self, fd: &Fd) -> String {
        let path = self.path(fd.inode().gfid());
        path.rsplit('/').next().unwrap_or_default().to_owned()
    }

    fn learn(&mut self, loc: &Loc, gfid: Option<Gfid>) {
        if let Some(gfid) = gfid.filter(|gfid| !gfid.is_null() && !loc.name.is_empty()) {
            self.paths.insert(gfid, self.place(loc));
        }
    }

    pub(crate) fn write<F: Recorded>(&mut self, args: &F::Args) {
        let words = F::words(self, args);
        let fop = if words.is_empty() { format!("# {}", F::NAME) } else { F::NAME.to_owned() };
        let opens = F::opens(self, args);
        self.script.push(Line { fop, words, opens, ..Line::default() });
        if let Some((loc, gfid)) = F::names(args) {
            self.learn(&loc, gfid);
        }
        if let Some((old, new)) = F::moves(args) {
            let (old, new) = (self.place(old), self.place(new));
            for path in self.paths.values_mut() {
                match path.strip_prefix(&old) {
                    Some(rest) if rest.is_empty() || rest.starts_with('/') => *path = format!("{new}{rest}"),
                    _ => {}
                }
            }
        }
    }

    pub(crate) fn answered<F: Recorded>(&mut self, loc: Option<&Loc>, reply: &F::Reply) {
        if let Some(loc) = loc {
            self.learn(loc, F::found(reply));
        }
    }
}

/// A kind of fop whose arguments a script may show.
pub(crate) trait Recorded: FopType {
    /// What a line shows; nothing where a script cannot do it again.
    fn words(book: &Recorder, args: &Self::Args) -> Vec<Word>;

    /// What the opened file is called.
    fn opens(_: &Recorder, _: &Self::Args) -> Option<String> {
        None
    }

    /// The name that comes to be, and of what.
    fn names(_: &Self::Args) -> Option<(Loc, Option<Gfid>)> {
        None
    }

    /// The name that moves, and where to.
    fn moves(_: &Self::Args) -> Option<(&Loc, &Loc)> {
        None
    }

    /// What the answer says to be there.
    fn found(_: &Self::Reply) -> Option<Gfid> {
        None
    }
}

fn name(text: String) -> Word {
    Word::Name(text)
}

macro_rules! lines {
    ($($kind:ident |$book:ident, $args:ident| [$($word:expr),* $(,)?] $({$($more:item)*})?;)*) => {$(
        impl Recorded for kind::$kind {
            #[allow(unused_variables, reason = "not every fop needs both")]
            fn words($book: &Recorder, $args: &Self::Args) -> Vec<Word> {
                vec![$($word),*]
            }

            $($($more)*)?
        }
    )*};
}

macro_rules! made {
    ($($kind:ident |$book:ident, $args:ident| [$($word:expr),*];)*) => {
        lines! {$(
            $kind |$book, $args| [$($word),*] {
                fn names(args: &Self::Args) -> Option<(Loc, Option<Gfid>)> {
                    Some((args.loc.clone(), args.xdata.gfid("gfid-req")))
                }
                fn found(reply: &Self::Reply) -> Option<Gfid> {
                    Some(reply.iatt.gfid)
                }
            };
        )*}
    };
}

made! {
    mkdir |b, a| [name(b.place(&a.loc))];
    mknod |b, a| [];
    symlink |b, a| [name(b.place(&a.loc)), Word::Bytes(a.target.to_vec())];
    put |b, a| [];
}

lines! {
    create |b, a| [name(b.place(&a.loc))] {
        fn opens(_: &Recorder, args: &Self::Args) -> Option<String> {
            Some(args.loc.name.escape_ascii().to_string())
        }
        fn names(args: &Self::Args) -> Option<(Loc, Option<Gfid>)> {
            Some((args.loc.clone(), args.xdata.gfid("gfid-req")))
        }
        fn found(reply: &Self::Reply) -> Option<Gfid> {
            Some(reply.iatt.gfid)
        }
    };
    open |b, a| [name(b.place(&a.loc))] {
        fn opens(book: &Recorder, args: &Self::Args) -> Option<String> {
            Some(book.open(&args.fd))
        }
    };
    lookup |b, a| [name(b.place(&a.loc))] {
        fn names(args: &Self::Args) -> Option<(Loc, Option<Gfid>)> {
            Some((args.loc.clone(), None))
        }
        fn found(reply: &Self::Reply) -> Option<Gfid> {
            Some(reply.iatt.gfid)
        }
    };
    unlink |b, a| [name(b.place(&a.loc))];
    rmdir |b, a| [name(b.place(&a.loc))];
    rename |b, a| [name(b.place(&a.old)), name(b.place(&a.new))] {
        fn moves(args: &Self::Args) -> Option<(&Loc, &Loc)> {
            Some((&args.old, &args.new))
        }
    };
    link |b, a| [name(b.place(&a.old)), name(b.place(&a.new))];
    readv |b, a| [name(b.open(&a.fd)), Word::Number(a.offset), Word::Number(a.size as u64)];
    writev |b, a| [name(b.open(&a.fd)), Word::Number(a.offset), Word::Bytes(a.data.to_iobuf().to_vec())];
    ftruncate |b, a| [name(b.open(&a.fd)), Word::Number(a.offset)];
    discard |b, a| [name(b.open(&a.fd)), Word::Number(a.offset), Word::Number(a.len)];
    zerofill |b, a| [name(b.open(&a.fd)), Word::Number(a.offset), Word::Number(a.len)];
    flush |b, a| [name(b.open(&a.fd))];
    fsync |b, a| [name(b.open(&a.fd))];
    fstat |b, a| [name(b.open(&a.fd))];
    stat |b, a| []; readlink |b, a| []; truncate |b, a| []; statfs |b, a| []; setxattr |b, a| [];
    getxattr |b, a| []; removexattr |b, a| []; opendir |b, a| []; fsyncdir |b, a| []; access |b, a| [];
    lk |b, a| []; readdir |b, a| []; inodelk |b, a| []; finodelk |b, a| []; entrylk |b, a| []; fentrylk |b, a| [];
    xattrop |b, a| []; fxattrop |b, a| []; fgetxattr |b, a| []; fsetxattr |b, a| []; rchecksum |b, a| [];
    setattr |b, a| []; fsetattr |b, a| []; readdirp |b, a| []; fremovexattr |b, a| []; fallocate |b, a| [];
    ipc |b, a| []; seek |b, a| []; lease |b, a| []; getactivelk |b, a| []; setactivelk |b, a| []; icreate |b, a| [];
    namelink |b, a| []; copy_file_range |b, a| [];
}
