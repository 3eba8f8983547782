//! Limits of the process.
use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The open files a management daemon asks for.
const OPEN_FILES: u64 = 65_536;

/// A limit that could not be set.
#[derive(Debug, thiserror::Error)]
pub enum LimitError {
    /// The adjustment for the out-of-memory killer.
    #[error("oom score adjustment {value}: {source}")]
    OomScore {
        /// What was asked for.
        value: i32,
        /// Why it was refused.
        source: io::Error,
    },
}

/// Asks for core files of any size and for many open files, as far as this user may.
pub fn raise_limits() {
    raise(Resource::Core, None);
    let files = getrlimit(Resource::Nofile);
    if files.current.is_some_and(|current| current < OPEN_FILES) {
        raise(Resource::Nofile, Some(OPEN_FILES));
    }
}

/// Sets how readily the kernel ends this process when memory runs out, from -1000 to 1000.
/// # Errors
/// Going below the present value needs privilege.
pub fn set_oom_score(value: i32) -> Result<(), LimitError> {
    std::fs::write("/proc/self/oom_score_adj", value.to_string())
        .map_err(|source| LimitError::OomScore { value, source })
}

/// Raises a limit to `wanted` (none is no limit), or as near to it as its hard limit lets it.
fn raise(resource: Resource, wanted: Option<u64>) {
    if setrlimit(resource, Rlimit { current: wanted, maximum: wanted }).is_ok() {
        return;
    }
    let maximum = getrlimit(resource).maximum;
    let current = match (wanted, maximum) {
        (Some(wanted), Some(maximum)) => Some(wanted.min(maximum)),
        (limit, None) | (None, limit) => limit,
    };
    // Within the hard limit this is always allowed; a refusal leaves what was there, which is no fault of ours.
    let _ = setrlimit(resource, Rlimit { current, maximum });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_open_file_limit_never_sinks() {
        let before = getrlimit(Resource::Nofile).current;
        raise_limits();
        let after = getrlimit(Resource::Nofile).current;
        assert!(after.is_none_or(|after| before.is_some_and(|before| after >= before)));
    }

    #[test]
    fn an_oom_score_out_of_range_is_refused() {
        let error = set_oom_score(5000).unwrap_err();
        assert!(error.to_string().starts_with("oom score adjustment 5000: "), "{error}");
    }
}
