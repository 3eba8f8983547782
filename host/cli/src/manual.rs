//! The manual page: the grammar and the options as roff.

use crate::help;
use crate::options;
use roff::{Roff, bold, italic, roman};

/// The page.
pub(crate) fn page() -> String {
    let mut page = Roff::new();
    page.control("TH", ["GLUSTER", "8"]);
    section(&mut page, "NAME", "gluster \u{2013} manage volumes, bricks and peers");
    page.control("SH", ["SYNOPSIS"]);
    page.text([bold("gluster"), roman(" [options] "), italic("command")]);
    page.control("PP", []).text([bold("gluster"), roman(" [options]")]);
    section(
        &mut page,
        "DESCRIPTION",
        "Gives the management daemon a command and shows its answer. A word of a command may be cut short as long as only one \
         is meant. Without a command it reads one from each line, until `quit` or the end of input.",
    );
    page.control("SH", ["OPTIONS"]);
    for (option, about) in options::ABOUT {
        page.control("TP", []).text([bold(*option)]).text([roman(*about)]);
    }
    page.control("SH", ["COMMANDS"]);
    for (area, forms) in help::areas_of_forms() {
        page.control("SS", [area]);
        for (form, about) in forms {
            page.control("TP", []).text([bold(form)]).text([roman(about)]);
        }
    }
    section(
        &mut page,
        "EXIT STATUS",
        "0 when the daemon has done it; 1 when it refused or is not there; 255 for an option that does not exist.",
    );
    page.control("SH", ["FILES"]);
    page.control("TP", []).text([bold(options::SOCKET)]).text([roman("where the daemon listens")]);
    page.control("TP", []).text([bold("~/.gluster_history")]).text([roman("the lines of the prompt")]);
    page.control("SH", ["SEE ALSO"]);
    page.text([
        bold("glusterd"),
        roman("(8), "),
        bold("glusterfs"),
        roman("(8), "),
        bold("mortar"),
        roman("(8)"),
    ]);
    page.render()
}

fn section(page: &mut Roff, title: &str, text: &str) {
    page.control("SH", [title]).text([roman(text)]);
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_has_every_command_and_every_option() {
        let page = super::page().replace("\\-", "-");
        for command in crate::commands() {
            for (form, _) in command.forms {
                let words: Vec<_> = command.words().collect();
                assert!(page.contains(&words.join(" ")), "{form}");
            }
        }
        for (option, about) in crate::options::ABOUT {
            assert!(page.contains(option) && page.contains(about), "{option}");
        }
    }
}
