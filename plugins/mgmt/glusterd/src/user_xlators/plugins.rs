//! Which installed translator a name means, and what it declares.

use crate::ops::shown;
use plugin_api::Declaration;
use plugin_api::open;
use plugin_api::options::Options;
use std::fmt::Debug;

/// The translators that are installed on this node.
pub trait Plugins: Debug + Send + Sync {
    /// Their types.
    fn types(&self) -> Vec<String>;

    /// What one of them declares.
    ///
    /// # Errors
    /// It cannot be opened; a sentence.
    fn declaration(&self, type_name: &str) -> Result<Declaration, String>;

    /// Options that the host takes for every translator, beside those that it declares.
    fn of_the_host(&self) -> Options;
}

/// Those that the host finds.
#[derive(Debug, Clone, Copy)]
pub struct Installed;

impl Plugins for Installed {
    fn types(&self) -> Vec<String> {
        open::xlators()
    }

    fn declaration(&self, type_name: &str) -> Result<Declaration, String> {
        open::xlator(type_name).map(|module| module.declare())
    }

    fn of_the_host(&self) -> Options {
        open::host_options()
    }
}

/// None at all: what a volume names is taken for what the incumbent would take it for.
#[derive(Debug, Clone, Copy)]
pub struct NoPlugins;

impl Plugins for NoPlugins {
    fn types(&self) -> Vec<String> {
        Vec::new()
    }

    fn declaration(&self, type_name: &str) -> Result<Declaration, String> {
        Err(format!("there is no translator `{type_name}`"))
    }

    fn of_the_host(&self) -> Options {
        Options::new()
    }
}

/// Why a name means no translator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// None is called so.
    #[error(
        "no translator called {} is installed on this node: xlator/CATEGORY/{}.so was expected in the plugin folder \
         (`mortar plugin dir` names it, `mortar plugin list` shows what lies there)", shown(.0), shown(.0)
    )]
    Missing(String),
    /// Several are.
    #[error("{name} means more than one installed translator: {}; take one of them out of the plugin folder", types.join(", "))]
    Ambiguous {
        /// The name.
        name: String,
        /// The types that end in it.
        types: Vec<String>,
    },
}

/// The type that ends in `/NAME`.
///
/// # Errors
/// There is none, or more than one.
pub fn resolve(plugins: &dyn Plugins, name: &str) -> Result<String, Unresolved> {
    let is_meant = |type_name: &String| type_name.rsplit('/').next() == Some(name);
    let mut types: Vec<String> = plugins.types().into_iter().filter(is_meant).collect();
    match (types.pop(), types.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(last), false) => {
            types.push(last);
            types.sort();
            Err(Unresolved::Ambiguous { name: name.to_owned(), types })
        }
        (None, _) => Err(Unresolved::Missing(name.to_owned())),
    }
}

/// The type that a volfile gets for a name: what it means here, else what it means to the incumbent.
#[must_use]
pub fn type_of(plugins: &dyn Plugins, name: &str) -> String {
    resolve(plugins, name).unwrap_or_else(|_| format!("user/{name}"))
}
