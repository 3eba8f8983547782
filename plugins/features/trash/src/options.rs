//! What a volfile may say to `features/trash`.

use plugin_api::prelude::*;

/// What is kept and where, as the volume's options say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) on: bool,
    /// The folder's name, in the root.
    pub(crate) folder: String,
    /// Paths, without the slash they may begin with, below which nothing is kept.
    eliminated: Vec<String>,
    /// Larger files are not kept.
    pub(crate) max_size: u64,
    /// Whether what the cluster deletes by itself is kept, too.
    pub(crate) internal: bool,
}

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .bool("trash", "whether deleted files are kept")
        .default_value("off")
        .reconfigurable()
        .text("trash-dir", "name of the folder, in the root")
        .default_value(".trashcan")
        .reconfigurable()
        .text("trash-eliminate-path", "paths below which nothing is kept, with commas between them")
        .reconfigurable()
        .size("trash-max-filesize", "larger files are not kept")
        .default_value("5MB")
        .reconfigurable()
        .bool("trash-internal-op", "whether what the cluster deletes by itself is kept, too")
        .default_value("off")
        .reconfigurable()
        .text("brick-path", "path of the brick")
}

impl Settings {
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        let folder = cx.text("trash-dir")?.trim_end_matches('/').to_owned();
        if matches!(folder.as_str(), "" | "." | ".." | ".glusterfs") || folder.contains('/') {
            let name = cx.name();
            return Err(InitError(format!(
                "option `trash-dir` of {name} is `{folder}`, expected the name of a folder in the root"
            )));
        }
        let eliminated = cx.find("trash-eliminate-path").unwrap_or_default().split(',');
        let eliminated = eliminated.map(|path| path.trim().trim_matches('/').to_owned());
        Ok(Self {
            on: cx.bool("trash")?,
            folder,
            eliminated: eliminated.filter(|path| !path.is_empty()).collect(),
            max_size: cx.size("trash-max-filesize")?,
            internal: cx.bool("trash-internal-op")?,
        })
    }

    /// Whether nothing is kept of what lies at a path from the root.
    pub(crate) fn eliminates(&self, path: &[Vec<u8>]) -> bool {
        self.eliminated.iter().any(|eliminated| {
            let mut path = path.iter();
            eliminated.split('/').all(|part| path.next().is_some_and(|here| here == part.as_bytes()))
        })
    }
}
