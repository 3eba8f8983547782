//! Where plugin files lie: `<dir>/xlator/<category>/<name>.so` and its siblings, or flat, under cargo's name.

use std::path::{Path, PathBuf};

use plugin_api::abi::host::PluginKind;

use super::LoadError;
use crate::suggest;

/// The kinds of plugin with what messages call them and the folder they lie in.
const KINDS: [(PluginKind, &str, &str); 4] = [
    (PluginKind::XLATOR, "translator", "xlator"),
    (PluginKind::TRANSPORT, "transport", "rpc-transport"),
    (PluginKind::PROGRAM, "RPC program", "rpc-program"),
    (PluginKind::AUTH, "authenticator", "auth"),
];

/// What messages call a kind.
pub(super) fn kind_name(kind: PluginKind) -> &'static str {
    KINDS
        .iter()
        .find(|known| known.0 == kind)
        .map_or("plugin of a kind that this host knows", |known| known.1)
}

/// Where plugins of a kind lie; those of a kind that only later hosts know, nowhere.
fn folder(kind: PluginKind) -> &'static str {
    KINDS.iter().find(|known| known.0 == kind).map_or("unknown", |known| known.2)
}

/// The name under which a folder of plugins shows a file: translators by type, others with their kind before it.
fn shown(kind: PluginKind, name: &str) -> String {
    if kind == PluginKind::XLATOR { name.to_owned() } else { format!("{}/{name}", folder(kind)) }
}

/// The other way round: the name of a plugin of this kind, when a file that is shown so is one.
pub(super) fn name_in(kind: PluginKind, shown: &str) -> Option<String> {
    let other = KINDS.iter().find(|known| {
        known.0 != PluginKind::XLATOR && shown.strip_prefix(known.2).is_some_and(|rest| rest.starts_with('/'))
    });
    match other {
        Some((found, _, place)) if *found == kind => Some(shown[place.len() + 1..].to_owned()),
        None if kind == PluginKind::XLATOR => Some(shown.to_owned()),
        _ => None,
    }
}

/// The file of a plugin.
pub(super) fn find(dirs: &[PathBuf], kind: PluginKind, name: &str) -> Result<PathBuf, LoadError> {
    let word = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if !name.split('/').all(word) {
        return Err(LoadError::BadName { name: name.to_owned() });
    }
    let (staged, flat) = (home(kind, name), flat_name(&shown(kind, name)));
    let places = dirs.iter().flat_map(|dir| [dir.join(&staged), dir.join(&flat)]);
    places.into_iter().find(|path| path.is_file()).ok_or_else(|| missing(dirs, kind, name))
}

fn missing(dirs: &[PathBuf], kind: PluginKind, name: &str) -> LoadError {
    let there: Vec<_> = all(dirs).into_iter().map(|entry| entry.name).collect();
    LoadError::Missing {
        kind: kind_name(kind),
        name: name.to_owned(),
        nearest: suggest::nearest(&shown(kind, name), there.iter().map(String::as_str)).map(str::to_owned),
        searched: dirs.to_vec(),
    }
}

/// A plugin file, as far as its path tells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// What it is called; of a flat file only nearly.
    pub(super) name: String,
    /// Where it lies.
    pub(super) path: PathBuf,
    /// Whether it lies flat in a folder of plugins: then only its declaration says its kind, and which `_` was what.
    pub(super) flat: bool,
}

/// Every plugin file in the folders, by name; what an earlier folder has hides what a later one has.
pub(super) fn all(dirs: &[PathBuf]) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    for dir in dirs {
        for (kind, ..) in KINDS {
            let top = dir.join(folder(kind));
            for path in libraries(&top) {
                let name = path.strip_prefix(&top).expect("found below it").with_extension("");
                found.push(Entry { name: shown(kind, &name.display().to_string()), path, flat: false });
            }
        }
        for path in files(dir) {
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            if let Some(crate_name) = stem.strip_prefix("lib") {
                // Which `_` of a flat file was a `/` its own declaration says; the first is where a category ends.
                let name = crate_name.replacen('_', "/", 1).replace('_', "-");
                found.push(Entry { name, path, flat: true });
            }
        }
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|entry| seen.insert(entry.name.clone()));
    found.sort();
    found
}

