//! `snapshot`: not there yet, and said so.

use crate::command::Command;
use crate::said::Said;
use crate::session::{Outcome, Session};

/// All of them.
pub(crate) const COMMANDS: &[Command] =
    &[Command::new(&[("snapshot", "refused: there are no snapshots yet")], refused)];

fn refused(_: &mut Session<'_>, _: &[&str]) -> Outcome {
    Ok(Said::refused("snapshot: there are no snapshots yet; the volumes themselves are as they were\n"))
}

#[cfg(test)]
mod tests {
    use crate::testing::Scripted;

    #[test]
    fn a_snapshot_is_refused_without_a_word_to_the_daemon() {
        let mut daemon = Scripted::default();
        assert_eq!(daemon.run("snapshot create s v").code, 1);
        assert!(daemon.asked.is_empty());
    }
}
