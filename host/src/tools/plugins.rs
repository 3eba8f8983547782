//! `mortar plugin`: what plugins there are, and what one declares.
use std::fmt::Write;
use std::path::{Path, PathBuf};

use abi_stable::std_types::{ROption, RString};
use plugin_api::abi::root::{PluginRootRef, XlatorModuleRef};
use plugin_api::options::{OptionDecl, OptionKind};
use plugin_api::{UnknownFops, fop};

use super::{ToolError, print};
use crate::graph::check::position_words;
use crate::graph::section;
use crate::loader::{Found, Loader};

/// Prints a line for each plugin, and fails when one of them cannot be used.
pub(super) fn list(loader: &Loader, folders: &[PathBuf]) -> Result<(), ToolError> {
    let found = loader.list();
    if found.is_empty() {
        let folders: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
        return print(&format!("no plugin is there; searched {}\n", folders.join(", ")));
    }
    let width = found.iter().map(|plugin| plugin.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    let mut unusable = 0;
    for Found { name, path, root, belongs } in &found {
        unusable += usize::from(root.is_err() || belongs.is_some());
        let words = match (root, belongs) {
            (Err(error), _) => format!("CANNOT BE USED: {error}"),
            (Ok(_), Some(home)) => {
                format!("IS NOT FOUND: {} is no place for it; move it to {home}", path.display())
            }
            (Ok(root), None) => summary(root),
        };
        put(&mut text, format_args!("{name:width$}  {words}\n"));
    }
    print(&text)?;
    if unusable == 0 { Ok(()) } else { Err(ToolError::Unusable { count: unusable }) }
}

/// Prints what one plugin declares; `plugin` is a type or a file.
pub(super) fn info(loader: &Loader, plugin: &str) -> Result<(), ToolError> {
    let mut known = loader.list();
    if let Some(at) = known.iter().position(|found| found.name == plugin || found.path == Path::new(plugin)) {
        let found = known.swap_remove(at);
        return print(&describe(&found.name, &found.path, &found.root?));
    }
    if plugin.ends_with(".so") {
        let (name, root) = at_path(Path::new(plugin))?;
        return print(&describe(&name, Path::new(plugin), &root));
    }
    // Says what is nearly called so, and where was searched.
    Err(loader.xlator(plugin).err().map_or(ToolError::NoPlugin { path: plugin.into() }, ToolError::Load))
}

/// The plugin in a file, found from the folder it would be installed below.
fn at_path(file: &Path) -> Result<(String, PluginRootRef), ToolError> {
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    // The nearest folder first: a flat file lies in it, others one or two below.
    for folder in file.ancestors().skip(1).take(4) {
        let found = Loader::new(vec![folder.to_owned()]).list();
        if let Some(found) = found.into_iter().find(|found| found.path == file) {
            return Ok((found.name, found.root?));
        }
    }
    Err(ToolError::NoPlugin { path: file })
}

/// Its version, and in its own words what it does: also what it does not do yet.
pub(super) fn summary(root: &PluginRootRef) -> String {
    let version = root.version();
    let does = match (root.xlator(), root.program()) {
        (ROption::RSome(module), _) => module.declare().doc.to_string(),
        (_, ROption::RSome(module)) => format!("program {} version {}", module.number(), module.version()),
        _ if root.transport().is_some() => "transport".to_owned(),
        _ => "authenticator".to_owned(),
    };
    format!("{version}  {does}")
}

fn describe(name: &str, path: &Path, root: &PluginRootRef) -> String {
    let mut text = format!("{name}\n");
    let mut line = |key: &str, value: &str| put(&mut text, format_args!("  {key:14}{value}\n"));
    line("file", &path.display().to_string());
    line("version", root.version().as_str());
    line("plugin-api", &root.abi().to_string());
    if let ROption::RSome(module) = root.xlator() {
        describe_xlator(&mut text, module);
    }
    text
}

fn describe_xlator(text: &mut String, module: XlatorModuleRef) {
    let declared = module.declare();
    let unknown = match declared.unknown_fops {
        UnknownFops::PASS => "pass by",
        UnknownFops::DECOMPOSE => "are taken apart, or fail with EOPNOTSUPP",
        // Denied, or a policy of later versions, which is denied too.
        _ => "fail with EOPNOTSUPP",
    };
    put(text, format_args!("  {:14}{}\n", "does", declared.doc));
    put(text, format_args!("  {:14}{} graphs\n", "stands in", position_words(declared.positions)));
    put(text, format_args!("  {:14}{unknown}\n", "unknown fops"));
    let fops: Vec<&str> = module.fops().iter().map(|slot| fop::name(slot.code).unwrap_or("?")).collect();
    let fops = if fops.is_empty() { "none".to_owned() } else { fops.join(" ") };
    put(text, format_args!("  {:14}{fops}\n", "fops"));
    for option in &declared.options.0 {
        describe_option(text, option);
    }
    put(text, format_args!("  and, as every translator:\n"));
    for option in &section::declared().0 {
        describe_option(text, option);
    }
}

fn describe_option(text: &mut String, option: &OptionDecl) {
    let keys: Vec<&str> = option.keys.iter().map(RString::as_str).collect();
    put(text, format_args!("  option {}: {}", keys.join(", "), kind(option)));
    match (option.min, option.max) {
        (ROption::RSome(min), ROption::RSome(max)) => put(text, format_args!(" from {min} to {max}")),
        (ROption::RSome(min), _) => put(text, format_args!(" of {min} or more")),
        (_, ROption::RSome(max)) => put(text, format_args!(" of {max} or less")),
        _ => {}
    }
    if let ROption::RSome(default) = &option.default {
        put(text, format_args!(", default {default}"));
    }
    for (flag, words) in [(option.required, "required"), (option.reconfigurable, "changes while it runs")] {
        if flag {
            put(text, format_args!(", {words}"));
        }
    }
    put(text, format_args!("\n      {}\n", option.help));
}

fn kind(option: &OptionDecl) -> String {
    match option.kind {
        OptionKind::TEXT => "text",
        OptionKind::INT => "a whole number",
        OptionKind::SIZE => "a size",
        OptionKind::PERCENT => "a percentage",
        OptionKind::PERCENT_OR_SIZE => "a percentage or a size",
        OptionKind::BOOL => "on or off",
        OptionKind::TIME => "a duration",
        OptionKind::DOUBLE => "a number",
        OptionKind::PATH => "an absolute path",
        OptionKind::CHOICE => {
            let words: Vec<&str> = option.choices.iter().map(RString::as_str).collect();
            return format!("one of {}", words.join(", "));
        }
        _ => "a value of a kind that this host does not know",
    }
    .to_owned()
}

fn put(text: &mut String, words: std::fmt::Arguments<'_>) {
    text.write_fmt(words).expect("a string takes everything");
}
