//! One process of a mixed load: makes, changes, moves and removes below a folder of its own, and knows what must be there.
//!
//! Usage: `mixed-load FOLDER OTHER SEED OPERATIONS`. FOLDER is made; after the last operation everything is read again,
//! through FOLDER and through OTHER, the same folder on another mount. What differs ends it with 1 and is said.

#![forbid(unsafe_code)]

use rustix::fs::{FallocateFlags, XattrFlags, fallocate, setxattr};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions, Permissions};
use std::io::{Error, Result, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, other, seed, operations] = &words[..] else {
        return Err(Error::other("usage: mixed-load FOLDER OTHER SEED OPERATIONS"));
    };
    let number = |word: &String| word.parse::<u64>().map_err(Error::other);
    let mut load = Load::new(folder, number(seed)?)?;
    for operation in 0..number(operations)? {
        load.step().map_err(|error| Error::other(format!("operation {operation}: {error}")))?;
    }
    load.check(Path::new(folder))?;
    load.check(Path::new(other))?;
    load.count_names(Path::new(other))
}

/// The folder, and what must be in it; paths are relative to it.
struct Load {
    folder: PathBuf,
    random: Random,
    /// By number, so that hard links share one.
    contents: Vec<Vec<u8>>,
    files: BTreeMap<PathBuf, usize>,
    links: BTreeMap<PathBuf, PathBuf>,
    folders: Vec<PathBuf>,
    made: usize,
}

impl Load {
    fn new(folder: &str, seed: u64) -> Result<Self> {
        fs::create_dir(folder)?;
        Ok(Self {
            folder: PathBuf::from(folder),
            random: Random(seed.wrapping_mul(2) + 1),
            contents: Vec::new(),
            files: BTreeMap::new(),
            links: BTreeMap::new(),
            folders: vec![PathBuf::new()],
            made: 0,
        })
    }

    /// Does one thing, whichever comes.
    fn step(&mut self) -> Result<()> {
        let what = self.random.below(19);
        if what < 2 || self.files.is_empty() {
            return self.create();
        }
        let (name, number) = self.any_file();
        let path = self.folder.join(&name);
        match what {
            2 | 3 => self.write(&path, number),
            4 => self.append(&path, number),
            5 => self.truncate(&path, number),
            6 => {
                let to = self.new_name("r");
                fs::rename(&path, self.folder.join(&to))?;
                self.files.remove(&name);
                self.files.insert(to, number);
                Ok(())
            }
            7 => {
                let (to, replaced) = self.any_file();
                fs::rename(&path, self.folder.join(&to))?;
                // Two names of one file both stay, as rename(2) says.
                if replaced != number {
                    self.files.remove(&name);
                    self.files.insert(to, number);
                }
                Ok(())
            }
            8 => {
                self.files.remove(&name);
                fs::remove_file(&path)
            }
            9 => {
                let new = self.new_name("d");
                fs::create_dir(self.folder.join(&new))?;
                self.folders.push(new);
                Ok(())
            }
            10 => {
                let new = self.new_name("h");
                fs::hard_link(&path, self.folder.join(&new))?;
                self.files.insert(new, number);
                Ok(())
            }
            11 => {
                let new = self.new_name("s");
                symlink(&name, self.folder.join(&new))?;
                self.links.insert(new, name);
                Ok(())
            }
            12 => same(&path, &self.contents[number]),
            13 => {
                fs::set_permissions(&path, Permissions::from_mode(self.random.one_of([0o600, 0o644, 0o755])))
            }
            14 => Ok(setxattr(&path, "user.x", name.as_os_str().as_encoded_bytes(), XattrFlags::empty())?),
            15 => self.allocate(&path, number),
            16 | 17 => self.stat(&path, number),
            _ => {
                let folder = self.random.one_of(&self.folders).clone();
                self.list(&self.folder, &folder)
            }
        }
    }

    fn create(&mut self) -> Result<()> {
        let name = self.new_name("f");
        let content = self.random.bytes(40_000);
        fs::write(self.folder.join(&name), &content)?;
        self.files.insert(name, self.contents.len());
        self.contents.push(content);
        Ok(())
    }

