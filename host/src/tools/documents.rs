//! `mortar documents`: manual pages and completions, made from the definitions that the command lines are read by.
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Command;
use clap_complete::Shell;

use crate::cmdline;

/// A document was not written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}: a folder was expected that takes files", path.display())]
pub struct DocumentsError {
    path: PathBuf,
    source: io::Error,
}

/// Where each shell looks, below the folder of what all machines share, and how the file of a program is called.
const SHELLS: [(Shell, &str, &str, &str); 3] = [
    (Shell::Bash, "bash-completion/completions", "", ""),
    (Shell::Zsh, "zsh/site-functions", "_", ""),
    (Shell::Fish, "fish/vendor_completions.d", "", ".fish"),
];

/// Writes the manual pages and completions of every program, laid out as below `/usr/share`.
pub(super) fn write(folder: &Path) -> Result<(), DocumentsError> {
    let pages = folder.join("man/man8");
    for command in cmdline::definitions() {
        make(&pages)?;
        manual(command.clone().disable_help_subcommand(true), &pages)?;
        for (shell, place, before, after) in SHELLS {
            let name = command.get_name().to_owned();
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut command.clone(), &name, &mut text);
            let place = folder.join(place);
            make(&place)?;
            put(&place.join(format!("{before}{name}{after}")), &text)?;
        }
    }
    Ok(())
}

/// The page of a program, and one for each of its commands.
fn manual(command: Command, pages: &Path) -> Result<(), DocumentsError> {
    // Each command's page is named after the program as well.
    let mut whole = command.disable_help_flag(true);
    whole.build();
    let mut left = vec![whole];
    while let Some(command) = left.pop() {
        let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
        left.extend(command.get_subcommands().filter(|command| !command.is_hide_set()).cloned());
        let page = clap_mangen::Man::new(command.name(name.clone())).section("8");
        let mut text = Vec::new();
        let path = pages.join(format!("{name}.8"));
        page.render(&mut text).map_err(|source| DocumentsError { path: path.clone(), source })?;
        put(&path, &text)?;
    }
    Ok(())
}

fn make(folder: &Path) -> Result<(), DocumentsError> {
    fs::create_dir_all(folder).map_err(|source| DocumentsError { path: folder.to_owned(), source })
}

fn put(path: &Path, text: &[u8]) -> Result<(), DocumentsError> {
    fs::write(path, text).map_err(|source| DocumentsError { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_has_a_page_and_a_completion_for_each_shell() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        let text = |path: &str| {
            fs::read_to_string(folder.path().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
        };
        for program in ["mortar", "glusterd", "glusterfsd", "glusterfs"] {
            assert!(text(&format!("man/man8/{program}.8")).contains(".SH SYNOPSIS"));
            for path in [
                format!("bash-completion/completions/{program}"),
                format!("zsh/site-functions/_{program}"),
                format!("fish/vendor_completions.d/{program}.fish"),
            ] {
                assert!(text(&path).contains(program));
            }
        }
        assert!(text("man/man8/mortar-plugin-check.8").contains("rule"));
        assert!(text("man/man8/glusterfs.8").contains("volfile\\-server"));
        assert!(
            !folder.path().join("man/man8/mortar-isolate-worker.8").exists(),
            "nobody calls that by hand"
        );
    }

    #[test]
    fn a_folder_that_takes_nothing_is_named() {
        let error = write(Path::new("/dev/null")).unwrap_err();
        assert!(error.to_string().starts_with("/dev/null/man/man8: "), "{error}");
    }
}
