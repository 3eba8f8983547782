//! A script of fops as text: what a child saw, or what a test wants done.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use plugin_api::prelude::*;

use crate::Caller;
use crate::caller::Failed;

/// Lines of fops: written by hand, or by a [`Fake`](crate::Fake) that [records](crate::Fake::record) what it sees.
///
/// A line is a fop's name, the path or the open file that it is about (`create` and `open` name theirs with `as`), and
/// numbers. `= TEXT` says what a read must answer, `! ERRNO` how the fop must fail. Bytes are text in quotes with the
/// escapes of Rust, or `0x61*4096` for many of one. `#` begins a line that is not replayed.
///
/// ```
/// # use plugin_api::prelude::*;
/// # use plugin_testkit::{Caller, Fake, Script, Testkit};
/// # #[derive(Debug, Default)]
/// # struct Pass;
/// # #[xlator("debug/pass", unknown_fops = "pass")]
/// # impl Xlator for Pass {}
/// # fn main() {
/// let script: Script = r#"
///     mkdir /folder
///     create /folder/file as f
///     writev f 0 "hello"
///     writev f 8192 0x61*3
///     readv f 3 4 = "lo\0\0"
///     rename /folder/file /folder/other
///     unlink /folder/file ! ENOENT
/// "#
/// .parse()
/// .unwrap();
/// let bench = Testkit::<Pass>::new().child(Fake::memory()).start();
/// bench.fake().record();
/// script.replay(&Caller::new(&bench, 1)).unwrap();
/// assert_eq!(bench.fake().script().to_string().lines().nth(3), Some(r#"writev file 0 "hello""#));
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script(Vec<Line>);

/// One fop of a script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) fop: String,
    pub(crate) words: Vec<Word>,
    /// The name that the opened file gets.
    pub(crate) opens: Option<String>,
    pub(crate) answer: Option<Vec<u8>>,
    pub(crate) fails: Option<String>,
}

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    /// A path, an open file, an attribute.
    Name(String),
    Number(u64),
    Bytes(Vec<u8>),
}

/// A script that cannot be read, or that did not do what it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, `{text}`: {why}")]
pub struct ScriptError {
    /// Which line, from 1, blank ones not counted.
    pub line: usize,
    /// The line.
    pub text: String,
    /// What is wrong.
    pub why: String,
}

impl Script {
    pub(crate) fn push(&mut self, line: Line) {
        self.0.push(line);
    }

    /// Does every line, from the top.
    ///
    /// # Errors
    /// The first line that did not answer as it says.
    pub fn replay(&self, caller: &Caller<'_>) -> Result<(), ScriptError> {
        let mut open = HashMap::new();
        for (at, line) in self.0.iter().enumerate().filter(|(_, line)| !line.fop.starts_with('#')) {
            let told = line.run(caller, &mut open);
            line.judge(told).map_err(|why| ScriptError { line: at + 1, text: line.to_string(), why })?;
        }
        Ok(())
    }
}

type Done = Result<Option<Vec<u8>>, Failed>;

fn nonsense<T>(why: impl Into<String>) -> Result<T, Failed> {
    Err(Failed::Nonsense(why.into()))
}

impl Line {
    fn judge(&self, told: Done) -> Result<(), String> {
        match (told, &self.fails, &self.answer) {
            (Err(Failed::Refused(errno)), Some(expected), _) if format!("{errno:?}") == *expected => Ok(()),
            (Err(failed), _, _) => Err(failed.to_string()),
            (Ok(_), Some(expected), _) => Err(format!("it is done, {expected} was expected")),
            (Ok(found), None, Some(expected)) if found.as_ref() != Some(expected) => {
                Err(format!("it answers {}", quoted(&found.unwrap_or_default())))
            }
            _ => Ok(()),
        }
    }

    fn name(&self, at: usize) -> Result<&str, Failed> {
        match self.words.get(at) {
            Some(Word::Name(name)) => Ok(name),
            _ => nonsense(format!("word {} has to be a name", at + 1)),
        }
    }

    fn number(&self, at: usize) -> Result<u64, Failed> {
        match self.words.get(at) {
            Some(Word::Number(number)) => Ok(*number),
            _ => nonsense(format!("word {} has to be a number", at + 1)),
        }
    }

