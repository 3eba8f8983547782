//! GETSPEC: which volfile a key means, and its text.

use crate::daemon::Daemon;
use crate::volume::is_valid_name;
use plugin_api::{Dict, Errno};
use std::path::PathBuf;

/// The longest key, one byte short of it.
const MAX_KEY: usize = 255;

/// Answers GETSPEC. It reads a file, so it may block.
///
/// Trusted callers (this machine's) get the volfile that holds the volume's user name and password.
///
/// # Errors
/// `EINVAL` for a key that cannot be one, `ENOENT` for one that means nothing.
pub fn answer(daemon: &Daemon, key: &[u8], is_trusted: bool, client_level: u32) -> Result<Vec<u8>, Errno> {
    let key = std::str::from_utf8(key).map_err(|_| Errno::EINVAL)?.trim_end_matches('\0');
    if key.is_empty() || key.len() >= MAX_KEY || key.contains('\0') {
        return Err(Errno::EINVAL);
    }
    let key = key.strip_prefix('/').unwrap_or(key);
    if key.starts_with("snaps/") {
        return Err(Errno::ENOENT);
    }
    let files = candidates(daemon, key, is_trusted)?;
    if let Some(volume) = daemon.volume(&files.volume)
        && client_level < volume.volume.client_op_version
    {
        return Err(Errno::EOPNOTSUPP);
    }
    let read = files.names.iter().find_map(|name| std::fs::read(files.folder.join(name)).ok());
    read.filter(|text| !text.is_empty()).ok_or(Errno::ENOENT)
}

/// What a caller is told beside the volfile: the self-heal daemon, which pid file stands for the volume.
#[must_use]
pub fn beside(daemon: &Daemon, key: &str) -> Dict {
    let volume = key.trim_end_matches('\0').trim_start_matches('/').strip_prefix("shd/");
    match volume.filter(|volume| is_valid_name(volume)) {
        Some(volume) => {
            let pidfile = daemon.config.paths.self_heal_pidfile(volume);
            Dict::new().with("pidfile", pidfile.display().to_string())
        }
        None => Dict::new(),
    }
}

/// Where a key may lie: one folder, and names in it.
struct Files {
    folder: PathBuf,
    /// The volume, where the key belongs to one.
    volume: String,
    names: Vec<String>,
}

fn candidates(daemon: &Daemon, key: &str, is_trusted: bool) -> Result<Files, Errno> {
    let paths = &daemon.config.paths;
    let of_volume = |volume: &str, names: Vec<String>| {
        // Names come from the wire: one path part each, in the folder of a volume that is there.
        let is_part = |name: &String| !name.contains('/') && !name.starts_with('.');
        if !is_valid_name(volume) || !names.iter().all(is_part) || daemon.volume(volume).is_none() {
            return Err(Errno::ENOENT);
        }
        Ok(Files { folder: paths.volume(volume), volume: volume.to_owned(), names })
    };
    let behind = |word: &str| key.split_once(word).map(|(_, rest)| rest);
    if let Some(volume) = behind("snapd/") {
        return of_volume(volume, vec![format!("{volume}-snapd.vol")]);
    }
    if let Some(service) = behind("gluster/") {
        let file = match service {
            "quotad" => "quotad.vol".to_owned(),
            "bitd" | "scrub" | "glustershd" => format!("{service}-server.vol"),
            _ => return Err(Errno::ENOENT),
        };
        return Ok(Files { folder: paths.work.join(service), volume: String::new(), names: vec![file] });
    }
    if let Some(volume) = behind("gfproxy-client/") {
        return of_volume(volume, vec![format!("trusted-{volume}.tcp-gfproxy-fuse.vol")]);
    }
    if let Some(volume) = behind("gfproxyd/") {
        return of_volume(volume, vec![format!("{volume}.gfproxyd.vol")]);
    }
    if let Some(volume) = behind("shd/") {
        return of_volume(volume, vec![format!("{volume}-shd.vol")]);
    }
    if let Some(volume) = behind("rebalance/") {
        return of_volume(volume, vec![format!("{volume}-rebalance.vol")]);
    }
    if let Some(file) = behind("client_per_brick/") {
        let volume = file.split('.').next().unwrap_or_default();
        return of_volume(volume, vec![file.to_owned()]);
    }
    let trusted = if is_trusted { "trusted-" } else { "" };
    let volume = match key.split_once('.') {
        Some((volume, _)) if daemon.volume(key).is_none() => volume,
        _ => key,
    };
    let client = if key.contains('.') {
        format!("{trusted}{key}-fuse.vol")
    } else {
        format!("{trusted}{key}.tcp-fuse.vol")
    };
    of_volume(volume, vec![format!("{key}.vol"), client])
}