    fn write(&mut self, path: &Path, number: usize) -> Result<()> {
        let (at, bytes) = (self.random.below(60_000), self.random.bytes(20_000));
        let file = OpenOptions::new().write(true).open(path)?;
        file.write_all_at(&bytes, at as u64)?;
        if self.random.below(10) == 0 {
            file.sync_all()?;
        }
        if !bytes.is_empty() {
            let content = &mut self.contents[number];
            content.resize(content.len().max(at + bytes.len()), 0);
            content[at..at + bytes.len()].copy_from_slice(&bytes);
        }
        Ok(())
    }

    fn append(&mut self, path: &Path, number: usize) -> Result<()> {
        let bytes = self.random.bytes(9_000);
        OpenOptions::new().append(true).open(path)?.write_all(&bytes)?;
        self.contents[number].extend(bytes);
        Ok(())
    }

    fn truncate(&mut self, path: &Path, number: usize) -> Result<()> {
        let length = self.random.below(50_000);
        OpenOptions::new().write(true).open(path)?.set_len(length as u64)?;
        self.contents[number].resize(length, 0);
        Ok(())
    }

    fn allocate(&mut self, path: &Path, number: usize) -> Result<()> {
        let length = 1 + self.random.below(50_000);
        let file = OpenOptions::new().write(true).open(path)?;
        fallocate(&file, FallocateFlags::empty(), 0, length as u64)?;
        let content = &mut self.contents[number];
        content.resize(content.len().max(length), 0);
        Ok(())
    }

    fn stat(&self, path: &Path, number: usize) -> Result<()> {
        expect(path, &fs::metadata(path)?.len(), &(self.contents[number].len() as u64))
    }

    /// How many names each file has. The mount that took one away may remember the old count for a second (the client's
    /// cache, on any brick), so this is for the other one.
    fn count_names(&self, top: &Path) -> Result<()> {
        self.files.iter().try_for_each(|(name, number)| {
            let wanted = self.files.values().filter(|other| *other == number).count() as u64;
            expect(name, &fs::metadata(top.join(name))?.nlink(), &wanted)
        })
    }

    fn list(&self, top: &Path, folder: &Path) -> Result<()> {
        let all = self.files.keys().chain(self.links.keys()).chain(&self.folders[1..]);
        let wanted: BTreeSet<_> = all
            .filter(|path| path.parent() == Some(folder))
            .filter_map(|path| path.file_name())
            .map(ToOwned::to_owned)
            .collect();
        let entries = fs::read_dir(top.join(folder))?.map(|entry| Ok(entry?.file_name()));
        let found: Vec<_> = entries.collect::<Result<_>>()?;
        expect(folder, &found.len(), &wanted.len())?;
        expect(folder, &found.into_iter().collect(), &wanted)
    }

    /// Everything, through this way to the folder.
    fn check(&self, top: &Path) -> Result<()> {
        self.folders.iter().try_for_each(|folder| self.list(top, folder))?;
        for (name, number) in &self.files {
            self.stat(&top.join(name), *number)?;
            same(&top.join(name), &self.contents[*number])?;
        }
        self.links.iter().try_for_each(|(name, to)| expect(name, &fs::read_link(top.join(name))?, to))
    }

    fn any_file(&mut self) -> (PathBuf, usize) {
        let at = self.random.below(self.files.len());
        let (name, number) = self.files.iter().nth(at).expect("there are more than that");
        (name.clone(), *number)
    }

    fn new_name(&mut self, kind: &str) -> PathBuf {
        self.made += 1;
        self.random.one_of(&self.folders).join(format!("{kind}{}", self.made))
    }
}

fn same(path: &Path, content: &[u8]) -> Result<()> {
    let found = fs::read(path)?;
    expect(path, &found.len(), &content.len())?;
    let differ = found.iter().zip(content).position(|(found, wanted)| found != wanted);
    expect(path, &differ, &None)
}

fn expect<T: PartialEq + std::fmt::Debug>(path: &Path, found: &T, wanted: &T) -> Result<()> {
    if found == wanted {
        return Ok(());
    }
    Err(Error::other(format!("{}: found {found:?}, expected {wanted:?}", path.display())))
}

/// Numbers that a seed repeats.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).expect("31 bits") % limit
    }

    fn one_of<T>(&mut self, all: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>) -> T {
        let mut all = all.into_iter();
        let at = self.below(all.len());
        all.nth(at).expect("there are more than that")
    }

    fn bytes(&mut self, limit: usize) -> Vec<u8> {
        let length = self.below(limit);
        (0..length.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).take(length).collect()
    }
}