    fn bytes(&self, at: usize) -> Result<&[u8], Failed> {
        match self.words.get(at) {
            Some(Word::Bytes(bytes)) => Ok(bytes),
            _ => nonsense(format!("word {} has to be bytes", at + 1)),
        }
    }

    fn run(&self, caller: &Caller<'_>, open: &mut HashMap<String, Fd>) -> Done {
        let none = Dict::new;
        let entry = |at| self.name(at).and_then(|path| place(caller, path));
        let fd = |at| match open.get(self.name(at)?) {
            Some(fd) => Ok(fd.clone()),
            None => nonsense(format!("no file is open as `{}`", self.name(at)?)),
        };
        let loc = |at| entry(at).map(|(parent, name)| caller.entry(&parent, name));
        let size = |at| self.number(at).map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        match self.fop.as_str() {
            "lookup" => entry(0).and_then(|(parent, name)| caller.lookup(&parent, name)).map(|_| None),
            "mkdir" => entry(0).and_then(|(parent, name)| caller.mkdir(&parent, name)).map(|_| None),
            "symlink" => {
                let target = String::from_utf8_lossy(self.bytes(1)?).into_owned();
                entry(0).and_then(|(parent, name)| caller.symlink(&parent, name, &target)).map(|_| None)
            }
            "create" | "open" => {
                let (parent, name) = entry(0)?;
                let opened = match self.fop.as_str() {
                    "create" => caller.create(&parent, name)?,
                    _ => caller.open(&caller.lookup(&parent, name)?.0, libc::O_RDWR)?,
                };
                open.insert(self.opens.clone().unwrap_or_default(), opened);
                Ok(None)
            }
            "unlink" => entry(0).and_then(|(parent, name)| caller.unlink(&parent, name)).map(|()| None),
            "rmdir" => entry(0).and_then(|(parent, name)| caller.rmdir(&parent, name)).map(|()| None),
            "rename" => caller.rename(loc(0)?, loc(1)?).map(|()| None),
            "link" => {
                let (parent, name) = entry(0)?;
                let old = Loc::of(caller.lookup(&parent, name)?.0);
                caller.ask::<kind::link>(Link { old, new: loc(1)?, xdata: none() }).map(|_| None)
            }
            "readdirp" => {
                let inode = walk(caller, self.name(0)?)?;
                let mut names = caller.names(&inode)?;
                names.sort();
                Ok(Some(names.join(" ").into_bytes()))
            }
            "readv" => caller.read(&fd(0)?, self.number(1)?, size(2)?).map(Some),
            "writev" => caller.write(&fd(0)?, self.number(1)?, self.bytes(2)?).map(|_| None),
            "ftruncate" => {
                let args = Ftruncate { fd: fd(0)?, offset: self.number(1)?, xdata: none() };
                caller.ask::<kind::ftruncate>(args).map(|_| None)
            }
            "discard" => {
                let args =
                    Discard { fd: fd(0)?, offset: self.number(1)?, len: self.number(2)?, xdata: none() };
                caller.ask::<kind::discard>(args).map(|_| None)
            }
            "zerofill" => {
                let args =
                    Zerofill { fd: fd(0)?, offset: self.number(1)?, len: self.number(2)?, xdata: none() };
                caller.ask::<kind::zerofill>(args).map(|_| None)
            }
            "flush" => caller.ask::<kind::flush>(Flush { fd: fd(0)?, xdata: none() }).map(|_| None),
            "fsync" => {
                caller.ask::<kind::fsync>(Fsync { fd: fd(0)?, data_only: false, xdata: none() }).map(|_| None)
            }
            "fstat" => caller.fstat(&fd(0)?).map(|_| None),
            other => nonsense(format!("a script does not do `{other}`")),
        }
    }
}

/// The directory that holds the last name of a path, and that name.
fn place<'p>(caller: &Caller<'_>, path: &'p str) -> Result<(Inode, &'p str), Failed> {
    match path.rsplit_once('/') {
        Some((above, name)) if path.starts_with('/') && !name.is_empty() => Ok((walk(caller, above)?, name)),
        _ => nonsense(format!("`{path}` is no path to a name")),
    }
}

