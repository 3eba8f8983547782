//! Options whose values are checked by rules, and refused with words, of their own.

use super::addresses::is_list;
use super::kind::WrongValue;
use super::words::{parse_bool, parse_int};

type Checked = Result<(), WrongValue>;

fn accept_if(fits: bool, refusal: impl FnOnce() -> String) -> Checked {
    if fits { Ok(()) } else { Err(WrongValue(refusal())) }
}

/// A boolean that is checked before any translator sees it.
pub(super) fn boolean(name: &str, value: &str) -> Checked {
    accept_if(parse_bool(value).is_some(), || {
        format!("{value} is not a valid boolean value. {name} expects a valid boolean value.")
    })
}

/// A boolean, refused without naming it.
pub(super) fn on_off(_: &str, value: &str) -> Checked {
    accept_if(parse_bool(value).is_some(), || {
        "Invalid value for volume set command. Use on/off only.".to_owned()
    })
}

/// A number that is not negative.
pub(super) fn unsigned(name: &str, value: &str) -> Checked {
    accept_if(parse_int(value).is_some_and(|number| number >= 0), || {
        format!("{value} is not a valid uint64_t value. {name} expects a valid uint64_t value.")
    })
}

/// A count of bricks that a quorum takes.
pub(super) fn quorum_count(name: &str, value: &str) -> Checked {
    accept_if(parse_int(value).is_some(), || {
        format!("{value} is not an integer. {name} expects a valid integer value.")
    })
}

/// Length of a listen queue.
pub(super) fn backlog(name: &str, value: &str) -> Checked {
    let wanted = match parse_int(value) {
        Some(number) if (0..=i64::from(i32::MAX)).contains(&number) => return Ok(()),
        // One word, as the incumbent writes it.
        Some(_) => "a positiveinteger",
        None => "an integer",
    };
    Err(WrongValue(format!("{value} is not a compatible value. {name} expects {wanted} value.")))
}

/// Only where the NFS front end is set up for the cluster, which this daemon does not do.
pub(super) fn ganesha(_: &str, value: &str) -> Checked {
    accept_if(["off", "disable"].contains(&value), || match parse_bool(value) {
        Some(true) => "The option nfs-ganesha should be enabled before setting ganesha.enable.".to_owned(),
        _ => "Invalid value for volume set command. Use on/off only.".to_owned(),
    })
}

/// How files under retention may be changed.
pub(super) fn retention_mode(name: &str, value: &str) -> Checked {
    accept_if(["relax", "enterprise"].contains(&value), || {
        format!(
            "The value of retention mode should be either relax or enterprise. But the value of {name} is {value}"
        )
    })
}

/// Whether locks bind those who did not ask for them.
pub(super) fn mandatory_locking(_: &str, value: &str) -> Checked {
    accept_if(["off", "file", "forced", "optimal"].contains(&value), || {
        format!("Invalid option value '{value}': Available options are 'off', 'file', 'forced' or 'optimal'")
    })
}

/// Name of the virtual folder that holds snapshots.
pub(super) fn snapshot_directory(name: &str, value: &str) -> Checked {
    if value.contains('/') || value.len() > 255 {
        return Err(WrongValue(format!("{name} expects a name of at most 255 bytes without '/'")));
    }
    if value.len() < 2 {
        return Err(WrongValue(format!("value of {name} too short, expects at least two characters")));
    }
    accept_if(value.starts_with('.'), || format!("{name} expects value starting with '.'"))
}

/// What clients and bricks speak.
pub(super) fn transport(_: &str, value: &str) -> Checked {
    accept_if(crate::volume::Transport::from_word(value).is_some(), || {
        format!("transport-type {value} does not exist")
    })
}

/// How many files rebalance moves at once.
pub(super) fn rebalance_throttle(name: &str, value: &str) -> Checked {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let most = i64::try_from(cores).unwrap_or(i64::MAX).saturating_sub(2);
    if ["lazy", "normal", "aggressive"].contains(&value) {
        return Ok(());
    }
    match parse_int(value) {
        Some(number) if number > 0 && number <= most => Ok(()),
        Some(_) => Err(WrongValue(format!(
            "{name} should be within range of 0 and maximum number of cores available (cores available - 2)"
        ))),
        None => Err(WrongValue(format!(
            "{name} should be {{lazy|normal|aggressive}} or a number up to number of cores available (cores \
             available - 2)"
        ))),
    }
}

/// Where statedumps go; it has to be there.
pub(super) fn statedump_path(_: &str, value: &str) -> Checked {
    accept_if(std::path::Path::new(value).is_dir(), || format!("Failed: {value} is not a directory"))
}

/// Addresses, host names or patterns of addresses, with commas between; or such lists for folders.
pub(super) fn addresses(name: &str, value: &str) -> Checked {
    accept_if(is_list(value), || {
        format!("option {name} {value}: '{value}' is not a valid internet-address-list")
    })
}

/// The least severe messages of the daemon.
pub(super) fn daemon_log_level(_: &str, value: &str) -> Checked {
    accept_if(["INFO", "WARNING", "ERROR", "DEBUG", "TRACE"].contains(&value), || {
        format!(
            "Invalid option({value}). Valid options are 'INFO' or 'WARNING' or 'ERROR' or 'DEBUG' or  'TRACE'"
        )
    })
}

/// Only the quota commands set it.
pub(super) fn by_quota(name: &str, value: &str) -> Checked {
    let (object, word) = match parse_bool(value) {
        None => return Err(WrongValue("Error, Validation Failed".to_owned())),
        Some(false) => ("quota", "disable"),
        Some(true) if name == "features.inode-quota" => ("inode-quota", "enable"),
        Some(true) => ("quota", "enable"),
    };
    Err(WrongValue(format!(
        " 'gluster volume set <VOLNAME> {name} {value}' is deprecated. Use 'gluster volume {object} <VOLNAME> \
         {word}' instead."
    )))
}

/// Only the bitrot commands set it.
pub(super) fn by_bitrot(name: &str, _: &str) -> Checked {
    let words = match name {
        "features.scrub-throttle" => "scrub-throttle  {lazy|normal|aggressive}",
        "features.scrub-freq" => "scrub-frequency {hourly|daily|weekly|biweekly|monthly}",
        "features.scrub" => "scrub {pause|resume}",
        _ => "{enable|disable}",
    };
    Err(WrongValue(format!(
        " 'gluster volume set <VOLNAME> {name}' is invalid command. Use 'gluster volume bitrot <VOLNAME> {words}' \
         instead."
    )))
}

/// Nobody sets it.
pub(super) fn read_only(_: &str, _: &str) -> Checked {
    Err(WrongValue("Not a valid option to set".to_owned()))
}
