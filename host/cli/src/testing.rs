//! A daemon that answers from a script, for tests.

use crate::daemon::{AskError, Call, Daemon};
use crate::options::Options;
use crate::person::Person;
use crate::said::Said;
use crate::session::Session;
use gluster_events::Event;
use gluster_xdr::cli::{CLI, CliProc, CliReq, CliRsp, ListFriendsRsp};
use plugin_api::{Dict, IoBuf};
use std::collections::VecDeque;

/// Replies that are still to come, and what was asked so far.
#[derive(Debug, Default)]
pub(crate) struct Scripted {
    replies: VecDeque<CliRsp>,
    pub(crate) asked: Vec<(CliProc, Dict)>,
    /// The answer to every question.
    disagrees: bool,
    /// The events that were told.
    pub(crate) told: Vec<(Event, String)>,
}

impl Scripted {
    /// Answers once with an outcome and a dict, its pairs in the order of the wire.
    pub(crate) fn reply(mut self, outcome: (i32, i32, &str), wire: &[(&str, &str)]) -> Self {
        // Who sends a dict puts the newest pair first.
        let dict = wire.iter().rev().map(|&(key, value)| (key.to_owned(), value)).collect();
        let (op_ret, op_errno, op_errstr) = (outcome.0, outcome.1, outcome.2.to_owned());
        self.replies.push_back(CliRsp { op_ret, op_errno, op_errstr, dict });
        self
    }

    /// Every question will be answered no.
    pub(crate) fn disagreeing(self) -> Self {
        Self { disagrees: true, ..self }
    }

    /// Runs one command line against it; every question is answered yes, unless it is to be no.
    pub(crate) fn run(&mut self, line: &str) -> Said {
        let options = Options::parse(line.split(' ').map(str::to_owned)).expect("known options");
        let mut person = Fixed(!self.disagrees);
        let words = &options.words;
        crate::run(&mut Session { options: &options, words, daemon: self, person: &mut person })
    }
}

impl Daemon for Scripted {
    fn tell(&mut self, event: Event, details: &str) {
        self.told.push((event, details.to_owned()));
    }

    fn call(&mut self, call: Call) -> Result<IoBuf, AskError> {
        assert_eq!(call.program, CLI, "only this one is scripted");
        let procedure = CliProc::from_number(call.procedure).expect("a known procedure");
        let request = gluster_xdr::decode::<CliReq>(&call.arguments.into()).map(|request| request.dict);
        let sent = request.unwrap_or_default();
        let pairs: Vec<_> = sent.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        self.asked.push((procedure, pairs.into_iter().rev().collect()));
        let reply =
            self.replies.pop_front().ok_or_else(|| AskError::Refused("the script ends here".to_owned()))?;
        Ok(match procedure {
            CliProc::ListFriends => {
                let friends = reply.dict;
                gluster_xdr::encode(&ListFriendsRsp {
                    op_ret: reply.op_ret,
                    op_errno: reply.op_errno,
                    friends,
                })
            }
            _ => gluster_xdr::encode(&reply),
        }
        .into())
    }
}

struct Fixed(bool);

impl Person for Fixed {
    fn agrees(&mut self, _: &str) -> bool {
        self.0
    }
}
