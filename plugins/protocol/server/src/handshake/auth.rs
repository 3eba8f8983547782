//! Who gets in: the authenticators that the options name, and how their votes are counted.

use plugin_api::auth::{Applicant, AuthModuleRef, Vote};
use plugin_api::options::OptionValues;
use plugin_api::{InitError, open};

/// The authenticators that take part.
#[derive(Debug, Default)]
pub(crate) struct Authenticators {
    modules: Vec<(String, AuthModuleRef)>,
}

/// What a client that is let in may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// It showed the volume's user name and password.
    pub(crate) trusted: bool,
}

/// The authenticator whose acceptance makes a client a trusted one.
const LOGIN: &str = "login";

impl Authenticators {
    /// The authenticators that have options in `values`.
    ///
    /// # Errors
    /// One that cannot be loaded.
    pub(crate) fn for_options(values: &OptionValues) -> Result<Self, InitError> {
        let modules = names(values).into_iter().map(|name| Ok((name.clone(), load(&name)?)));
        Ok(Self { modules: modules.collect::<Result<_, InitError>>()? })
    }

    /// Lets `who` in, or not.
    pub(crate) fn verdict(&self, values: &OptionValues, who: &Applicant) -> Option<Accepted> {
        count(self.modules.iter().map(|(name, module)| (name.as_str(), module.vote()(values, who))))
    }
}

/// Every `auth.NAME.…` asks for an authenticator; `ip` is an older name of `addr`.
fn names(values: &OptionValues) -> Vec<String> {
    let mut names: Vec<_> = values
        .iter()
        .filter_map(|(key, _)| key.strip_prefix("auth.")?.split_once('.'))
        .map(|(name, _)| if name == "ip" { "addr".to_owned() } else { name.to_owned() })
        .collect();
    names.sort();
    names.dedup();
    names
}

fn load(name: &str) -> Result<AuthModuleRef, InitError> {
    open::authenticator(name).map_err(|why| InitError(format!("authenticator `{name}`: {why}")))
}

/// One rejection rejects; without it, one acceptance accepts; without either, the client is rejected.
fn count<'a>(votes: impl Iterator<Item = (&'a str, Vote)>) -> Option<Accepted> {
    let mut accepted = None::<Accepted>;
    for (name, vote) in votes {
        match vote {
            Vote::Reject => return None,
            Vote::Accept => {
                let trusted = name == LOGIN || accepted.is_some_and(|accepted| accepted.trusted);
                accepted = Some(Accepted { trusted });
            }
            Vote::DontCare => {}
        }
    }
    accepted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(votes: &[(&str, Vote)]) -> Option<bool> {
        count(votes.iter().copied()).map(|accepted| accepted.trusted)
    }

    #[test]
    fn one_rejection_rejects_whatever_the_others_say() {
        assert_eq!(verdict(&[("addr", Vote::Accept), ("login", Vote::Reject)]), None);
        assert_eq!(verdict(&[("addr", Vote::Reject), ("login", Vote::Accept)]), None);
    }

    #[test]
    fn who_nobody_accepts_stays_out() {
        assert_eq!(verdict(&[]), None);
        assert_eq!(verdict(&[("addr", Vote::DontCare), ("login", Vote::DontCare)]), None);
    }

    #[test]
    fn only_a_login_makes_a_client_trusted() {
        assert_eq!(verdict(&[("addr", Vote::Accept), ("login", Vote::DontCare)]), Some(false));
        assert_eq!(verdict(&[("addr", Vote::Accept), ("login", Vote::Accept)]), Some(true));
        assert_eq!(verdict(&[("login", Vote::Accept), ("addr", Vote::Accept)]), Some(true));
        assert_eq!(verdict(&[("addr", Vote::DontCare), ("login", Vote::Accept)]), Some(true));
    }

    #[test]
    fn the_options_say_who_votes() {
        let values: OptionValues = [
            ("auth.login./b/1.allow", "user"),
            ("auth.login.user.password", "secret"),
            ("auth.ip./b/1.allow", "*"),
            ("auth-path", "/b/1"),
            ("transport-type", "tcp"),
        ]
        .into_iter()
        .collect();
        assert_eq!(names(&values), ["addr", "login"]);
    }
}
