//! `volume add-brick`, `replace-brick` and `reset-brick`.

use crate::brick::{NewBricks, check, leading_number};
use crate::command::Command;
use crate::said::Said;
use crate::session::{Head, Outcome, Session, Stop};
use crate::verdict::{self, Verdict};
use gluster_xdr::cli::{CliProc, CliRsp};
use plugin_api::Dict;

pub(super) const ADD: Command = Command::new(
    &[(
        "volume add-brick <VOLNAME> [<replica> <COUNT> [arbiter <COUNT>]] <NEW-BRICK> ... [force]",
        "give a volume more bricks, or its files more copies",
    )],
    add,
);

pub(super) const REPLACE: Command = Command::new(
    &[(
        "volume replace-brick <VOLNAME> <SOURCE-BRICK> <NEW-BRICK> {commit force}",
        "put another brick in the place of one; the copies are made again",
    )],
    replace,
);

pub(super) const RESET_BRICK: Command = Command::new(
    &[(
        "volume reset-brick <VOLNAME> <SOURCE-BRICK> {{start} | {<NEW-BRICK> commit}}",
        "take a brick out to mend its disk, and put it back",
    )],
    reset,
);

fn add(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let [name, ref words @ ..] = *rest else { return Err(Stop::misfit()) };
    let (words, force) = match *words {
        [ref words @ .., "force"] => (words, true),
        ref words => (words, false),
    };
    let mut request = Dict::new().with("volname", name);
    let words = match *words {
        ["replica", copies, "arbiter", arbiters, ref words @ ..] => {
            request.set("replica-count", leading_number(copies));
            request.set("arbiter-count", leading_number(arbiters));
            words
        }
        ["replica", copies, ref words @ ..] => {
            request.set("replica-count", leading_number(copies));
            words
        }
        ref words => words,
    };
    if words.is_empty() {
        return Err(Stop::misfit());
    }
    let bricks = NewBricks::of(words).map_err(Stop::usage)?;
    let request = request
        .with("bricks", bricks.joined())
        .with("count", bricks.count())
        .with("force", i32::from(force || session.options.force));
    let reply = session.ask(CliProc::AddBrick, request)?;
    let said = if session.wants_document() {
        verdict::document(
            session,
            &reply,
            "volAddBrick",
            outcome(&reply, "Add Brick successful", "Add Brick unsuccessful"),
        )
    } else {
        Verdict { command: "volume add-brick", good: "", bad: None }.text(&reply)
    };
    Ok(Said { err: format!("{}{}", bricks.notes, said.err), ..said })
}

fn replace(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let &[name, old, new, "commit", "force"] = rest else { return Err(Stop::misfit()) };
    exchange(session, CliProc::ReplaceBrick, "replace-brick", "commit force", (name, old, Some(new)))
}

fn reset(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let (operation, bricks) = match *rest {
        [name, old, "start"] => ("start", (name, old, None)),
        [name, old, new, "commit"] => ("commit", (name, old, Some(new))),
        [name, old, new, "commit", "force"] => ("commit force", (name, old, Some(new))),
        _ => return Err(Stop::misfit()),
    };
    exchange(session, CliProc::ResetBrick, "reset-brick", operation, bricks)
}

/// Gives one brick's place to another, or to the same one again.
fn exchange(
    session: &mut Session<'_>,
    procedure: CliProc,
    command: &str,
    operation: &str,
    (name, old, new): (&str, &str, Option<&str>),
) -> Outcome {
    let mut request = Dict::new().with("volname", name).with("src-brick", check(old).map_err(Stop::usage)?);
    if let Some(new) = new {
        request.set("dst-brick", check(new).map_err(Stop::usage)?);
    }
    let kind = if command == "reset-brick" { "GF_RESET_OP" } else { "GF_REPLACE_OP" };
    let request = request.with("operation", format!("{kind}_{}", operation.to_uppercase().replace(' ', "_")));
    let reply = session.ask(procedure, request)?;
    let (good, bad) = (
        format!("{command} {operation} operation successful"),
        format!("{command} {operation} operation failed"),
    );
    Ok(if session.wants_document() {
        session.document(Head::of(&reply).or(if reply.op_ret == 0 { &good } else { &bad }), [])
    } else {
        Verdict { command: &format!("volume {command}"), good: &good, bad: Some(&bad) }.text(&reply)
    })
}

fn outcome<'a>(reply: &'a CliRsp, good: &'a str, bad: &'a str) -> &'a str {
    if reply.op_ret == 0 { good } else { verdict::or(reply, bad) }
}

#[cfg(test)]
mod tests {
    use crate::testing::Scripted;
    use gluster_xdr::cli::CliProc;

    #[test]
    fn more_bricks_are_sent_with_their_number_of_copies() {
        let mut daemon = Scripted::default().reply((0, 0, ""), &[]);
        assert_eq!(
            daemon.run("volume add-brick v replica 3 arbiter 1 h:/a h:/b force").out,
            "volume add-brick: success\n"
        );
        let (procedure, request) = &daemon.asked[0];
        assert_eq!(*procedure, CliProc::AddBrick);
        assert_eq!(request.str("bricks"), Some(" h:/a h:/b "));
        let numbers = ["replica-count", "arbiter-count", "count", "force"].map(|key| request.int(key));
        assert_eq!(numbers, [Some(3), Some(1), Some(2), Some(1)]);
    }

    #[test]
    fn an_exchange_names_its_operation_and_both_bricks() {
        let mut daemon = Scripted::default().reply((0, 0, ""), &[]);
        let said = daemon.run("volume replace-brick v h:/a h:/b commit force");
        assert_eq!(
            said.out,
            "volume replace-brick: success: replace-brick commit force operation successful\n"
        );
        let request = &daemon.asked[0].1;
        let texts = ["src-brick", "dst-brick", "operation"].map(|key| request.str(key));
        assert_eq!(texts, [Some("h:/a"), Some("h:/b"), Some("GF_REPLACE_OP_COMMIT_FORCE")]);
        let mut daemon = Scripted::default().reply((0, 0, ""), &[]);
        daemon.run("volume reset-brick v h:/a start");
        assert_eq!(daemon.asked[0].1.str("operation"), Some("GF_RESET_OP_START"));
        assert_eq!(daemon.asked[0].1.str("dst-brick"), None);
    }

    #[test]
    fn a_brick_that_is_none_is_not_sent() {
        let mut daemon = Scripted::default();
        assert_eq!(daemon.run("volume replace-brick v a h:/b commit force").code, 1);
        assert!(daemon.asked.is_empty());
    }
}
