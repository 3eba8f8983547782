//! Compares a plugin's types with the host's, in both directions.
//!
//! abi_stable's own check is one-way: it refuses an old plugin as soon as a table of the host has grown. A plugin fits
//! when either side may be the older one, so the second direction is tried where the first fails.

use std::path::Path;

use abi_stable::StableAbi;
use abi_stable::abi_stability::abi_checking::check_layout_compatibility;
use abi_stable::library::LibHeader;
use plugin_api::abi::root::{ABI_VERSION, PluginRootRef};

use super::LoadError;

/// Whether the plugin with this header speaks our language.
pub(super) fn compatible(path: &Path, header: &LibHeader) -> Result<(), LoadError> {
    let found = header.version_strings().version;
    let major = found.as_str().split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major != Some(ABI_VERSION.major) {
        let found = found.to_string();
        return Err(LoadError::Version { path: path.to_owned(), found, host: ABI_VERSION });
    }
    let host = <PluginRootRef as StableAbi>::LAYOUT;
    let Some(plugin) = header.layout() else {
        return Err(layout(path, "it carries no description of its types"));
    };
    let Err(newer) = check_layout_compatibility(host, plugin) else { return Ok(()) };
    if check_layout_compatibility(plugin, host).is_ok() {
        return Ok(());
    }
    tracing::debug!(plugin = %path.display(), report = %newer, "layouts differ");
    Err(layout(path, &innermost(&newer.to_string())))
}

fn layout(path: &Path, difference: &str) -> LoadError {
    LoadError::Layout { path: path.to_owned(), host: ABI_VERSION, difference: difference.to_owned() }
}

/// The first error of a report that runs to thousands of lines, with the type it is in, on one line.
fn innermost(report: &str) -> String {
    let lines: Vec<_> = report.lines().map(str::trim).collect();
    let Some(at) = lines.iter().position(|line| line.starts_with("Error:")) else {
        return lines.into_iter().find(|line| !line.is_empty()).unwrap_or_default().to_owned();
    };
    let what = lines[at].trim_start_matches("Error:");
    let inside = lines[..at].iter().rev().find_map(|line| line.strip_prefix("type:")).map(str::trim);
    match inside {
        Some(inside) => format!("{what} in {inside}"),
        None => what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_types_fit_themselves() {
        let host = <PluginRootRef as StableAbi>::LAYOUT;
        assert!(check_layout_compatibility(host, host).is_ok());
    }

    #[test]
    fn a_long_report_becomes_its_first_error() {
        let report =
            "Compared <this>:\n  …\n type: Iatt\n  Error:too many fields\nExpected:\n 18\nFound:\n 16\n";
        assert_eq!(innermost(report), "too many fields in Iatt");
    }
}
