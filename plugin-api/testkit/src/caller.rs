//! Somebody who uses a bench as a mount does: names, descriptors, reads to the end.

use std::sync::Mutex;
use std::time::Duration;

use plugin_api::prelude::*;

use crate::{Bench, Random, SOON};

/// Makes the fops of a client and waits for their answers.
///
/// ```
/// # use plugin_api::prelude::*;
/// # use plugin_testkit::{Caller, Fake, Testkit};
/// # #[derive(Debug, Default)]
/// # struct Pass;
/// # #[xlator("debug/pass", unknown_fops = "pass")]
/// # impl Xlator for Pass {}
/// # fn main() {
/// let bench = Testkit::<Pass>::new().child(Fake::memory()).start();
/// let caller = Caller::new(&bench, 1);
/// let folder = caller.mkdir(&caller.root(), "folder").unwrap();
/// let fd = caller.create(&folder, "file").unwrap();
/// caller.write(&fd, 3, b"hello").unwrap();
/// assert_eq!(caller.read(&fd, 0, 100).unwrap(), b"\0\0\0hello");
/// # }
/// ```
#[derive(Debug)]
pub struct Caller<'b> {
    bench: &'b Bench,
    identity: Identity,
    client: Option<Client>,
    patience: Duration,
    random: Mutex<Random>,
}

/// Why a caller has no answer, or none that it can use.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Failed {
    /// The fop failed.
    #[error("{0:?}")]
    Refused(Errno),
    /// It was not answered in time.
    #[error("{fop} was not answered within {after:?}")]
    Silent {
        /// Which.
        fop: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// The answer makes no sense.
    #[error("{0}")]
    Nonsense(String),
}

impl Failed {
    /// The error of the fop, where it failed.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        if let Self::Refused(errno) = self { Some(*errno) } else { None }
    }
}

type Said<T> = Result<T, Failed>;

impl<'b> Caller<'b> {
    /// The user root, of no client; its file ids come from `seed`.
    #[must_use]
    pub fn new(bench: &'b Bench, seed: u64) -> Self {
        let random = Mutex::new(Random::new(seed));
        Self { bench, identity: Identity::default(), client: None, patience: SOON, random }
    }

    /// As somebody else.
    #[must_use]
    pub fn identified(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }

    /// From a client.
    #[must_use]
    pub fn from_client(mut self, client: &Client) -> Self {
        self.client = Some(client.clone());
        self
    }

