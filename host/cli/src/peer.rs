//! `peer` and `pool`.

use crate::brick::is_host;
use crate::command::Command;
use crate::facts::Facts;
use crate::said::Said;
use crate::session::{Head, Outcome, Session, Stop};
use crate::tree::{Element, element};
use gluster_xdr::cli::{CLI, CliProc, CliRsp, ListFriendsReq, ListFriendsRsp};
use plugin_api::Dict;

/// All of them.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new(&[("peer probe { <HOSTNAME> | <IP-address> }", "take a node into the pool")], probe),
    Command::new(
        &[(
            "peer detach { <HOSTNAME> | <IP-address> } [force]",
            "let a node out of the pool that holds no bricks",
        )],
        detach,
    ),
    Command::new(&[("peer status", "show the other nodes of the pool")], status),
    Command::new(&[("pool list", "show all nodes of the pool, this one too")], pool),
];

/// Where daemons listen.
const PORT: i32 = 24007;

/// The reply leaves the daemon itself out.
const OTHERS: i32 = 1;
/// The reply lists the daemon itself too.
const ALL: i32 = 2;

fn probe(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let &[host] = rest else { return Err(Stop::misfit()) };
    if !is_host(host) {
        return Err(Stop::usage_out(format!("{host} is an invalid address")));
    }
    let request = Dict::new().with("hostname", host).with("port", PORT);
    let reply = session.ask(CliProc::Probe, request)?;
    Ok(told(session, &reply, "peer probe"))
}

fn detach(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let (host, flags) = match *rest {
        [host] => (host, 0),
        [host, "force"] => (host, 1),
        _ => return Err(Stop::misfit()),
    };
    if !session.agrees("Clients that mounted by way of this peer have to mount by way of another. Go on?") {
        return Ok(Said::default());
    }
    let request = Dict::new().with("hostname", host).with("port", PORT).with("flags", flags);
    let reply = session.ask(CliProc::Deprobe, request)?;
    Ok(told(session, &reply, "peer detach"))
}

/// A success may have a text: that there was nothing to do.
fn told(session: &Session<'_>, reply: &CliRsp, command: &str) -> Said {
    let text = if reply.op_errstr.is_empty() { "success" } else { &reply.op_errstr };
    match (session.wants_document(), reply.op_ret) {
        (true, 0) => session.document(Head { text: "", ..Head::of(reply) }, [element("output").text(text)]),
        (true, _) => session.document(Head::of(reply).or(text), []),
        (false, 0) => Said::out(format!("{command}: {text}\n")),
        (false, _) => Said::refused(format!("{command}: failed: {text}\n")),
    }
}

fn status(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    listed(session, rest, OTHERS, "peer status", text)
}

fn pool(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    listed(session, rest, ALL, "pool list", pool_text)
}

fn listed(
    session: &mut Session<'_>,
    rest: &[&str],
    flags: i32,
    command: &str,
    text: fn(&Facts<'_>) -> String,
) -> Outcome {
    if !rest.is_empty() {
        return Err(Stop::misfit());
    }
    let request = ListFriendsReq { flags, dict: Dict::new() };
    let reply: ListFriendsRsp = session.daemon.typed(CLI, CliProc::ListFriends.number(), &request)?;
    let friends = Facts::of(&reply.friends);
    Ok(if session.wants_document() {
        let peers = numbers(&friends).map(|number| peer_element(&friends, number));
        let head = Head { ret: reply.op_ret, errno: reply.op_errno, text: "" };
        session.document(head, [element("peerStatus").list("peer", peers)])
    } else if reply.op_ret == 0 {
        Said::out(text(&friends))
    } else {
        Said::refused(format!("{command}: failed\n"))
    })
}

/// The numbers of the peers, from 1.
fn numbers(friends: &Facts<'_>) -> impl Iterator<Item = i64> {
    1..=friends.count("count")
}

fn field<'a>(friends: &Facts<'a>, number: i64, name: &str) -> &'a str {
    friends.str(&format!("friend{number}.{name}"))
}

fn connected(friends: &Facts<'_>, number: i64) -> bool {
    friends.int(&format!("friend{number}.connected")) == 1
}

/// The other names of a peer: `hostname0` is the one already shown.
fn other_names<'a>(friends: &Facts<'a>, number: i64) -> Vec<&'a str> {
    let count = friends.count(&format!("friend{number}.hostname_count"));
    (1..count).map(|other| field(friends, number, &format!("hostname{other}"))).collect()
}

fn text(friends: &Facts<'_>) -> String {
    let mut out = format!("Number of Peers: {}\n", friends.int("count"));
    for number in numbers(friends) {
        let up = if connected(friends, number) { "Connected" } else { "Disconnected" };
        out += &format!(
            "\nHostname: {}\nUuid: {}\nState: {} ({up})\n",
            field(friends, number, "hostname"),
            field(friends, number, "uuid"),
            field(friends, number, "state"),
        );
        let others = other_names(friends, number);
        if !others.is_empty() {
            out += &format!("Other names:\n{}\n", others.join("\n"));
        }
    }
    out
}

fn pool_text(friends: &Facts<'_>) -> String {
    let widest =
        numbers(friends).map(|number| field(friends, number, "hostname").len()).max().unwrap_or(0).max(8);
    let mut out = format!("UUID\t\t\t\t\t{:widest$} \tState\n", "Hostname");
    for number in numbers(friends) {
        let up = if connected(friends, number) { "Connected" } else { "Disconnected" };
        let (uuid, host) = (field(friends, number, "uuid"), field(friends, number, "hostname"));
        out += &format!("{uuid}\t{host:widest$}\t{up} \n");
    }
    out
}

fn peer_element(friends: &Facts<'_>, number: i64) -> Element {
    let host = field(friends, number, "hostname");
    let peer = element("peer").leaf("uuid", field(friends, number, "uuid")).leaf("hostname", host);
    let names = std::iter::once(host).chain(other_names(friends, number));
    let names = names.map(|name| element("hostname").text(name));
    let mut peer = if field(friends, number, "hostname_count").is_empty() {
        peer
    } else {
        peer.child(element("hostnames").list("hostname", names))
    };
    peer = peer.number("connected", i32::from(connected(friends, number)));
    match friends.number(&format!("friend{number}.stateId")) {
        Some(state) => peer.number("state", state).leaf("stateStr", field(friends, number, "state")),
        None => peer,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Scripted;

    #[test]
    fn a_lone_node_has_no_peers() {
        let mut daemon = Scripted::default().reply((0, 0, ""), &[("count", "0")]);
        assert_eq!(daemon.run("peer status").out, "Number of Peers: 0\n");
        let mut daemon = Scripted::default().reply((0, 0, ""), &[("count", "0")]);
        assert!(
            daemon.run("peer status --xml").out.ends_with("  <opErrstr/>\n  <peerStatus/>\n</cliOutput>\n")
        );
    }
}
