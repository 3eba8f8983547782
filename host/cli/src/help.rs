//! The grammar for people: what there is, and how each is used.

use crate::command::Command;
use crate::said::Said;
use crate::session::{Outcome, Session};

/// The areas that have a page.
pub(crate) const AREAS: &str = "\
 peer help                - display help for peer commands
 volume help              - display help for volume commands
 snapshot help            - display help for snapshot commands
 system:: help            - display help for programs and for debugging

";

/// The pages.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new(&[("help [all]", "show which pages of help there are, or all of them")], areas),
    Command::new(&[("peer help", "show the commands about peers")], peer),
    Command::new(&[("volume help", "show the commands about volumes")], volume),
    Command::new(&[("volume quota help", "show the commands about quota")], quota),
    Command::new(&[("volume bitrot help", "show the commands about bitrot")], bitrot),
    Command::new(&[("snapshot help", "show the commands about snapshots")], snapshot),
    Command::new(&[("system:: help", "show the commands for programs and for debugging")], system),
];

/// An area: what it is called, and whether a form belongs to it.
type Area = (&'static str, fn(&str) -> bool);

const PEER: Area = ("peer", |form| form.starts_with("peer ") || form.starts_with("pool "));
const VOLUME: Area = ("volume", |form| form.starts_with("volume "));
const SNAPSHOT: Area = ("snapshot", |form| form.starts_with("snapshot"));
const SYSTEM: Area =
    ("system", |form| ["system:: ", "help", "get-state"].iter().any(|begin| form.starts_with(begin)));
const QUOTA: Area =
    ("quota", |form| ["volume quota ", "volume inode-quota "].iter().any(|begin| form.starts_with(begin)));
const BITROT: Area = ("bitrot", |form| form.starts_with("volume bitrot "));

fn areas(_: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let Some(_) = rest.first() else { return Ok(Said::out(AREAS)) };
    Ok(Said::out([PEER, VOLUME, SNAPSHOT, SYSTEM].map(page).concat()))
}

fn peer(_: &mut Session<'_>, _: &[&str]) -> Outcome {
    Ok(Said::out(page(PEER)))
}

fn volume(_: &mut Session<'_>, _: &[&str]) -> Outcome {
    Ok(Said::out(page(VOLUME)))
}

fn quota(_: &mut Session<'_>, _: &[&str]) -> Outcome {
    Ok(Said::out(page(QUOTA)))
}

fn bitrot(_: &mut Session<'_>, _: &[&str]) -> Outcome {
    Ok(Said::out(page(BITROT)))
}

fn snapshot(_: &mut Session<'_>, _: &[&str]) -> Outcome {
    Ok(Said::out(page(SNAPSHOT)))
}

fn system(_: &mut Session<'_>, _: &[&str]) -> Outcome {
    Ok(Said::out(page(SYSTEM)))
}

/// The forms of all commands by area, each with what it does.
pub(crate) fn areas_of_forms() -> [(&'static str, Vec<(&'static str, &'static str)>); 4] {
    [VOLUME, PEER, SNAPSHOT, SYSTEM].map(|(name, belongs)| (name, forms(belongs)))
}

fn page((name, belongs): Area) -> String {
    let title = format!("gluster {name} commands");
    let rule = "=".repeat(title.len() + 1);
    format!("\n{title}\n{rule}\n\n{}\n\n", lines(belongs))
}

fn lines(belongs: fn(&str) -> bool) -> String {
    let lines = forms(belongs).into_iter().map(|(form, about)| format!("{form} - {about}\n"));
    lines.collect()
}

/// The forms of the commands that belong here, in order, each with what it does.
fn forms(belongs: fn(&str) -> bool) -> Vec<(&'static str, &'static str)> {
    let commands = crate::commands();
    let forms = commands.iter().flat_map(|command| command.forms);
    let mut forms: Vec<_> = forms.copied().filter(|form| belongs(form.0)).collect();
    forms.sort_unstable();
    forms
}

#[cfg(test)]
mod tests {
    use crate::testing::Scripted;

    #[test]
    fn every_command_is_on_a_page_with_what_it_does() {
        let all = Scripted::default().run("help all").out;
        for command in crate::commands() {
            for (form, about) in command.forms {
                assert!(!about.is_empty() && all.contains(&format!("{form} - {about}\n")), "{form}");
            }
        }
    }
}