    /// How long it waits for an answer.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Any fop.
    ///
    /// # Errors
    /// As it failed, or that it was not answered.
    pub fn ask<F: FopType>(&self, args: F::Args) -> Said<F::Reply> {
        match self.bench.ask_as::<F>(self.identity.clone(), self.client.as_ref(), args, self.patience) {
            Some(answer) => answer.map_err(|error| Failed::Refused(error.errno)),
            None => Err(Failed::Silent { fop: F::NAME, after: self.patience }),
        }
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Inode {
        self.bench.inode(Gfid::ROOT, FileType::Directory)
    }

    /// What makes a file its own: the id that it is to have.
    fn wish(&self) -> Dict {
        let mut random = self.random.lock().expect("no panic under it");
        let mut id = [0; 16];
        id[..8].copy_from_slice(&random.number().to_be_bytes());
        id[8..].copy_from_slice(&random.number().to_be_bytes());
        // As a random UUID is marked.
        id[6] = id[6] & 0x0f | 0x40;
        id[8] = id[8] & 0x3f | 0x80;
        Dict::new().with("gfid-req", Gfid(id))
    }

    /// A name in a directory.
    #[must_use]
    pub fn entry(&self, parent: &Inode, name: &str) -> Loc {
        Loc::entry(parent.clone(), IoBuf::from(name.to_owned()))
    }

    fn found(&self, iatt: &Iatt) -> Said<Inode> {
        if iatt.gfid.is_null() {
            return Err(Failed::Nonsense("the answer has no gfid".to_owned()));
        }
        Ok(self.bench.inode(iatt.gfid, iatt.file_type()))
    }

    /// Finds a name.
    ///
    /// # Errors
    /// As the fop.
    pub fn lookup(&self, parent: &Inode, name: &str) -> Said<(Inode, Iatt)> {
        let looked =
            self.ask::<kind::lookup>(Lookup { loc: self.entry(parent, name), xdata: Dict::new() })?;
        Ok((self.found(&looked.iatt)?, looked.iatt))
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// As the fop.
    pub fn mkdir(&self, parent: &Inode, name: &str) -> Said<Inode> {
        let args = Mkdir { loc: self.entry(parent, name), mode: 0o755, umask: 0o022, xdata: self.wish() };
        self.found(&self.ask::<kind::mkdir>(args)?.iatt)
    }

    /// Makes a symbolic link.
    ///
    /// # Errors
    /// As the fop.
    pub fn symlink(&self, parent: &Inode, name: &str, target: &str) -> Said<Inode> {
        let target = IoBuf::from(target.to_owned());
        let args = Symlink { target, loc: self.entry(parent, name), umask: 0o022, xdata: self.wish() };
        self.found(&self.ask::<kind::symlink>(args)?.iatt)
    }

    /// Makes and opens a file that is not there yet, for reading and writing.
    ///
    /// # Errors
    /// As the fop.
    pub fn create(&self, parent: &Inode, name: &str) -> Said<Fd> {
        let flags = libc::O_CREAT | libc::O_EXCL | libc::O_RDWR;
        let fd = self.bench.fd(self.bench.inode(Gfid::NULL, FileType::Regular), flags);
        let (loc, xdata) = (self.entry(parent, name), self.wish());
        let created =
            self.ask::<kind::create>(Create { loc, flags, mode: 0o644, umask: 0o022, fd, xdata })?;
        if created.iatt.gfid.is_null() {
            return Err(Failed::Nonsense("a file was made that has no gfid".to_owned()));
        }
        self.bench.adopt(created.fd.inode(), created.iatt.gfid, FileType::Regular);
        Ok(created.fd)
    }

    /// Opens a file.
    ///
    /// # Errors
    /// As the fop.
    pub fn open(&self, inode: &Inode, flags: i32) -> Said<Fd> {
        let fd = self.bench.fd(inode.clone(), flags);
        let args = Open { loc: Loc::of(inode.clone()), flags, fd, xdata: Dict::new() };
        self.ask::<kind::open>(args).map(|opened| opened.fd)
    }

    /// Opens a directory.
    ///
    /// # Errors
    /// As the fop.
    pub fn opendir(&self, inode: &Inode) -> Said<Fd> {
        let fd = self.bench.fd(inode.clone(), libc::O_DIRECTORY);
        let args = Opendir { loc: Loc::of(inode.clone()), fd, xdata: Dict::new() };
        self.ask::<kind::opendir>(args).map(|opened| opened.fd)
    }

    /// The names in a directory but `.` and `..`, in as many reads as it takes.
    ///
    /// # Errors
    /// As the fops; a listing that does not get on.
    pub fn names(&self, inode: &Inode) -> Said<Vec<String>> {
        let fd = self.opendir(inode)?;
        let (mut names, mut offset) = (Vec::new(), 0);
        loop {
            let args = Readdirp { fd: fd.clone(), size: 4096, offset, xdata: Dict::new() };
            let read = self.ask::<kind::readdirp>(args)?;
            let Some(last) = read.entries.last() else { return Ok(names) };
            if last.offset == offset {
                return Err(Failed::Nonsense(format!("a listing stays at offset {offset}")));
            }
            offset = last.offset;
            let shown = read.entries.iter().map(|entry| String::from_utf8_lossy(&entry.name).into_owned());
            names.extend(shown.filter(|name| name != "." && name != ".."));
            if read.at_end {
                return Ok(names);
            }
        }
    }

    /// The attributes of an open file.
    ///
    /// # Errors
    /// As the fop.
    pub fn fstat(&self, fd: &Fd) -> Said<Iatt> {
        self.ask::<kind::fstat>(Fstat { fd: fd.clone(), xdata: Dict::new() }).map(|attr| attr.iatt)
    }

    /// One read, which may answer less than `size`.
    ///
    /// # Errors
    /// As the fop; more bytes than were asked for.
    pub fn read_once(&self, fd: &Fd, offset: u64, size: usize) -> Said<Data> {
        let args = Readv { fd: fd.clone(), size, offset, flags: 0, xdata: Dict::new() };
        let read = self.ask::<kind::readv>(args)?;
        if read.data.len() > size {
            return Err(Failed::Nonsense(format!(
                "{} bytes were answered, {size} asked for",
                read.data.len()
            )));
        }
        Ok(read)
    }

    /// Reads until there are `size` bytes or the file ends.
    ///
    /// # Errors
    /// As the fop.
    pub fn read(&self, fd: &Fd, offset: u64, size: usize) -> Said<Vec<u8>> {
        let mut bytes = Vec::new();
        while bytes.len() < size {
            let read = self.read_once(fd, offset + bytes.len() as u64, size - bytes.len())?;
            bytes.extend_from_slice(&read.data.to_iobuf());
            if read.at_end || read.data.is_empty() {
                break;
            }
        }
        Ok(bytes)
    }

    /// One write; how much of it was taken, and the attributes afterwards.
    ///
    /// # Errors
    /// As the fop; more bytes taken than were given.
    pub fn write(&self, fd: &Fd, offset: u64, bytes: &[u8]) -> Said<(usize, Iatt)> {
        let data = self.bench.buffer(bytes).into();
        let args = Writev { fd: fd.clone(), data, offset, flags: 0, xdata: Dict::new() };
        let written = self.ask::<kind::writev>(args)?;
        match usize::try_from(written.count) {
            Ok(count) if count <= bytes.len() => Ok((count, written.post)),
            _ => Err(Failed::Nonsense(format!("{} bytes taken of {}", written.count, bytes.len()))),
        }
    }

    /// Moves a name.
    ///
    /// # Errors
    /// As the fop.
    pub fn rename(&self, old: Loc, new: Loc) -> Said<()> {
        self.ask::<kind::rename>(Rename { old, new, xdata: Dict::new() }).map(drop)
    }

    /// Takes a name of a file away.
    ///
    /// # Errors
    /// As the fop.
    pub fn unlink(&self, parent: &Inode, name: &str) -> Said<()> {
        self.ask::<kind::unlink>(Unlink { loc: self.entry(parent, name), flags: 0, xdata: Dict::new() })
            .map(drop)
    }

    /// Takes a directory away.
    ///
    /// # Errors
    /// As the fop.
    pub fn rmdir(&self, parent: &Inode, name: &str) -> Said<()> {
        self.ask::<kind::rmdir>(Rmdir { loc: self.entry(parent, name), flags: 0, xdata: Dict::new() })
            .map(drop)
    }
}
