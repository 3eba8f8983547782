//! What `volume set help` says of installed translators that volumes do not have by themselves.

use super::places::legal;
use super::plugins::{Plugins, resolve};
use crate::options::TABLE;
use abi_stable::std_types::RString;
use plugin_api::options::OptionDecl;

/// Translators that graphs have without anybody setting an option that is theirs in the table.
const BY_THEMSELVES: [&str; 14] = [
    "debug/delay-gen",
    "debug/error-gen",
    "debug/trace",
    "features/access-control",
    "features/arbiter",
    "features/cdc",
    "features/index",
    "features/mac-compat",
    "features/namespace",
    "features/sdfs",
    "features/selinux",
    "system/posix-acl",
    "features/gfid-access",
    "meta",
];

/// Name, default and text of an option.
pub type Line = (String, String, String);

/// A line for the place of each translator, and one for each of its options.
#[must_use]
pub fn lines(plugins: &dyn Plugins) -> Vec<Line> {
    let mut types = plugins.types();
    types.retain(|name| !BY_THEMSELVES.contains(&name.as_str()) && !TABLE.iter().any(|o| o.xlator == name));
    types.sort();
    types.iter().flat_map(|type_name| of_one(plugins, type_name)).collect()
}

fn of_one(plugins: &dyn Plugins, type_name: &str) -> Vec<Line> {
    let name = type_name.rsplit('/').next().unwrap_or(type_name);
    let Ok(declared) = plugins.declaration(type_name) else { return Vec::new() };
    let (Some(legal), Ok(_)) = (legal(declared.positions), resolve(plugins, name)) else { return Vec::new() };
    let place = (
        format!("user.xlator.{name}"),
        "(null)".to_owned(),
        format!("Puts {type_name} ({}) into the volume's graphs. It may stand {legal}.", declared.doc),
    );
    let option = |option: &OptionDecl| {
        let key = option.keys.first().map_or("", RString::as_str);
        let default = option.default.as_ref().map_or("(null)", RString::as_str);
        (format!("user.xlator.{name}.{key}"), default.to_owned(), option.help.to_string())
    };
    std::iter::once(place).chain(declared.options.0.iter().map(option)).collect()
}
