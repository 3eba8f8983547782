//! Shows the faults of a volfile: place, line, what was expected, the way out.
use std::fmt::Display;

use ariadne::{CharSet, Config, IndexType, Label, Report, ReportKind, sources};

use super::ast::Span;

/// Something wrong with a text: its words are its `Display`.
pub trait Pointed: Display {
    /// Its place, if it has one.
    fn at(&self) -> Option<Span>;

    /// Words for the place itself.
    fn label(&self) -> String;

    /// Other places that belong to it, with words for each.
    fn others(&self) -> Vec<(Span, String)> {
        Vec::new()
    }

    /// What to do about it, where that is not plain from the message.
    fn help(&self) -> Option<String>;
}

/// The faults as plain ASCII text for logs and pipes, one after the other.
pub fn plain(origin: &str, text: &str, faults: &[impl Pointed]) -> String {
    render(origin, text, faults, config().with_color(false).with_char_set(CharSet::Ascii))
}

/// The faults in colour, for a terminal.
pub fn terminal(origin: &str, text: &str, faults: &[impl Pointed]) -> String {
    render(origin, text, faults, config())
}

fn config() -> Config {
    Config::default().with_index_type(IndexType::Byte).with_tab_width(4)
}

fn render(origin: &str, text: &str, faults: &[impl Pointed], config: Config) -> String {
    let mut out = Vec::new();
    for fault in faults {
        match fault.at() {
            Some(at) => pointed(origin, text, fault, at, config, &mut out),
            None => {
                let help = fault.help().map(|help| format!("\n  Help: {help}")).unwrap_or_default();
                out.extend_from_slice(format!("Error: {origin}: {fault}{help}\n").as_bytes());
            }
        }
    }
    let drawn = String::from_utf8_lossy(&out);
    drawn.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn pointed(origin: &str, text: &str, fault: &impl Pointed, at: Span, config: Config, out: &mut Vec<u8>) {
    let id = origin.to_owned();
    let mut report =
        Report::build(ReportKind::Error, (id.clone(), at.clone())).with_config(config).with_message(fault);
    // From top to bottom, so that they share one drawing.
    let mut places = fault.others();
    places.push((at, fault.label()));
    places.sort_by_key(|(place, _)| place.start);
    for (place, words) in places {
        report = report.with_label(Label::new((id.clone(), place)).with_message(words));
    }
    if let Some(help) = fault.help() {
        report = report.with_help(help);
    }
    let cache = sources([(id, text.to_owned())]);
    if report.finish().write(cache, &mut *out).is_err() {
        out.extend_from_slice(format!("Error: {origin}: {fault}\n").as_bytes());
    }
}
