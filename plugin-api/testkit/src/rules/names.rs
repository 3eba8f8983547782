//! Rule `names`: names come, move and go as they do without the translator.

use std::collections::{BTreeMap, VecDeque};

use plugin_api::abi::root::FopSlot;
use plugin_api::prelude::*;
use plugin_api::sdk::module::XlatorInfo;
use plugin_api::{Declaration, UnknownFops};

use super::Rule;
use super::data::is_refusal;
use super::trial::{End, Kept, Trial};
use crate::caller::Failed;
use crate::{Caller, Fake, Random, Testkit};

pub(super) const RULE: Rule = Rule {
    name: "names",
    about: "directories, files and links of both kinds are made, moved and removed at random: the tree is the one that a \
            brick in memory has after the same",
    check,
};

/// Operations that a finding shows.
const SHOWN: usize = 8;

fn check(trial: &mut Trial<'_>) -> Kept {
    let operations = trial.size.pick(400, 10_000);
    let child = Fake::memory();
    child.stop_noting();
    trial.step("start");
    let bench = trial.start(&child)?;
    let reference = Testkit::<Nothing>::new().child(Fake::memory()).start();
    reference.fake().stop_noting();
    trial.step(format!("{operations} operations on names"));
    let (ours, theirs) = (Caller::new(&bench, trial.random.number()), Caller::new(&reference, 1));
    let compared = compare(trial, &ours, &theirs, operations);
    reference.close();
    trial.finish(bench);
    compared
}

fn compare(trial: &mut Trial<'_>, ours: &Caller<'_>, theirs: &Caller<'_>, operations: u32) -> Kept {
    let folder = match ours.mkdir(&ours.root(), "names") {
        Err(failed) if failed.errno().is_some_and(is_refusal) => {
            return Err(End::Skip(format!("it lets no directory be made: {failed}")));
        }
        made => made,
    };
    let folders = folder.and_then(|ours| Ok([ours, theirs.mkdir(&theirs.root(), "names")?]));
    let folders = match folders {
        Ok(folders) => folders,
        Err(failed) => {
            trial.found(format!("mkdir: {failed}"));
            return Err(End::Found);
        }
    };
    let mut log = VecDeque::new();
    for number in 0..operations {
        let operation = Operation::any(&mut trial.random);
        log.push_back(operation.to_string());
        if log.len() > SHOWN {
            log.pop_front();
        }
        let mut told = operation.run(ours, &folders[0]).err();
        if let Some(Failed::Refused(errno)) = &told
            && is_refusal(*errno)
            // A link to a directory is refused by every brick.
            && (*errno, operation.what) != (Errno::EPERM, "link")
        {
            trial.note(format!("refuses {} with {errno:?}", operation.what));
            continue;
        }
        let expected = operation.run(theirs, &folders[1]).err();
        if number % 50 == 49 && told.is_none() {
            told = differs(ours, theirs, &folders).err().map(Failed::Nonsense);
        }
        let wrong = match (&told, &expected) {
            (None, None) => continue,
            (Some(Failed::Refused(ours)), Some(Failed::Refused(theirs))) => {
                if ours != theirs {
                    trial.note(format!("{} fails with {ours:?}, a brick with {theirs:?}", operation.what));
                }
                continue;
            }
            (Some(failed), None) => failed.to_string(),
            (None, Some(failed)) => format!("it is done, and a brick fails: {failed}"),
            (Some(failed), Some(_)) => failed.to_string(),
        };
        let log: Vec<_> = log.iter().cloned().collect();
        trial.found(format!("operation {number}: {wrong}; before and with it: {}", log.join(", ")));
        return Err(End::Found);
    }
    if let Err(what) = differs(ours, theirs, &folders) {
        trial.found(what);
    }
    Ok(())
}

/// Something to do with one or two paths.
struct Operation {
    what: &'static str,
    path: Vec<String>,
    other: Vec<String>,
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.what, self.path.join("/"))?;
        if matches!(self.what, "rename" | "link") { write!(f, " {}", self.other.join("/")) } else { Ok(()) }
    }
}

