//! Which command the words name.

use crate::daemon::{AskError, Daemon};
use crate::options::Options;
use crate::person::Person;
use crate::said::Said;
use crate::{create, info, peer, status, system, volume};
use plugin_api::Dict;

/// What `--help` shows.
pub(crate) const HELP: &str = "\
 peer help                - display help for peer commands
 volume help              - display help for volume commands

";

const COMMANDS: &str = "
gluster commands
================

peer status - list status of peers
pool list - list all the nodes in the pool (including localhost)
system:: uuid get - get uuid of glusterd
volume create <NEW-VOLNAME> [transport <tcp|rdma|tcp,rdma>] <NEW-BRICK>... [force] - create a new volume of the bricks
volume delete <VOLNAME> - delete volume specified by <VOLNAME>
volume info [all|<VOLNAME>] - list information of all volumes
volume list - list all volumes in cluster
volume start <VOLNAME> [force] - start volume specified by <VOLNAME>
volume status [all | <VOLNAME> [<BRICK>]] - display status of all or specified volume(s)/brick
volume stop <VOLNAME> [force] - stop volume specified by <VOLNAME>

";

/// What a command has at hand.
pub(crate) struct Session<'a> {
    /// The options, and the words.
    pub(crate) options: &'a Options,
    /// Who does the work.
    pub(crate) daemon: &'a mut dyn Daemon,
    /// Who is asked before something is taken away.
    pub(crate) person: &'a mut dyn Person,
}

impl Session<'_> {
    /// The request with the words of the command last, which the daemon writes to its history.
    pub(crate) fn with_command(&self, request: Dict) -> Dict {
        let request = request.with("cmd-str", self.options.words.join(" "));
        match self.options.timeout.as_secs() {
            seconds if seconds > 120 => request.with("timeout", i64::try_from(seconds).unwrap_or(i64::MAX)),
            _ => request,
        }
    }
}

/// How many of something a dict says it holds, at most as many as it has pairs: a claim costs nothing.
pub(crate) fn counted(dict: &Dict, key: &str) -> i64 {
    let most = i64::try_from(dict.len()).unwrap_or(i64::MAX);
    dict.int(key).unwrap_or(0).clamp(0, most)
}

/// Runs the command that the words name.
pub(crate) fn run(session: &mut Session<'_>) -> Said {
    let words: Vec<&str> = session.options.words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        [] => return Said::unrecognized("command", 1),
        ["help", ..] | ["peer" | "volume" | "pool", "help", ..] => return Said::out(COMMANDS),
        ["peer", "status", rest @ ..] => peer::status(session, rest),
        ["pool", "list", rest @ ..] => peer::pool(session, rest),
        ["system::", "uuid", "get", rest @ ..] => system::uuid(session, rest),
        ["volume", "list", ..] => volume::list(session),
        ["volume", "create", rest @ ..] => create::create(session, rest),
        ["volume", "start", rest @ ..] => volume::start(session, rest),
        ["volume", "stop", rest @ ..] => volume::stop(session, rest),
        ["volume", "delete", rest @ ..] => volume::delete(session, rest),
        ["volume", "info", rest @ ..] => info::info(session, rest),
        ["volume", "status", rest @ ..] => status::status(session, rest),
        ["peer" | "volume" | "pool" | "system::"] => return Said::unrecognized("command", 1),
        ["peer" | "volume" | "pool" | "system::", word, ..] => {
            return Said::unrecognized(&format!("word: {word} (position 1)"), 1);
        }
        [word, ..] => return Said::unrecognized(&format!("word: {word} (position 0)"), 1),
    };
    done.unwrap_or_else(|error| match error {
        AskError::Gone(_) => Said::no_daemon(),
        AskError::Late(_) => Said::refused("Error : Request timed out\n"),
        AskError::Refused(_) => Said { code: 1, ..Said::default() },
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use gluster_xdr::cli::{CliProc, CliRsp, ListFriendsRsp};
    use std::collections::VecDeque;

    /// A daemon that answers from a script and keeps what it was asked.
    #[derive(Debug, Default)]
    pub(crate) struct Scripted {
        pub(crate) replies: VecDeque<CliRsp>,
        pub(crate) asked: Vec<(CliProc, Dict)>,
    }

    impl Scripted {
        /// Answers once with an outcome and a dict, its pairs in the order of the wire.
        pub(crate) fn reply(mut self, outcome: (i32, i32, &str), wire: &[(&str, &str)]) -> Self {
            let dict = wire.iter().map(|&(key, value)| (key.to_owned(), value)).collect();
            let (op_ret, op_errno, op_errstr) = (outcome.0, outcome.1, outcome.2.to_owned());
            self.replies.push_back(CliRsp { op_ret, op_errno, op_errstr, dict });
            self
        }

        /// Runs one command line against it; every question is answered yes.
        pub(crate) fn run(&mut self, line: &str) -> Said {
            let options = Options::parse(line.split(' ').map(str::to_owned)).expect("known options");
            run(&mut Session { options: &options, daemon: self, person: &mut Yes })
        }
    }

    impl Daemon for Scripted {
        fn ask(&mut self, procedure: CliProc, request: Dict) -> Result<CliRsp, AskError> {
            self.asked.push((procedure, request));
            self.replies.pop_front().ok_or_else(|| AskError::Refused("the script ends here".to_owned()))
        }

        fn friends(&mut self, _: i32) -> Result<ListFriendsRsp, AskError> {
            let reply = self.ask(CliProc::ListFriends, Dict::new())?;
            Ok(ListFriendsRsp { op_ret: reply.op_ret, op_errno: reply.op_errno, friends: reply.dict })
        }
    }

    struct Yes;

    impl Person for Yes {
        fn agrees(&mut self, _: &str) -> bool {
            true
        }
    }

    #[test]
    fn words_that_are_no_command_are_named_with_their_place() {
        let said = |line| Scripted::default().run(line);
        assert!(said("foo").out.starts_with("unrecognized word: foo (position 0)\n\n Usage: gluster"));
        assert!(said("volume foo").out.starts_with("unrecognized word: foo (position 1)\n"));
        assert!(said("peer").out.starts_with("unrecognized command\n"));
        assert_eq!((said("peer").code, said("foo").code), (1, 1));
    }

    #[test]
    fn too_many_words_bring_the_usage() {
        assert_eq!(
            Scripted::default().run("volume start v force x").err,
            "\nUsage:\nvolume start <VOLNAME> [force]\n\n"
        );
    }
}