/// The libraries in a folder of plugins that lie where nothing is looked for.
pub(super) fn strays(dirs: &[PathBuf]) -> Vec<PathBuf> {
    // A folder without it is no folder of plugins but, say, cargo's, which is full of libraries that are none.
    let dirs = dirs.iter().filter(|dir| dir.join(folder(PluginKind::XLATOR)).is_dir());
    let mut found: Vec<PathBuf> = Vec::new();
    for dir in dirs {
        let is_flat =
            |path: &PathBuf| path.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b"lib"));
        found.extend(files(dir).into_iter().filter(|path| !is_flat(path)));
        for (kind, _, place) in KINDS {
            let too_deep = folders(&dir.join(place)).into_iter();
            let too_deep = too_deep.flat_map(|category| folders(&category)).flat_map(|below| files(&below));
            found.extend(too_deep.filter(|_| kind == PluginKind::XLATOR));
        }
        let is_known = |path: &PathBuf| KINDS.iter().any(|(.., place)| path.ends_with(place));
        found.extend(folders(dir).iter().filter(|path| !is_known(path)).flat_map(|path| libraries(path)));
    }
    found.sort();
    found
}

/// Where a plugin of a kind is looked for, in a folder of plugins.
pub(super) fn home(kind: PluginKind, name: &str) -> String {
    format!("{}/{name}.so", folder(kind))
}

/// What a translator's file is called that lies flat in a folder of plugins.
pub(super) fn flat_name(type_name: &str) -> String {
    format!("lib{}.so", type_name.replace(['/', '-'], "_"))
}

fn libraries(top: &Path) -> Vec<PathBuf> {
    let mut found = files(top);
    found.extend(folders(top).iter().flat_map(|folder| files(folder)));
    found
}

fn folders(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.is_dir()).collect()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.extension().is_some_and(|e| e == "so") && path.is_file()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        dir
    }

    #[test]
    fn a_file_lies_in_its_category_or_flat_under_cargos_name() {
        let dir =
            folder_with(&["xlator/debug/trace.so", "libfeatures_write_cap.so", "rpc-transport/socket.so"]);
        let dirs = [dir.path().to_owned()];
        let find = |kind, name| find(&dirs, kind, name).map(|p| p.strip_prefix(&dirs[0]).unwrap().to_owned());
        assert_eq!(find(PluginKind::XLATOR, "debug/trace").unwrap(), Path::new("xlator/debug/trace.so"));
        assert_eq!(
            find(PluginKind::XLATOR, "features/write-cap").unwrap(),
            Path::new("libfeatures_write_cap.so")
        );
        assert_eq!(find(PluginKind::TRANSPORT, "socket").unwrap(), Path::new("rpc-transport/socket.so"));
        let names: Vec<_> = all(&dirs).into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["debug/trace", "features/write-cap", "rpc-transport/socket"]);
    }

    #[test]
    fn what_lies_where_nothing_is_looked_for_is_found_by_who_asks() {
        let stray = ["features/write-cap.so", "write-cap.so", "xlator/features/mine/write-cap.so"];
        let dir =
            folder_with(&[&["xlator/debug/trace.so", "libuser_a.so", "auth/addr.so"], &stray[..]].concat());
        let found = strays(&[dir.path().to_owned()]);
        let found: Vec<_> = found.iter().map(|path| path.strip_prefix(dir.path()).unwrap()).collect();
        assert_eq!(found, stray.map(Path::new));
        let cargos = folder_with(&["deps/libserde_derive.so", "other.so"]);
        assert_eq!(strays(&[cargos.path().to_owned()]), [] as [PathBuf; 0]);
    }

    #[test]
    fn an_earlier_folder_hides_a_later_one() {
        let (one, two) = (folder_with(&["xlator/a/b.so"]), folder_with(&["xlator/a/b.so"]));
        let dirs = [one.path().to_owned(), two.path().to_owned()];
        assert!(find(&dirs, PluginKind::XLATOR, "a/b").unwrap().starts_with(one.path()));
        assert_eq!(all(&dirs).len(), 1);
    }

    #[test]
    fn a_name_does_not_lead_out_of_the_folders() {
        for name in ["../evil", "/etc/passwd", "a//b", "", "a/b.so"] {
            assert!(matches!(find(&[], PluginKind::XLATOR, name), Err(LoadError::BadName { .. })), "{name}");
        }
    }

    #[test]
    fn a_slip_in_a_type_is_told_with_what_is_there() {
        let dir = folder_with(&["xlator/debug/trace.so"]);
        let error = find(&[dir.path().to_owned()], PluginKind::XLATOR, "debug/tarce").unwrap_err();
        assert!(error.to_string().contains("did you mean `debug/trace`?"), "{error}");
    }
}
