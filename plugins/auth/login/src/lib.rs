//! `auth/login`: votes on a client by its user name and password, or by the name in its certificate.
#![forbid(unsafe_code)]

use plugin_api::auth::{Applicant, Authenticator, Vote};
use plugin_api::options::{OptionValues, parse_bool};
use plugin_api::{export_auth, glob};

/// The authenticator.
#[derive(Debug)]
pub struct Login;

export_auth!(Login);

impl Authenticator for Login {
    const NAME: &'static str = "login";

    fn vote(options: &OptionValues, who: &Applicant) -> Vote {
        let brick = who.brick.as_str();
        if !who.tls_name.is_empty() {
            return match options.get(&format!("auth.login.{brick}.ssl-allow")) {
                Some(list) => by_certificate(list, &who.tls_name),
                None => Vote::DontCare,
            };
        }
        let strict = options.get("strict-auth-accept").and_then(parse_bool).unwrap_or(false);
        let unknown = if strict { Vote::Reject } else { Vote::DontCare };
        let (Some(user), Some(password)) = (who.request.str("username"), who.request.str("password")) else {
            return unknown;
        };
        let allowed = options.get(&format!("auth.login.{brick}.allow")).unwrap_or_default();
        if user.is_empty() || !words(allowed).any(|word| word == user) {
            return unknown;
        }
        match options.get(&format!("auth.login.{user}.password")) {
            Some(expected) if is_same(expected.as_bytes(), password.as_bytes()) => Vote::Accept,
            _ => Vote::Reject,
        }
    }
}

fn by_certificate(list: &str, name: &str) -> Vote {
    let is_listed = words(list).any(|pattern| glob::matches(pattern.as_bytes(), name.as_bytes()));
    if is_listed { Vote::Accept } else { Vote::Reject }
}

fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split([',', ' ', '\t']).filter(|word| !word.is_empty())
}

/// Compares without telling by its time where the first difference is.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::Dict;

    const OPTIONS: [(&str, &str); 3] = [
        ("auth.login./b/1.allow", "other,user"),
        ("auth.login.user.password", "secret"),
        ("auth.login./b/1.ssl-allow", "client*, server"),
    ];

    fn vote(more: &[(&str, &str)], request: Dict) -> Vote {
        let options: OptionValues = OPTIONS.iter().chain(more).copied().collect();
        Login::vote(&options, &Applicant { brick: "/b/1".into(), request, ..Applicant::default() })
    }

    fn user(name: &str, password: &str) -> Dict {
        Dict::new().with("username", name).with("password", password)
    }

    #[test]
    fn the_right_password_is_accepted_and_another_rejected() {
        assert_eq!(vote(&[], user("user", "secret")), Vote::Accept);
        assert_eq!(vote(&[], user("user", "guess")), Vote::Reject);
        assert_eq!(vote(&[], user("user", "")), Vote::Reject);
        assert_eq!(vote(&[], user("user", "secret2")), Vote::Reject);
    }

    #[test]
    fn a_listed_user_without_a_password_of_his_own_is_rejected() {
        assert_eq!(vote(&[], user("other", "")), Vote::Reject);
    }

    #[test]
    fn who_is_not_listed_or_says_nothing_has_no_vote() {
        assert_eq!(vote(&[], Dict::new()), Vote::DontCare);
        assert_eq!(vote(&[], Dict::new().with("username", "user")), Vote::DontCare);
        assert_eq!(vote(&[], user("", "")), Vote::DontCare);
        let stranger = [("auth.login.stranger.password", "secret")];
        assert_eq!(vote(&stranger, user("stranger", "secret")), Vote::DontCare);
    }

    #[test]
    fn strict_bricks_reject_who_is_not_listed() {
        let strict = [("strict-auth-accept", "on")];
        assert_eq!(vote(&strict, Dict::new()), Vote::Reject);
        assert_eq!(vote(&strict, user("stranger", "secret")), Vote::Reject);
        assert_eq!(vote(&strict, user("user", "secret")), Vote::Accept);
    }

    #[test]
    fn a_user_of_another_brick_has_no_vote_here() {
        let options: OptionValues = OPTIONS.into_iter().collect();
        let elsewhere =
            Applicant { brick: "/b/2".into(), request: user("user", "secret"), ..Applicant::default() };
        assert_eq!(Login::vote(&options, &elsewhere), Vote::DontCare);
    }

    #[test]
    fn a_certificate_decides_alone() {
        let named = |name: &str, options: &OptionValues| {
            let who = Applicant {
                brick: "/b/1".into(),
                tls_name: name.into(),
                request: user("user", "secret"),
                ..Applicant::default()
            };
            Login::vote(options, &who)
        };
        let options: OptionValues = OPTIONS.into_iter().collect();
        assert_eq!(named("client7", &options), Vote::Accept);
        assert_eq!(named("server", &options), Vote::Accept);
        assert_eq!(named("stranger", &options), Vote::Reject);
        assert_eq!(named("client7", &OptionValues::default()), Vote::DontCare);
    }
}
