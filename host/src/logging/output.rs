//! Where log lines go: a file that can be opened anew, or standard error.
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A log file, or standard error.
#[derive(Debug)]
pub(super) struct Output {
    path: Option<PathBuf>,
    file: RwLock<Option<File>>,
    lost: AtomicU64,
}

impl Output {
    /// Standard error.
    pub(super) fn stderr() -> Output {
        Output { path: None, file: RwLock::new(None), lost: AtomicU64::new(0) }
    }

    /// Opens `path` for appending, and makes its folders; none is standard error.
    pub(super) fn open(path: Option<&Path>) -> io::Result<Output> {
        let file = path.map(append_below_new_folders).transpose()?;
        Ok(Output { path: path.map(Path::to_owned), file: RwLock::new(file), ..Output::stderr() })
    }

    /// The file's path; none is standard error.
    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Opens the path anew; the old file stays in use when that fails.
    pub(super) fn reopen(&self) -> io::Result<()> {
        if let Some(path) = &self.path {
            let file = append(path)?;
            *self.file.write().expect("no panic under it") = Some(file);
        }
        Ok(())
    }

    /// Writes `text` in one piece. What cannot be written is counted, and the count is written when writing works again.
    pub(super) fn write(&self, text: &str) {
        let file = self.file.read().expect("no panic under it");
        let put = |text: &str| match &*file {
            Some(file) => (&*file).write_all(text.as_bytes()),
            None => io::stderr().write_all(text.as_bytes()),
        };
        if put(text).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 && put(&format!("[{lost} log lines before this could not be written]\n")).is_err() {
            self.lost.fetch_add(lost, Ordering::Relaxed);
        }
    }
}

fn append_below_new_folders(path: &Path) -> io::Result<File> {
    match (append(path), path.parent()) {
        (Err(error), Some(folder)) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            append(path)
        }
        (opened, _) => opened,
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_on_the_way_to_the_file_are_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/x.log");
        Output::open(Some(&path)).unwrap().write("one\n");
        assert_eq!(fs::read_to_string(path).unwrap(), "one\n");
    }

    #[test]
    fn after_reopen_lines_go_to_the_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("x.log"), folder.path().join("x.log.1"));
        let output = Output::open(Some(&path)).unwrap();
        output.write("one\n");
        fs::rename(&path, &moved).unwrap();
        output.write("two\n");
        output.reopen().unwrap();
        output.write("three\n");
        assert_eq!(fs::read_to_string(moved).unwrap(), "one\ntwo\n");
        assert_eq!(fs::read_to_string(path).unwrap(), "three\n");
    }

    #[test]
    fn a_reopen_that_fails_keeps_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let output = Output::open(Some(&inner.join("x.log"))).unwrap();
        let moved = folder.path().join("moved");
        fs::rename(&inner, &moved).unwrap();
        assert!(output.reopen().is_err());
        output.write("still here\n");
        assert_eq!(fs::read_to_string(moved.join("x.log")).unwrap(), "still here\n");
    }

    #[test]
    fn lines_that_could_not_be_written_are_counted_in_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        fs::write(&path, "").unwrap();
        let output = Output::open(Some(&path)).unwrap();
        *output.file.write().unwrap() = Some(File::open(&path).unwrap());
        output.write("lost\n");
        output.reopen().unwrap();
        output.write("kept\n");
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "kept\n[1 log lines before this could not be written]\n");
    }
}
