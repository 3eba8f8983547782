//! As much of the host's loader as decides whether a plugin fits; the files beside this one are the host's own.
#![allow(unsafe_code, dead_code, reason = "the host's own parts open libraries, and know more reasons than these")]

mod check;
mod compare;
mod error;
mod open;

use std::path::PathBuf;

use plugin_api::abi::root::XlatorModuleRef;

pub use error::LoadError;

/// Opens translators below a folder.
pub struct Loader(PathBuf);

impl Loader {
    /// Opens `xlator/<type>.so` below `folder`.
    pub fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// The translator of a type.
    pub fn xlator(&self, type_name: &str) -> Result<XlatorModuleRef, LoadError> {
        let root = open::root(&self.0.join("xlator").join(format!("{type_name}.so")), 0)?;
        root.attach()(plugin_testkit::attach());
        Ok(root.xlator().into_option().expect("these are translators"))
    }
}