impl Operation {
    fn any(random: &mut Random) -> Self {
        let what = ["mkdir", "create", "rename", "rename", "unlink", "rmdir", "link", "symlink"];
        let what = what[random.index(what.len())];
        let mut path = || -> Vec<String> {
            let depth = 1 + random.index(3);
            (0..depth).map(|_| ["a", "b", "c"][random.index(3)].to_owned()).collect()
        };
        Self { what, path: path(), other: path() }
    }

    /// Does it below a folder; a path that leads through no directory does not exist.
    fn run(&self, caller: &Caller<'_>, folder: &Inode) -> Result<(), Failed> {
        let (parent, name) = walk(caller, folder, &self.path)?;
        match self.what {
            "mkdir" => caller.mkdir(&parent, name).map(drop),
            "create" => caller.create(&parent, name).map(drop),
            "symlink" => caller.symlink(&parent, name, "somewhere").map(drop),
            "unlink" => caller.unlink(&parent, name),
            "rmdir" => caller.rmdir(&parent, name),
            _ => {
                let (to, new) = walk(caller, folder, &self.other)?;
                if self.what == "rename" {
                    return caller.rename(caller.entry(&parent, name), caller.entry(&to, new));
                }
                let old = Loc::of(caller.lookup(&parent, name)?.0);
                let args = Link { old, new: caller.entry(&to, new), xdata: Dict::new() };
                caller.ask::<kind::link>(args).map(drop)
            }
        }
    }
}

fn walk<'p>(caller: &Caller<'_>, folder: &Inode, path: &'p [String]) -> Result<(Inode, &'p str), Failed> {
    let (name, above) = path.split_last().expect("a path has a name");
    let mut inode = folder.clone();
    for word in above {
        let (found, iatt) = caller.lookup(&inode, word)?;
        if !iatt.is_dir() {
            return Err(Failed::Refused(Errno::ENOTDIR));
        }
        inode = found;
    }
    Ok((inode, name))
}

/// What a tree shows: the type and the links of each path.
type Tree = BTreeMap<String, (FileTypeNumber, u32)>;
type FileTypeNumber = u32;

fn tree(caller: &Caller<'_>, folder: &Inode) -> Result<Tree, Failed> {
    let mut tree = Tree::new();
    let mut below = vec![(String::new(), folder.clone())];
    while let Some((path, inode)) = below.pop() {
        for name in caller.names(&inode)? {
            let path = format!("{path}/{name}");
            let (found, iatt) = caller.lookup(&inode, &name)?;
            // How many links a directory has is the file system's own affair.
            tree.insert(path.clone(), (iatt.mode & libc::S_IFMT, if iatt.is_dir() { 0 } else { iatt.nlink }));
            if iatt.is_dir() {
                below.push((path, found));
            }
        }
    }
    Ok(tree)
}

fn differs(ours: &Caller<'_>, theirs: &Caller<'_>, folders: &[Inode; 2]) -> Result<(), String> {
    let found = tree(ours, &folders[0]).map_err(|failed| format!("listing all: {failed}"))?;
    let expected = tree(theirs, &folders[1]).map_err(|failed| format!("the brick in memory: {failed}"))?;
    for (path, is) in &expected {
        match found.get(path) {
            None => return Err(format!("`{path}` is gone")),
            Some(seen) if seen != is => {
                return Err(format!(
                    "`{path}` is {:o} with {} links, not {:o} with {}",
                    seen.0, seen.1, is.0, is.1
                ));
            }
            Some(_) => {}
        }
    }
    match found.keys().find(|path| !expected.contains_key(*path)) {
        Some(path) => Err(format!("`{path}` is there, and should not be")),
        None => Ok(()),
    }
}

/// Stands where the translator stands in the other graph, and does nothing.
#[derive(Debug, Default)]
struct Nothing;

impl Xlator for Nothing {}

impl XlatorInfo for Nothing {
    const FOPS: &'static [FopSlot] = &[];

    fn declaration() -> Declaration {
        Declaration {
            type_name: "debug/nothing".into(),
            doc: "does nothing".into(),
            unknown_fops: UnknownFops::PASS,
            ..Declaration::default()
        }
    }
}
