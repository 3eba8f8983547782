//! What a volfile may say to `debug/error-gen`.

use fop_dice::FopSet;
use plugin_api::prelude::*;

/// How often a fop fails.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// Each by chance, so many of a hundred.
    Percent(f64),
    /// After a number of fops that is drawn each time.
    Drawn,
}

/// What a fop that fails comes to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// One of the errors that the fop knows.
    Any,
    /// This error.
    Errno(Errno),
    /// A write does less than it was asked for; others fail with any of their errors.
    ShortWrite,
}

/// Who fails, how often and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) pace: Pace,
    pub(crate) fault: Fault,
    pub(crate) fops: FopSet,
}

impl Default for Settings {
    /// Nobody fails.
    fn default() -> Self {
        Self { pace: Pace::Percent(0.0), fault: Fault::Any, fops: FopSet::ALL }
    }
}

const SHORT_WRITE: &str = "GF_ERROR_SHORT_WRITE";

/// The words of GlusterFS 10, one of which is two that have lost the comma between them.
const ERRORS: [&str; 25] = [
    "ENOENT",
    "ENOTDIR",
    "ENAMETOOLONG",
    "EACCES",
    "EBADF",
    "EFAULT",
    "ENOMEM",
    "EINVAL",
    "EIO",
    "EEXIST",
    "ENOSPC",
    "EPERM",
    "EROFS",
    "EBUSY",
    "EISDIR",
    "ENOTEMPTY",
    "EMLINKENODEV",
    "EXDEV",
    "EMFILE",
    "ENFILE",
    "ENOSYS",
    "EINTR",
    "EFBIG",
    "EAGAIN",
    SHORT_WRITE,
];

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .percent("failure", "of a hundred fops, how many fail")
        .default_value("0")
        .reconfigurable()
        .choice("error-no", &ERRORS, "the error; any that the fop may have when it is not given")
        .reconfigurable()
        .bool(
            "random-failure",
            "fail after a number of fops that is drawn anew each time, whatever `failure` says",
        )
        .default_value("off")
        .reconfigurable()
        .text("enable", "the fops that fail, separated by commas; all when empty")
        .alias("error-fops")
        .reconfigurable()
}

impl Settings {
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        let list = cx.find("enable").filter(|list| !list.is_empty());
        let pace =
            if cx.bool("random-failure")? { Pace::Drawn } else { Pace::Percent(cx.percent("failure")?) };
        let fault = cx.find("error-no").map_or(Fault::Any, fault);
        Ok(Self { pace, fault, fops: list.map_or(Ok(FopSet::ALL), FopSet::parse)? })
    }
}

fn fault(word: &str) -> Fault {
    Fault::Errno(match word {
        "ENOENT" => Errno::ENOENT,
        "ENOTDIR" => Errno::ENOTDIR,
        "ENAMETOOLONG" => Errno::ENAMETOOLONG,
        "EACCES" => Errno::EACCES,
        "EBADF" => Errno::EBADF,
        "EFAULT" => Errno::EFAULT,
        "ENOMEM" => Errno::ENOMEM,
        "EINVAL" => Errno::EINVAL,
        "EEXIST" => Errno::EEXIST,
        "ENOSPC" => Errno::ENOSPC,
        "EPERM" => Errno::EPERM,
        "EROFS" => Errno::EROFS,
        "EBUSY" => Errno::EBUSY,
        "EISDIR" => Errno::EISDIR,
        "ENOTEMPTY" => Errno::ENOTEMPTY,
        "EMLINKENODEV" => Errno::EMLINK,
        "EXDEV" => Errno::EXDEV,
        "EMFILE" => Errno::EMFILE,
        "ENFILE" => Errno::ENFILE,
        "ENOSYS" => Errno::ENOSYS,
        "EINTR" => Errno::EINTR,
        "EFBIG" => Errno::EFBIG,
        "EAGAIN" => Errno::EAGAIN,
        SHORT_WRITE => return Fault::ShortWrite,
        _ => Errno::EIO,
    })
}
