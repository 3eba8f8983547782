//! Opens one library and takes its root.

use std::path::{Path, PathBuf};

use abi_stable::library::{AbiHeaderRef, LibraryError, ROOT_MODULE_LOADER_NAME_WITH_NUL};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use plugin_api::abi::c::{self, C_ENTRY, CApi, CPlugin, CRefusal};
use plugin_api::abi::root::{ABI_VERSION, PluginRootRef};

use super::compare::Comparison;
use super::{LoadError, check};

/// The root of the plugin at `path`, checked. The library stays open for good; it is the `nth` file that was opened there,
/// from 0 on.
pub(super) fn root(path: &Path, nth: usize) -> Result<PluginRootRef, LoadError> {
    // SAFETY: running the initialisers of a library that the operator put into the plugin folder is what that folder
    // is for. NOW, so that a missing symbol is told here and not in the middle of a fop.
    let library = unsafe { Library::open(Some(&spelled(path, nth)), RTLD_NOW | RTLD_LOCAL) };
    let library =
        library.map_err(|e| LoadError::NotALibrary { path: path.to_owned(), why: linker_words(&e) })?;
    // SAFETY: the symbol is abi_stable's own, whose first bytes say which abi_stable wrote the rest.
    let header = unsafe { library.get::<AbiHeaderRef>(ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes()) }
        .map(|found| *found);
    // SAFETY: the symbol is ours, and this is its type in mortar.h.
    let in_c = unsafe { library.get::<CEntry>(C_ENTRY) }.map(|found| *found);
    // Thread-locals of the standard library in a plugin make closing it unsound: it is never closed.
    std::mem::forget(library);
    let header = match (header, in_c) {
        (Ok(header), _) => header,
        (Err(_), Ok(entry)) => return root_in_c(path, entry),
        (Err(_), Err(_)) => return Err(LoadError::NoRoot { path: path.to_owned() }),
    };
    let header = header.upgrade().map_err(|e| refused(path, &e))?;
    let mut types = Comparison::default();
    check::root_fits(path, header, &mut types)?;
    // SAFETY: `check` has compared the root with ours, and all that is reached through it.
    let root = unsafe { header.unchecked_layout::<PluginRootRef>() };
    let root = root.map_err(|e| LoadError::Root { path: path.to_owned(), why: e.to_string() })?;
    check::types_fit(path, root, &mut types)?;
    Ok(root)
}

/// The path in a spelling that was not used before: the linker knows libraries by it, and would hand out an older file.
fn spelled(path: &Path, nth: usize) -> PathBuf {
    let (Some(folder), Some(file)) = (path.parent(), path.file_name()) else { return path.to_owned() };
    let mut spelled = if folder.as_os_str().is_empty() { ".".into() } else { folder.as_os_str().to_owned() };
    spelled.push("/.".repeat(nth));
    spelled.push("/");
    spelled.push(file);
    if nth == 0 { path.to_owned() } else { spelled.into() }
}

type CEntry = unsafe extern "C" fn(&'static CApi) -> *const CPlugin;

/// The root of a plugin in C, checked by the numbers that its header gave it.
fn root_in_c(path: &Path, entry: CEntry) -> Result<PluginRootRef, LoadError> {
    // SAFETY: as mortar.h has it: the answer is static in the library, which is never closed.
    let adopted = unsafe { c::adopt(entry(c::api())) };
    let path = path.to_owned();
    adopted.map_err(|refusal| match refusal {
        CRefusal::Version { found } => {
            LoadError::Version { path, found: found.to_string(), host: ABI_VERSION }
        }
        CRefusal::TooNew { needs } => LoadError::TooNew { path, needs, host: ABI_VERSION },
        CRefusal::Layout { .. } => {
            let built = "1.x with another mortar.h".to_owned();
            LoadError::Layout { path, built, host: ABI_VERSION, difference: refusal.to_string() }
        }
        CRefusal::Short => LoadError::Root { path, why: refusal.to_string() },
    })
}

fn linker_words(error: &libloading::Error) -> String {
    let words = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    words.lines().next().unwrap_or_default().to_owned()
}

fn refused(path: &Path, error: &LibraryError) -> LoadError {
    let words = error.to_string();
    let why = words.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned();
    LoadError::Root { path: path.to_owned(), why }
}