fn walk(caller: &Caller<'_>, path: &str) -> Result<Inode, Failed> {
    let words = path.split('/').filter(|word| !word.is_empty());
    let mut inode = caller.root();
    for word in words {
        inode = caller.lookup(&inode, word)?.0;
    }
    Ok(inode)
}

/// Bytes as a script has them.
fn quoted(bytes: &[u8]) -> String {
    match bytes {
        [first, rest @ ..] if rest.len() > 7 && rest.iter().all(|byte| byte == first) => {
            format!("{first:#04x}*{}", bytes.len())
        }
        _ => format!("\"{}\"", bytes.escape_ascii()),
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fop)?;
        for word in &self.words {
            match word {
                Word::Name(name) => write!(f, " {name}")?,
                Word::Number(number) => write!(f, " {number}")?,
                Word::Bytes(bytes) => write!(f, " {}", quoted(bytes))?,
            }
        }
        if let Some(name) = &self.opens {
            write!(f, " as {name}")?;
        }
        if let Some(answer) = &self.answer {
            write!(f, " = {}", quoted(answer))?;
        }
        match &self.fails {
            Some(errno) => write!(f, " ! {errno}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let read = lines.enumerate().map(|(at, text)| {
            read(text).map_err(|why| ScriptError { line: at + 1, text: text.to_owned(), why })
        });
        read.collect::<Result<_, _>>().map(Self)
    }
}

fn read(text: &str) -> Result<Line, String> {
    if text.starts_with('#') {
        return Ok(Line { fop: text.to_owned(), ..Line::default() });
    }
    let mut line = Line::default();
    let mut words = split(text)?.into_iter();
    line.fop = words.next().unwrap_or_default();
    while let Some(text) = words.next() {
        let mut next = || words.next().ok_or_else(|| format!("something has to follow `{text}`"));
        match text.as_str() {
            "as" => line.opens = Some(next()?),
            "!" => line.fails = Some(next()?),
            "=" => line.answer = Some(bytes(&next()?).ok_or("bytes have to follow `=`")?),
            _ => line.words.push(match (bytes(&text), text.parse()) {
                (Some(bytes), _) => Word::Bytes(bytes),
                (None, Ok(number)) => Word::Number(number),
                (None, Err(_)) => Word::Name(text),
            }),
        }
    }
    Ok(line)
}

/// Words at blanks; what stands in quotes is one.
fn split(text: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        if c == ' ' && !quoted {
            words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
            continue;
        }
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        word.push(c);
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    if quoted { Err("a quote is not closed".to_owned()) } else { Ok(words) }
}

fn bytes(word: &str) -> Option<Vec<u8>> {
    if let Some((byte, count)) = word.strip_prefix("0x").and_then(|rest| rest.split_once('*')) {
        return Some(vec![u8::from_str_radix(byte, 16).ok()?; count.parse().ok()?]);
    }
    let text = word.strip_prefix('"')?.strip_suffix('"')?.as_bytes();
    let (mut bytes, mut at) = (Vec::new(), 0);
    while let Some(byte) = text.get(at) {
        let (value, len) = match (byte, text.get(at + 1)) {
            (b'\\', Some(b'n')) => (b'\n', 2),
            (b'\\', Some(b't')) => (b'\t', 2),
            (b'\\', Some(b'r')) => (b'\r', 2),
            (b'\\', Some(b'0')) => (0, 2),
            (b'\\', Some(b'x')) => {
                let digits = std::str::from_utf8(text.get(at + 2..at + 4)?).ok()?;
                (u8::from_str_radix(digits, 16).ok()?, 4)
            }
            (b'\\', Some(other)) => (*other, 2),
            (other, _) => (*other, 1),
        };
        bytes.push(value);
        at += len;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_reads_as_it_was_written() {
        let text = "create /a as f\nwritev f 0 \"a \\\" \\x00\\n\\xff\"\nreadv f 0 9 = 0x61*900\n# lk\nrmdir /b ! ENOTEMPTY\n";
        let script: Script = text.parse().unwrap();
        assert_eq!(script.to_string(), text);
        assert_eq!(script.0[1].words[2], Word::Bytes(b"a \" \0\n\xff".to_vec()));
        let error = "mkdir \"/a".parse::<Script>().unwrap_err();
        assert_eq!(error.to_string(), "line 1, `mkdir \"/a`: a quote is not closed");
    }
}
