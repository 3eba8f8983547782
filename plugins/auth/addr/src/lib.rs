//! `auth/addr`: votes on a client by the address it speaks from.
#![forbid(unsafe_code)]

mod list;

use std::net::IpAddr;

use plugin_api::auth::{Applicant, Authenticator, Vote};
use plugin_api::export_auth;
use plugin_api::options::{OptionValues, parse_bool};

use crate::list::List;

/// The authenticator.
#[derive(Debug)]
pub struct Addr;

export_auth!(Addr);

/// The first port that anybody may bind.
const FIRST_UNPRIVILEGED: u16 = 1024;

impl Authenticator for Addr {
    const NAME: &'static str = "addr";

    fn vote(options: &OptionValues, who: &Applicant) -> Vote {
        let brick = who.brick.as_str();
        let option = |key: String| options.get(&key);
        let reject = option(format!("auth.addr.{brick}.reject"));
        let allow =
            option(format!("auth.addr.{brick}.allow")).or_else(|| option(format!("auth.ip.{brick}.allow")));
        if reject.is_none() && allow.is_none() {
            return Vote::DontCare;
        }
        let peer = Peer::read(&who.peer);
        let insecure = options.get("rpc-auth-allow-insecure").and_then(parse_bool).unwrap_or(true);
        if !insecure && peer.port.is_some_and(|port| port >= FIRST_UNPRIVILEGED) {
            return Vote::Reject;
        }
        let folder = who.request.str("subdir-mount").unwrap_or("/");
        let holds = |list: Option<&str>| list.is_some_and(|list| List(list).holds(&peer, folder));
        if holds(reject) {
            Vote::Reject
        } else if holds(allow) {
            Vote::Accept
        } else {
            Vote::DontCare
        }
    }
}

/// Where somebody speaks from.
#[derive(Debug)]
pub(crate) struct Peer<'a> {
    /// The address as text, without its port; the path of a unix socket.
    pub(crate) text: &'a str,
    /// The address, unless it is a path.
    pub(crate) ip: Option<IpAddr>,
    port: Option<u16>,
}

impl<'a> Peer<'a> {
    /// Reads `host:port`, `[host]:port` or a path.
    fn read(peer: &'a str) -> Self {
        let split = if peer.starts_with('/') { None } else { peer.rsplit_once(':') };
        let (text, port) = match split {
            Some((host, port)) => (host.trim_start_matches('[').trim_end_matches(']'), port.parse().ok()),
            None => (peer, None),
        };
        // An IPv4 client of an IPv6 socket is an IPv4 client.
        Self { text, ip: text.parse().ok().map(|ip: IpAddr| ip.to_canonical()), port }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::Dict;

    fn vote(options: &[(&str, &str)], peer: &str, request: Dict) -> Vote {
        let options: OptionValues = options.iter().copied().collect();
        Addr::vote(
            &options,
            &Applicant { brick: "/b/1".into(), peer: peer.into(), request, ..Applicant::default() },
        )
    }

    const ALLOW: &str = "auth.addr./b/1.allow";
    const REJECT: &str = "auth.addr./b/1.reject";
    const PEER: &str = "192.168.1.7:49151";

    #[test]
    fn without_a_list_there_is_no_vote() {
        assert_eq!(vote(&[], PEER, Dict::new()), Vote::DontCare);
        assert_eq!(vote(&[("auth.addr./b/2.allow", "*")], PEER, Dict::new()), Vote::DontCare);
    }

    #[test]
    fn who_is_allowed_is_accepted_and_who_is_not_has_no_vote() {
        assert_eq!(vote(&[(ALLOW, "*")], PEER, Dict::new()), Vote::Accept);
        assert_eq!(vote(&[(ALLOW, "10.*,192.168.*")], PEER, Dict::new()), Vote::Accept);
        assert_eq!(vote(&[(ALLOW, "10.*")], PEER, Dict::new()), Vote::DontCare);
        assert_eq!(vote(&[("auth.ip./b/1.allow", "192.168.1.7")], PEER, Dict::new()), Vote::Accept);
    }

    #[test]
    fn a_rejection_goes_before_a_permission() {
        assert_eq!(vote(&[(ALLOW, "*"), (REJECT, "192.168.1.*")], PEER, Dict::new()), Vote::Reject);
        assert_eq!(vote(&[(ALLOW, "*"), (REJECT, "192.168.2.*")], PEER, Dict::new()), Vote::Accept);
        assert_eq!(vote(&[(REJECT, "192.168.2.*")], PEER, Dict::new()), Vote::DontCare);
    }

    #[test]
    fn unprivileged_ports_are_rejected_only_where_the_volume_says_so() {
        let strict = [(ALLOW, "*"), ("rpc-auth-allow-insecure", "off")];
        assert_eq!(vote(&strict, PEER, Dict::new()), Vote::Reject);
        assert_eq!(vote(&strict, "192.168.1.7:1023", Dict::new()), Vote::Accept);
        assert_eq!(vote(&strict, "/run/client.socket", Dict::new()), Vote::Accept);
    }

    #[test]
    fn a_folder_has_its_own_addresses() {
        let lists = [(ALLOW, "/a(10.0.0.1|192.168.1.7),/b(10.0.0.2)")];
        let mounts = |folder: &str| vote(&lists, PEER, Dict::new().with("subdir-mount", folder));
        assert_eq!((mounts("/a"), mounts("/b")), (Vote::Accept, Vote::DontCare));
        assert_eq!(vote(&lists, PEER, Dict::new()), Vote::DontCare, "the whole is not among them");
        assert_eq!(vote(&[(ALLOW, "/(192.168.*)")], PEER, Dict::new()), Vote::Accept);
    }

    #[test]
    fn however_a_folder_is_written_its_lists_are_for_it() {
        let lists = [(ALLOW, "*"), (REJECT, "/a/b/(192.168.1.*)")];
        let mounts = |folder: &str| vote(&lists, PEER, Dict::new().with("subdir-mount", folder));
        for folder in ["/a/b", "/a/b/", "//a//b", "a/b", "a/b//"] {
            assert_eq!(mounts(folder), Vote::Reject, "{folder}");
        }
        for folder in ["/", "", "/a", "/a/b/c", "/a/bc"] {
            assert_eq!(mounts(folder), Vote::Accept, "{folder}");
        }
        let whole = [(ALLOW, "*"), (REJECT, "/(192.168.1.*)")];
        for folder in ["/", "//", ""] {
            let asked = Dict::new().with("subdir-mount", folder);
            assert_eq!(vote(&whole, PEER, asked), Vote::Reject, "{folder}");
        }
    }

    #[test]
    fn what_follows_the_addresses_of_a_folder_is_not_one_of_them() {
        for list in ["/(192.168.1.7", "/(192.168.1.7)x", "/(10.0.0.1|192.168.1.7))", "/(|192.168.1.7|)"] {
            assert_eq!(vote(&[(ALLOW, list)], PEER, Dict::new()), Vote::Accept, "{list}");
        }
    }

    #[test]
    fn an_address_of_version_6_is_read_with_and_without_brackets() {
        for peer in ["[fe80::1]:49151", "fe80::1:49151"] {
            assert_eq!(vote(&[(ALLOW, "fe80::/16")], peer, Dict::new()), Vote::Accept, "{peer}");
        }
        assert_eq!(
            vote(&[(ALLOW, "192.168.0.0/16")], "[::ffff:192.168.1.7]:1000", Dict::new()),
            Vote::Accept
        );
    }
}
