//! `volume set help` and `help-xml`: every option, its default, and what it does.

use crate::options::texts::text;
use crate::options::{Flags, TABLE};
use crate::user_xlators;
use crate::user_xlators::help::Line;
use crate::user_xlators::plugins::Plugins;
use gluster_xdr::cli::CliRsp;
use plugin_api::Dict;
use std::collections::HashSet;
use std::fmt::Write;

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Lines for people.
    Lines,
    /// A document for programs.
    Xml,
}

impl Form {
    /// What is asked for by the word in the place of a volume's name.
    #[must_use]
    pub fn of(request: &Dict) -> Option<Self> {
        match request.str("volname")? {
            "help" => Some(Self::Lines),
            "help-xml" => Some(Self::Xml),
            _ => None,
        }
    }
}

/// Answers `volume set help`.
#[must_use]
pub fn answer(form: Form, request: Dict, plugins: &dyn Plugins) -> CliRsp {
    let text = match form {
        Form::Lines => lines(plugins),
        Form::Xml => xml(plugins),
    };
    CliRsp { dict: request.with("help-str", text), ..CliRsp::default() }
}

/// Name, default and text of each option that is shown; one that the table has for several translators is shown once.
///
/// Those of the translators that are installed beside ours come last.
fn shown(plugins: &dyn Plugins) -> impl Iterator<Item = Line> {
    let mut seen = HashSet::new();
    let own = TABLE.iter().filter(|option| option.flags.has(Flags::SHOWN)).filter_map(move |option| {
        let text = text(option.name)?;
        let default = option.value.or(option.default).unwrap_or("(null)");
        let owned = || (option.name.to_owned(), default.to_owned(), text.to_owned());
        seen.insert(option.name).then(owned)
    });
    own.chain(user_xlators::help::lines(plugins))
}

fn lines(plugins: &dyn Plugins) -> String {
    let mut out = String::new();
    for (name, default, text) in shown(plugins) {
        let _ = write!(out, "Option: {name}\nDefault Value: {default}\nDescription: {text}\n\n");
    }
    out
}

/// One line without blanks between the elements, as the incumbent writes it.
fn xml(plugins: &dyn Plugins) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<options>");
    for (name, default, text) in shown(plugins) {
        let (default, text) = (escaped(&default), escaped(&text));
        let _ = write!(
            out,
            "<option><defaultValue>{default}</defaultValue><description>{text}</description><name>{name}</name></option>"
        );
    }
    out.push_str("</options>\n");
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user_xlators::plugins::NoPlugins;

    #[test]
    fn help_shows_each_option_once_with_its_default_and_what_it_does() {
        let text = lines(&NoPlugins);
        assert!(text.starts_with("Option: cluster.lookup-unhashed\nDefault Value: on\nDescription: "));
        assert!(text.contains("\n\nOption: cluster.quorum-count\nDefault Value: (null)\nDescription: "));
        assert!(text.contains("\nOption: network.ping-timeout\nDefault Value: 42\n"));
        assert_eq!(text.matches("\nOption: performance.cache-size\n").count(), 1);
        assert!(!text.contains("debug."), "options for developers are not shown");
    }

    #[test]
    fn every_option_that_is_to_be_shown_has_a_text() {
        let gone = |name: &str| {
            name.starts_with("nfs.")
                || ["cluster.readdir-failover", "client.ta-brick-port", "storage.xattr-user-namespace-mode"]
                    .contains(&name)
        };
        let bare =
            TABLE.iter().filter(|option| option.flags.has(Flags::SHOWN) && text(option.name).is_none());
        let bare: Vec<_> = bare.map(|option| option.name).filter(|name| !gone(name)).collect();
        assert_eq!(bare, [""; 0]);
    }

    #[test]
    fn help_for_programs_is_one_document() {
        let text = xml(&NoPlugins);
        let [open, close] = ["<option>", "</option>"].map(|tag| text.matches(tag).count());
        assert!(open == close && open == lines(&NoPlugins).matches("Option: ").count());
        assert_eq!(escaped("a<b&c>"), "a&lt;b&amp;c&gt;");
    }
}
