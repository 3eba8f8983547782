//! `volume statedump`, `log rotate`, `barrier`, `sync` and `clear-locks`: orders to the processes of a volume.

use crate::brick::check;
use crate::command::Command;
use crate::said::Said;
use crate::session::{Outcome, Session, Stop};
use crate::verdict::{self, Verdict};
use gluster_xdr::cli::CliProc;
use plugin_api::Dict;

pub(super) const STATEDUMP: Command = Command::new(
    &[(
        "volume statedump <VOLNAME> [[nfs|quotad] [all|mem|iobuf|callpool|priv|fd|inode|history]... | [client \
         <hostname:process-id>]]",
        "have the processes of a volume write down what they are doing",
    )],
    statedump,
);

pub(super) const LOG: Command =
    Command::new(&[("volume log <VOLNAME> rotate [BRICK]", "have bricks begin a new log")], log);

pub(super) const BARRIER: Command = Command::new(
    &[("volume barrier <VOLNAME> {enable|disable}", "hold changes back, or let them go on")],
    barrier,
);

pub(super) const CLEAR_LOCKS: Command = Command::new(
    &[(
        "volume clear-locks <VOLNAME> <path> kind {blocked|granted|all}{inode [range]|entry [basename]|posix [range]}",
        "take locks away from whoever holds them or waits for them",
    )],
    clear_locks,
);

pub(super) const SYNC: Command = Command::new(
    &[("volume sync <HOSTNAME> [all|<VOLNAME>]", "take what another node knows of volumes")],
    sync,
);

fn statedump(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let [name, ref words @ ..] = *rest else { return Err(Stop::misfit()) };
    let words: Vec<&str> = match *words {
        ["client", process] => {
            let (host, number) = process.rsplit_once(':').ok_or_else(Stop::misfit)?;
            vec!["client", host, number]
        }
        ["client", ..] => return Err(Stop::misfit()),
        ref words => words.to_vec(),
    };
    let count = i64::try_from(words.len()).unwrap_or(i64::MAX);
    let options: String = match words.first() {
        Some(&"client") => words.join(" "),
        _ => words.iter().map(|word| format!("{word} ")).collect(),
    };
    let request = Dict::new().with("options", options).with("option_cnt", count).with("volname", name);
    let reply = session.ask(CliProc::StatedumpVolume, request)?;
    Ok(if session.wants_document() {
        let bad = verdict::or(&reply, "Volume statedump unsuccessful");
        let sentence = if reply.op_ret == 0 { "Volume statedump successful" } else { bad };
        verdict::document(session, &reply, "volStatedump", sentence)
    } else {
        Verdict { command: "volume statedump", good: "", bad: None }.text(&reply)
    })
}

fn log(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let (name, brick) = match *rest {
        [name, "rotate"] => (name, None),
        [name, "rotate", brick] => (name, Some(check(brick).map_err(Stop::usage)?)),
        _ => return Err(Stop::misfit()),
    };
    let mut request = Dict::new().with("volname", name);
    if let Some(brick) = brick {
        request.set("brick", brick.to_owned());
    }
    let reply = session.ask(CliProc::LogRotate, request)?;
    Ok(if session.wants_document() {
        let bad = verdict::or(&reply, "log rotate unsuccessful");
        let sentence = if reply.op_ret == 0 { "log rotate successful" } else { bad };
        verdict::document(session, &reply, "volLogRotate", sentence)
    } else {
        Verdict { command: "volume log-rotate", good: "", bad: None }.text(&reply)
    })
}

fn barrier(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let &[name, state] = rest else { return Err(Stop::misfit()) };
    let request = Dict::new().with("volname", name).with("barrier", state);
    let reply = session.ask(CliProc::BarrierVolume, request)?;
    Ok(match reply.op_ret {
        0 => Said::out("volume barrier: command successful\n"),
        _ => Said::refused(format!("volume barrier: command unsuccessful : {}\n", reply.op_errstr)),
    })
}

fn clear_locks(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let (name, path, kind, of, which) = match *rest {
        [name, path, "kind", kind, of] => (name, path, kind, of, None),
        [name, path, "kind", kind, of, which] => (name, path, kind, of, Some(which)),
        _ => return Err(Stop::misfit()),
    };
    let is_known = ["blocked", "granted", "all"].contains(&kind) && ["inode", "entry", "posix"].contains(&of);
    if !is_known {
        return Err(Stop::usage_out("Error parsing options"));
    }
    let request = Dict::new().with("volname", name).with("path", path).with("kind", kind).with("type", of);
    let request = match which {
        Some(which) => request.with("opts", which),
        None => request,
    };
    let reply = session.ask(CliProc::ClrlocksVolume, request)?;
    Ok(match reply.op_ret {
        0 => {
            let summary = reply.dict.str("lk-summary").unwrap_or_default();
            Said::out(format!("Volume clear-locks successful\n{summary}\n"))
        }
        _ => Said::refused(format!("Volume clear-locks unsuccessful\n{}\n", reply.op_errstr)),
    })
}

fn sync(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let request = match *rest {
        [host] | [host, "all"] => Dict::new().with("hostname", host).with("flags", 1),
        [host, name] => Dict::new().with("hostname", host).with("volname", name),
        _ => return Err(Stop::misfit()),
    };
    let reply = session.ask(CliProc::SyncVolume, request)?;
    let verdict = Verdict { command: "volume sync", good: "", bad: None };
    Ok(if session.wants_document() {
        verdict::document(session, &reply, "volSync", &verdict.line(&reply))
    } else {
        verdict.text(&reply)
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::Scripted;

    #[test]
    fn a_dump_says_what_of_and_of_whom() {
        let mut daemon = Scripted::default().reply((0, 0, ""), &[]).reply((0, 0, ""), &[]);
        assert_eq!(daemon.run("volume statedump v inode fd").out, "volume statedump: success\n");
        daemon.run("volume statedump v client vm:1234");
        let asked = |number: usize| {
            let request = &daemon.asked[number].1;
            (request.str("options").map(str::to_owned), request.int("option_cnt"))
        };
        assert_eq!(asked(0), (Some("inode fd ".to_owned()), Some(2)));
        assert_eq!(asked(1), (Some("client vm 1234".to_owned()), Some(3)));
    }

    #[test]
    fn a_log_is_that_of_one_brick_or_of_all() {
        let mut daemon = Scripted::default().reply((0, 0, ""), &[]);
        assert_eq!(daemon.run("volume log v rotate h:/a").out, "volume log-rotate: success\n");
        assert_eq!(daemon.asked[0].1.str("brick"), Some("h:/a"));
        assert!(
            Scripted::default().run("volume log v").err.starts_with("\nUsage:\nvolume log <VOLNAME> rotate")
        );
    }

    #[test]
    fn a_barrier_has_two_states() {
        let mut daemon = Scripted::default().reply((0, 0, ""), &[]);
        assert_eq!(daemon.run("volume barrier v enable").out, "volume barrier: command successful\n");
        let mut daemon = Scripted::default().reply((-1, 0, "No."), &[]);
        let said = daemon.run("volume barrier v maybe");
        assert_eq!(
            said.err, "volume barrier: command unsuccessful : No.\n",
            "the daemon knows which there are"
        );
    }
}
