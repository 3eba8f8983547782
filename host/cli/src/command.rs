//! The grammar: which command the words name, how it is used and what it is for.

use crate::said::Said;
use crate::session::{Outcome, Session};
use crate::suggest::nearest;

/// A command: its forms, and what runs it with the words that follow its own.
pub(crate) struct Command {
    /// Each form as the usage shows it, and what it does. The words before the first bracket name the command.
    pub(crate) forms: &'static [(&'static str, &'static str)],
    /// What is shown when the words do not fit; empty for the last form.
    pub(crate) usage: &'static str,
    /// Runs it.
    pub(crate) run: fn(&mut Session<'_>, &[&str]) -> Outcome,
}

impl Command {
    /// A command with one form.
    pub(crate) const fn new(
        form: &'static [(&'static str, &'static str)],
        run: fn(&mut Session<'_>, &[&str]) -> Outcome,
    ) -> Self {
        Self { forms: form, usage: "", run }
    }

    /// The words that name it.
    pub(crate) fn words(&self) -> impl Iterator<Item = &'static str> {
        let pattern = self.forms.first().map_or("", |form| form.0);
        pattern.split(' ').take_while(|word| !word.starts_with(['<', '[', '{', '(']) && !word.is_empty())
    }

    /// What is shown when the words do not fit.
    pub(crate) fn usage(&self) -> &'static str {
        let last = self.forms.last().map_or("", |form| form.0);
        if self.usage.is_empty() { last } else { self.usage }
    }

    fn word(&self, depth: usize) -> Option<&'static str> {
        self.words().nth(depth)
    }
}

/// The command that the words name, and how many of them do.
///
/// A word may be cut short as long as only one command is meant.
///
/// # Errors
/// What to say about words that name none.
pub(crate) fn find<'a>(commands: &[&'a Command], words: &[&str]) -> Result<(&'a Command, usize), Said> {
    let mut meant: Vec<&Command> = commands.to_vec();
    for depth in 0.. {
        let whole = meant.iter().find(|command| command.words().count() == depth).copied();
        let Some(word) = words.get(depth) else {
            return whole.map(|command| (command, depth)).ok_or_else(|| Said::unrecognized("command", 1));
        };
        match narrowed(&meant, depth, word, whole.is_none()) {
            Some(next) => meant = next,
            None => return whole.map(|command| (command, depth)).ok_or_else(|| unknown(&meant, depth, word)),
        }
    }
    Err(Said::unrecognized("command", 1))
}

/// The commands that go on with a word: exactly, or with one word that begins with it.
fn narrowed<'a>(
    meant: &[&'a Command],
    depth: usize,
    word: &str,
    may_be_cut: bool,
) -> Option<Vec<&'a Command>> {
    let with =
        |wanted: &str| meant.iter().copied().filter(|c| c.word(depth) == Some(wanted)).collect::<Vec<_>>();
    let exact = with(word);
    if !exact.is_empty() {
        return Some(exact);
    }
    let mut longer = meant.iter().filter_map(|c| c.word(depth)).filter(|full| full.starts_with(word));
    let first = longer.next().filter(|_| may_be_cut && !word.is_empty())?;
    longer.all(|other| other == first).then(|| with(first))
}

fn unknown(meant: &[&Command], depth: usize, word: &str) -> Said {
    let known = meant.iter().filter_map(|command| command.word(depth));
    let hint = nearest(word, known).map(|near| format!("did you mean `{near}`?\n"));
    Said::unrecognized(&format!("word: {word} (position {depth})"), 1).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &mut Session<'_>, _: &[&str]) -> Outcome {
        Ok(Said::default())
    }

    const INFO: Command = Command::new(&[("volume info [all|<VOLNAME>]", "")], nothing);
    const INODE_QUOTA: Command = Command::new(&[("volume inode-quota <VOLNAME> enable", "")], nothing);
    const QUOTA: Command = Command::new(&[("volume quota <VOLNAME> {enable|disable}", "")], nothing);
    const QUOTA_HELP: Command = Command::new(&[("volume quota help", "")], nothing);

    fn found(line: &str) -> Result<(String, usize), String> {
        let words: Vec<&str> = line.split(' ').collect();
        let commands = [&INFO, &INODE_QUOTA, &QUOTA, &QUOTA_HELP];
        let found = find(&commands, &words).map_err(|said| said.out.lines().next().unwrap_or("").to_owned());
        found.map(|(command, taken)| (command.words().collect::<Vec<_>>().join(" "), taken))
    }

    #[test]
    fn words_may_be_cut_short_as_long_as_one_command_is_meant() {
        assert_eq!(found("volume info all"), Ok(("volume info".to_owned(), 2)));
        assert_eq!(found("v inf"), Ok(("volume info".to_owned(), 2)));
        assert_eq!(found("v in v"), Err("unrecognized word: in (position 1)".to_owned()));
        assert_eq!(found("volume"), Err("unrecognized command".to_owned()));
    }

    #[test]
    fn a_longer_command_is_preferred_where_its_word_stands() {
        assert_eq!(found("volume quota help"), Ok(("volume quota help".to_owned(), 3)));
        assert_eq!(found("volume quota h enable"), Ok(("volume quota".to_owned(), 2)));
    }

    #[test]
    fn a_slip_is_guessed() {
        let said = find(&[&INFO, &QUOTA], &["volume", "qouta"]).err().expect("no such word");
        assert_eq!(said.hint, "did you mean `quota`?\n");
    }
}
