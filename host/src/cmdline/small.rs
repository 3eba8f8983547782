//! The command lines of the small programs, as the incumbent's take them.
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::{CmdlineError, Tool};
use crate::tools::attach::Ask;

/// `gf_attach SOCKET VOLFILE`, or `gf_attach -d SOCKET BRICK`; the option may stand anywhere.
pub(super) fn gf_attach(words: &[OsString]) -> Result<Tool, CmdlineError> {
    const USAGE: &str = "Usage: gf_attach uds_path volfile_path (to attach)\n       gf_attach -d uds_path brick_path (to detach)";
    let refused = |first: String| Err(CmdlineError::Small { text: format!("{first}{USAGE}"), code: 1 });
    let (mut detach, mut paths, mut only_paths) = (false, Vec::new(), false);
    for word in words {
        match word.as_bytes() {
            b"--" if !only_paths => only_paths = true,
            [b'-', letters @ ..] if !only_paths && !letters.is_empty() => {
                if let Some(other) = letters.iter().find(|letter| **letter != b'd') {
                    return refused(format!("gf_attach: invalid option -- '{}'\n", char::from(*other)));
                }
                detach = true;
            }
            _ => paths.push(PathBuf::from(word)),
        }
    }
    match <[PathBuf; 2]>::try_from(paths) {
        Ok([socket, what]) => Ok(Tool::Attach(Ask { socket, what, detach })),
        Err(_) => refused(String::new()),
    }
}

/// `gluster-setgfid2path FILE`.
pub(super) fn setgfid2path(words: &[OsString]) -> Result<Tool, CmdlineError> {
    match words {
        [file] => Ok(Tool::SetGfid2path(PathBuf::from(file))),
        _ => Err(CmdlineError::Small { text: "Usage: setgfid2path <file-path>".to_owned(), code: 255 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attach(line: &str) -> Result<Tool, String> {
        let words: Vec<_> = line.split_whitespace().map(OsString::from).collect();
        gf_attach(&words).map_err(|error| error.to_string())
    }

    #[test]
    fn the_option_may_stand_before_and_behind_the_paths() {
        for line in ["-d s b", "s b -d", "s -dd b", "-d -- s b"] {
            let ask = Ask { socket: "s".into(), what: "b".into(), detach: true };
            assert_eq!(attach(line), Ok(Tool::Attach(ask)), "{line}");
        }
        assert!(matches!(attach("s v"), Ok(Tool::Attach(Ask { detach: false, .. }))));
    }

    #[test]
    fn who_calls_it_otherwise_is_told_how() {
        for line in ["", "s", "-d s", "s b c"] {
            assert!(attach(line).unwrap_err().starts_with("Usage: gf_attach uds_path"), "{line}");
        }
        let told = attach("-x s b").unwrap_err();
        assert!(told.starts_with("gf_attach: invalid option -- 'x'\nUsage: "), "{told}");
    }
}
