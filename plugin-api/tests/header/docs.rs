//! Reads the comments of plugin-api's own sources: what a type, a field or a constant says about itself.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// Comments by `Type`, `Type::field` or `Type::CONSTANT`.
pub(super) struct Docs(HashMap<String, Vec<String>>);

/// Numbers by constant, in the order of the source.
pub(super) type Numbers = Vec<(String, String)>;

impl Docs {
    /// Of every source below a folder.
    pub(super) fn read(folder: &Path) -> Self {
        let mut docs = Self(HashMap::new());
        docs.folder(folder);
        docs
    }

    fn folder(&mut self, folder: &Path) {
        for entry in
            fs::read_dir(folder).expect("sources are there").map(|entry| entry.expect("readable").path())
        {
            if entry.is_dir() {
                self.folder(&entry);
            } else {
                let node = entry.ends_with("abi/node.rs");
                self.source(&fs::read_to_string(&entry).expect("a source is text"), node);
            }
        }
    }

    fn source(&mut self, source: &str, node: bool) {
        let (mut comment, mut of) = (Vec::new(), String::new());
        for line in source.lines().map(str::trim) {
            if let Some(words) = line.strip_prefix("///") {
                comment.push(plain(words.trim()));
                continue;
            }
            if line.starts_with('#') || line.is_empty() {
                continue;
            }
            let word = |prefix: &str| {
                let rest = line.strip_prefix(prefix)?;
                Some(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?.to_owned())
            };
            if let Some(name) = word("pub struct ").or_else(|| word("pub enum ")) {
                of = if node && name == "Link" { "node::Link".to_owned() } else { name };
                self.0.entry(of.clone()).or_insert(std::mem::take(&mut comment));
            } else if let Some(name) = word("pub ").filter(|name| line.contains(&format!("{name}:"))) {
                self.0.entry(format!("{of}::{name}")).or_insert(std::mem::take(&mut comment));
            }
            comment.clear();
        }
    }

    /// The first paragraph of a comment, in lines.
    pub(super) fn of(&self, name: &str) -> &[String] {
        let all = self.0.get(name).map_or(&[][..], Vec::as_slice);
        let end = all.iter().position(String::is_empty).unwrap_or(all.len());
        &all[..end]
    }
}

/// Without the marks of a Rust comment: links are their words.
fn plain(words: &str) -> String {
    let mut plain = String::new();
    let mut rest = words;
    while let Some((before, after)) = rest.split_once(']') {
        plain.push_str(before);
        rest = match after.strip_prefix('(') {
            Some(link) => link.split_once(')').map_or("", |(_, after)| after),
            None => after,
        };
    }
    plain.push_str(rest);
    plain.replace('[', "").replace('`', "'").replace("super::", "")
}

/// The constants of a source, written as `pub const NAME: Self = Self(4);` or `NAME = 4,`.
pub(super) fn numbers(source: &Path) -> Numbers {
    let text = fs::read_to_string(source).expect("a source is text");
    let named = |line: &str| {
        let (name, rest) = match line.strip_prefix("pub const ") {
            Some(rest) => rest.split_once(": Self = Self(")?,
            None => line
                .split_once(" = ")
                .filter(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))?,
        };
        let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
        (!number.is_empty()).then(|| (name.to_owned(), number))
    };
    text.lines().map(str::trim).filter_map(named).collect()
}
