//! Decides whether a plugin and this host speak the same language: versions first, then every type that both know.
//!
//! A plugin built for 1.x loads in every later 1.y, so nothing that one side lacks counts against the other: fops are
//! compared one by one where both know the number, tables as far as both reach.

use std::path::Path;

use abi_stable::StableAbi;
use abi_stable::library::LibHeader;
use plugin_api::abi::root::{ABI_VERSION, PluginRootRef, SHARED};
use plugin_api::fop::LAYOUTS;

use super::LoadError;
use super::compare::Comparison;

/// Whether the root of the plugin with this header is one that we may read.
pub(super) fn root_fits(path: &Path, header: &LibHeader, types: &mut Comparison) -> Result<(), LoadError> {
    let found = header.version_strings().version;
    let major = found.as_str().split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major != Some(ABI_VERSION.major) {
        let found = found.to_string();
        return Err(LoadError::Version { path: path.to_owned(), found, host: ABI_VERSION });
    }
    let Some(plugin) = header.layout() else {
        return Err(layout(path, found.as_str(), "it carries no description of its types".to_owned()));
    };
    let told = types.compare(plugin, PluginRootRef::LAYOUT);
    told.map_err(|difference| layout(path, found.as_str(), difference))
}

/// Whether the fops and the shared types that both sides know are the same.
pub(super) fn types_fit(path: &Path, root: PluginRootRef, types: &mut Comparison) -> Result<(), LoadError> {
    let needs = root.needs();
    if (needs.major, needs.minor) > (ABI_VERSION.major, ABI_VERSION.minor) {
        return Err(LoadError::TooNew { path: path.to_owned(), needs, host: ABI_VERSION });
    }
    let built = |difference| layout(path, &root.abi().to_string(), difference);
    for theirs in root.shared() {
        let Some(ours) = SHARED.iter().find(|ours| ours.name == theirs.name) else { continue };
        types.compare(theirs.layout, ours.layout).map_err(built)?;
    }
    for theirs in root.fops() {
        let Some(ours) = LAYOUTS.iter().find(|ours| ours.code == theirs.code) else { continue };
        if theirs.name != ours.name {
            let difference =
                format!("fop {} is `{}` in the plugin and `{}` here", ours.code, theirs.name, ours.name);
            return Err(built(difference));
        }
        let name = ours.name;
        for (theirs, ours) in [(theirs.args, ours.args), (theirs.reply, ours.reply)] {
            let told = types.compare(theirs, ours);
            told.map_err(|difference| built(format!("{difference}, in fop {name}")))?;
        }
    }
    Ok(())
}

fn layout(path: &Path, built: &str, difference: String) -> LoadError {
    LoadError::Layout { path: path.to_owned(), built: built.to_owned(), host: ABI_VERSION, difference }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_types_fit_themselves() {
        let mut types = Comparison::default();
        assert_eq!(types.compare(PluginRootRef::LAYOUT, PluginRootRef::LAYOUT), Ok(()));
        for shared in SHARED {
            assert_eq!(types.compare(shared.layout, shared.layout), Ok(()));
        }
        for fop in LAYOUTS {
            assert_eq!(types.compare(fop.args, fop.args), Ok(()));
            assert_eq!(types.compare(fop.reply, fop.reply), Ok(()));
        }
    }
}
