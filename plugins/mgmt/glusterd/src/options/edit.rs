//! `volume set` and `volume reset`, as far as one volume's options go: what is refused, and what changes.

use super::suggest::did_you_mean;
use super::words::parse_size;
use super::{Flags, OptionKind, TABLE, VolumeOption, complete, find, is_free, parse_bool};
use crate::user_xlators::plugins::Plugins;
use crate::user_xlators::{self, Key};
use crate::volume::{Volume, VolumeStatus};

/// Why options cannot be set or reset, in the incumbent's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

fn refuse<T>(text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(text.into()))
}

/// Checks pairs that are to be set on a volume; answers them with their full names. Nothing is changed yet.
///
/// # Errors
/// A name is unknown, not for one volume, or not for this kind of volume; a value does not fit.
pub fn check_set(
    volume: &Volume,
    pairs: &[(String, String)],
    plugins: &dyn Plugins,
) -> Result<Vec<(String, String)>, Refusal> {
    pairs
        .iter()
        .map(|(typed, value)| Ok((check_one(volume, typed, value, plugins)?, value.clone())))
        .collect()
}

fn check_one(volume: &Volume, typed: &str, value: &str, plugins: &dyn Plugins) -> Result<String, Refusal> {
    if is_free(typed) {
        let name = check_free(typed, value)?;
        if let Some(key) = Key::of(typed) {
            user_xlators::check::one(plugins, typed, key, value)?;
        }
        return Ok(name);
    }
    let Some(option) = complete(typed) else {
        return refuse(unknown(&format!("option : {typed} does not exist"), typed));
    };
    if option.name == "cluster.op-version" {
        return refuse(format!("Option \"{}\" is not valid for a single volume", option.name));
    }
    if option.flags.has(Flags::CLUSTER) && option.name != "cluster.max-op-version" {
        return refuse("Not a valid option for single volume");
    }
    check_kind(volume, option.name)?;
    check_state(volume, option.name, value)?;
    if let Some(option) = judge(volume, option) {
        option.check(value).map_err(|wrong| Refusal(wrong.0))?;
    }
    Ok(option.name.to_owned())
}

/// Of the options that share a name, the one that judges values on this volume: where its kind does not have the
/// translator, nobody asks what that takes.
fn judge(volume: &Volume, named: &VolumeOption) -> Option<&'static VolumeOption> {
    TABLE.iter().filter(|option| option.name == named.name).find(|option| {
        let is_ruled = matches!(option.kind, OptionKind::Special(_));
        match option.xlator {
            "cluster/replicate" => is_ruled || volume.kind.replicates(),
            "cluster/disperse" => is_ruled || volume.kind.disperses(),
            _ => true,
        }
    })
}

fn check_free(name: &str, value: &str) -> Result<String, Refusal> {
    if name.contains(['=', '\n', '\0']) || name.len() > 255 {
        return refuse(format!("option : {name:?} does not exist"));
    }
    if value.is_empty() || value.contains(['\n', '\0']) || value.len() > super::MAX_VALUE {
        let most = super::MAX_VALUE;
        return refuse(format!("option {name}: a value has 1 to {most} bytes and no line break"));
    }
    Ok(name.to_owned())
}

/// Options that only volumes with replicas, or only those with fragments, have.
fn check_kind(volume: &Volume, name: &str) -> Result<(), Refusal> {
    let replicates = volume.kind.replicates();
    let disperses = volume.kind.disperses();
    match name {
        "cluster.metadata-self-heal"
        | "cluster.data-self-heal"
        | "cluster.entry-self-heal"
        | "cluster.shd-max-threads"
            if !replicates =>
        {
            refuse(format!("Cannot set {name} for a non-replicate volume."))
        }
        "disperse.shd-max-threads" | "disperse.quorum-count" if !disperses => {
            refuse(format!("Cannot set {name} for a non-disperse volume."))
        }
        "cluster.lock-migration" if replicates || disperses => refuse(
            "Lock migration is a experimental feature. Currently works with pure distribute volume only",
        ),
        "cluster.self-heal-daemon" if !replicates => {
            refuse(format!("Volume {} is not of replicate type", volume.name))
        }
        "cluster.disperse-self-heal-daemon" if !disperses => {
            refuse(format!("Volume {} is not of disperse type", volume.name))
        }
        _ => Ok(()),
    }
}

/// Options that hang on what else is set, or on whether bricks run.
fn check_state(volume: &Volume, name: &str, value: &str) -> Result<(), Refusal> {
    let is_on = |option: &str| volume.options.get(option).and_then(parse_bool) == Some(true);
    match name {
        "storage.linux-aio" | "storage.linux-io_uring" if volume.is_started() => refuse(format!(
            "Changing '{name}' is not supported when the volume is in started state. Please stop the volume first."
        )),
        "features.trash-dir" if !is_on("features.trash") => {
            refuse(format!("Trash translator is not enabled. Use volume set {} trash on", volume.name))
        }
        "features.trash-dir" if value.contains('/') => refuse("Path is not allowed as option"),
        // Listing folders in parallel shares them out among the subvolumes.
        "performance.rda-cache-limit" | "performance.rda-request-size"
            if is_on("performance.parallel-readdir") && parse_size(value) == Some(0) =>
        {
            refuse("Value cannot be 0")
        }
        "features.quota-deem-statfs" if !is_on("features.quota") => {
            refuse("Cannot set features.quota-deem-statfs. Enable quota first.")
        }
        // Once entries may be pending, the command that looks for them first is the only way.
        "cluster.granular-entry-heal" if volume.status != VolumeStatus::Created => refuse(format!(
            " 'gluster volume set <VOLNAME> {name} {{enable, disable}}' is not supported. Use 'gluster volume heal \
             <VOLNAME> granular-entry-heal {{enable, disable}}' instead."
        )),
        "cluster.subvols-per-directory" => match value.parse::<usize>() {
            Ok(wanted) if wanted > volume.subvolume_count() => refuse(format!(
                "subvols-per-directory({wanted}) is greater than the number of subvolumes({}).",
                volume.subvolume_count()
            )),
            _ => Ok(()),
        },
        "disperse.quorum-count" => {
            let (most, lost) = (volume.kind.disperse_count(), volume.kind.redundancy_count());
            let least = most - lost;
            match value.parse::<i64>() {
                Ok(count) if !(i64::from(least)..=i64::from(most)).contains(&count) => {
                    refuse(format!("{value} for {name} is out of range [{least} - {most}]"))
                }
                _ => Ok(()),
            }
        }
        "cluster.quorum-count" => {
            let most = volume.kind.replica_count();
            match value.parse::<i64>() {
                Ok(count) if !(1..=i64::from(most)).contains(&count) => {
                    refuse(format!("{value} in {name} {value} is out of range [1 - {most}]"))
                }
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// What a reset did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reset {
    /// Everything named is reset.
    All,
    /// Protected options were left; the text says so.
    LeftProtected(String),
}

/// Resets one option, or all for the key `all`, and sets again what every volume of the kind is created with.
/// `address_family` is the family that the daemon listens on.
///
/// # Errors
/// The name is unknown, not for one volume, or protected. The volume is unchanged then.
pub fn reset(
    volume: &mut Volume,
    key: &str,
    force: bool,
    address_family: &str,
    plugins: &dyn Plugins,
) -> Result<Reset, Refusal> {
    let outcome = match (key, Key::of(key)) {
        ("all", _) => reset_all(volume, force),
        (_, Some(user)) => {
            for name in user_xlators::check::reset(plugins, volume, key, user)? {
                volume.options.remove(&name);
            }
            Reset::All
        }
        (_, None) => reset_one(volume, key, force)?,
    };
    set_defaults(volume, address_family);
    Ok(outcome)
}

fn reset_one(volume: &mut Volume, typed: &str, force: bool) -> Result<Reset, Refusal> {
    if volume.options.get(typed).is_some() && find(typed).is_none() {
        volume.options.remove(typed);
        return Ok(Reset::All);
    }
    let Some(option) = complete(typed) else {
        return refuse(unknown(&format!("Option {typed} does not exist"), typed));
    };
    if matches!(option.name, "features.quota" | "features.inode-quota") {
        return refuse(format!(
            "'gluster volume reset <VOLNAME> {}' is deprecated. Use 'gluster volume quota <VOLNAME> disable' instead.",
            option.name
        ));
    }
    if option.flags.has(Flags::CLUSTER) {
        return refuse("Not a valid option for single volume");
    }
    if option.flags.has(Flags::FORCE) && !force && volume.options.get(option.name).is_some() {
        return refuse(format!("'{}' is protected. To reset use 'force'.", option.name));
    }
    volume.options.remove(option.name);
    Ok(Reset::All)
}

fn reset_all(volume: &mut Volume, force: bool) -> Reset {
    let is_kept = |name: &str| {
        find(name).is_some_and(|option| {
            option.flags.has(Flags::NEVER_RESET) || (option.flags.has(Flags::FORCE) && !force)
        })
    };
    let names: Vec<String> = volume.options.iter().map(|(name, _)| name.to_owned()).collect();
    let (kept, gone): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| is_kept(name));
    for name in &gone {
        volume.options.remove(name);
    }
    if kept.is_empty() || force {
        return Reset::All;
    }
    Reset::LeftProtected(
        "All unprotected fields were reset. To reset the protected fields, use 'force'.".to_owned(),
    )
}

/// Sets what every volume of the kind is created with, where it is not set.
fn set_defaults(volume: &mut Volume, address_family: &str) {
    let fresh_replicas = volume.kind.replicates() && volume.status == VolumeStatus::Created;
    let has_quota = volume.options.get("features.quota").and_then(parse_bool) == Some(true);
    for (name, value, wanted) in [
        ("nfs.disable", "on", true),
        ("transport.address-family", address_family, true),
        ("features.quota-deem-statfs", "on", has_quota),
        ("storage.fips-mode-rchecksum", "on", true),
        ("cluster.granular-entry-heal", "on", fresh_replicas),
    ] {
        if wanted && volume.options.get(name).is_none() {
            volume.options.set(name, value);
        }
    }
}

/// Sets the options that `volume create` sets, in the order that leaves them stored as the incumbent stores them.
/// `address_family` is the family that the daemon listens on.
pub fn set_created(volume: &mut Volume, address_family: &str) {
    if volume.kind.replicates() {
        volume.options.set("performance.client-io-threads", "off");
    }
    set_defaults(volume, address_family);
}

fn unknown(text: &str, typed: &str) -> String {
    match did_you_mean(typed) {
        Some(question) => format!("{text}\n{question}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user_xlators::plugins::NoPlugins;
    use crate::volume::{Credentials, VolumeKind};
    use uuid::Uuid;

    fn volume() -> Volume {
        let mut volume = Volume::new("v", Uuid::nil(), VolumeKind::Distribute, Credentials::generate());
        set_created(&mut volume, "inet");
        volume
    }

    fn refusal(volume: &Volume, name: &str, value: &str) -> String {
        check_set(volume, &[(name.to_owned(), value.to_owned())], &NoPlugins).unwrap_err().0
    }

    #[test]
    fn refusals_are_worded_as_the_incumbent_words_them() {
        let volume = volume();
        for (name, value, text) in [
            ("nosuch.option", "5", "option : nosuch.option does not exist\nDid you mean auth.allow?"),
            ("performance.cache-size", "abc", "invalid number format \"abc\" in option \"cache-size\""),
            ("cluster.lookup-optimize", "5", "option lookup-optimize 5: '5' is not a valid boolean value"),
            ("cluster.brick-multiplex", "on", "Not a valid option for single volume"),
            ("cluster.data-self-heal", "on", "Cannot set cluster.data-self-heal for a non-replicate volume."),
            ("cluster.self-heal-daemon", "on", "Volume v is not of replicate type"),
            (
                "diagnostics.client-sys-log-level",
                "error",
                "option sys-log-level error: 'error' is not valid (possible options are WARNING, ERROR, INFO, \
                 CRITICAL.)",
            ),
            (
                "performance.write-behind-window-size",
                "5",
                "'5' in 'option cache-size 5' is out of range [524288 - 1073741824]",
            ),
            ("storage.reserve", "200%", "'200.000000' in 'option reserve 200%' is out of range [0 - 100]"),
            ("features.shard", "maybe", "Error, Validation Failed"),
            (
                "features.quota",
                "on",
                " 'gluster volume set <VOLNAME> features.quota on' is deprecated. Use 'gluster volume quota \
                 <VOLNAME> enable' instead.",
            ),
            (
                "diagnostics.brick-log-format",
                "x",
                "option log-format x: 'x' is not valid (possible options are no-msg-id, with-msg-id.)",
            ),
        ] {
            assert_eq!(refusal(&volume, name, value), text, "{name}");
        }
    }

    #[test]
    fn granular_healing_is_an_option_until_the_volume_was_started() {
        let kind = VolumeKind::Replicate { replica: 3, arbiter: 0, thin_arbiter: 0 };
        let mut volume = Volume::new("r", Uuid::nil(), kind, Credentials::generate());
        let off = [("cluster.granular-entry-heal".to_owned(), "off".to_owned())];
        assert!(check_set(&volume, &off, &NoPlugins).is_ok());
        for status in [VolumeStatus::Started, VolumeStatus::Stopped] {
            volume.status = status;
            assert!(check_set(&volume, &off, &NoPlugins).is_err());
        }
    }

    #[test]
    fn a_value_is_judged_by_the_translator_that_the_volume_has() {
        let replicate = VolumeKind::Replicate { replica: 3, arbiter: 0, thin_arbiter: 0 };
        let disperse = VolumeKind::Disperse { bricks: 3, redundancy: 1 };
        for (kind, value, refused) in [
            (replicate, "4", Some("'4' in 'option heal-timeout 4' is out of range [5 - 2147483647]")),
            (replicate, "5", None),
            (disperse, "59", Some("'59' in 'option heal-timeout 59' is out of range [60 - 2147483647]")),
            (disperse, "60", None),
            (VolumeKind::Distribute, "abc", None),
        ] {
            let volume = Volume::new("v", Uuid::nil(), kind, Credentials::generate());
            let pair = [("cluster.heal-timeout".to_owned(), value.to_owned())];
            let answer = check_set(&volume, &pair, &NoPlugins);
            assert_eq!(answer.err().map(|refusal| refusal.0).as_deref(), refused, "{kind:?} {value}");
        }
    }

    #[test]
    fn folders_are_not_listed_in_parallel_with_no_memory_for_it() {
        let mut volume = volume();
        let nothing = [("performance.rda-cache-limit".to_owned(), "0KB".to_owned())];
        assert!(check_set(&volume, &nothing, &NoPlugins).is_ok());
        volume.options.set("performance.parallel-readdir", "on");
        assert_eq!(refusal(&volume, "rda-cache-limit", "0KB"), "Value cannot be 0");
        assert_eq!(refusal(&volume, "performance.rda-request-size", "0"), "Value cannot be 0");
    }

    #[test]
    fn one_bad_pair_refuses_them_all_and_short_names_are_completed() {
        let volume = volume();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert!(check_set(&volume, &[pair("ping-timeout", "5"), pair("nosuch", "1")], &NoPlugins).is_err());
        let set =
            check_set(&volume, &[pair("ping-timeout", "5"), pair("user.x", "a b")], &NoPlugins).unwrap();
        assert_eq!(set, [pair("network.ping-timeout", "5"), pair("user.x", "a b")]);
    }

    #[test]
    fn no_value_writes_a_line_of_its_own() {
        let volume = volume();
        for (name, value) in [("user.x", "1\nstatus=1"), ("user.x=y\nz", "1"), ("auth.ssl-allow", "a\nb")] {
            refusal(&volume, name, value);
        }
    }

    #[test]
    fn a_new_volume_has_the_options_of_its_kind_in_stored_order() {
        let names = |volume: &Volume| volume.options.iter().map(|(n, _)| n.to_owned()).collect::<Vec<_>>();
        let distribute = ["storage.fips-mode-rchecksum", "transport.address-family", "nfs.disable"];
        assert_eq!(names(&volume()), distribute);
        let kind = VolumeKind::Replicate { replica: 3, arbiter: 0, thin_arbiter: 0 };
        let mut replicate = Volume::new("r", Uuid::nil(), kind, Credentials::generate());
        set_created(&mut replicate, "inet");
        let around = ["cluster.granular-entry-heal", "performance.client-io-threads"];
        assert_eq!(names(&replicate), [&around[..1], &distribute[..], &around[1..]].concat());
    }

    #[test]
    fn a_reset_leaves_what_is_protected_and_sets_defaults_again() {
        let mut volume = volume();
        volume.status = VolumeStatus::Started;
        for (name, value) in [("features.bitrot", "on"), ("user.x", "1"), ("nfs.disable", "off")] {
            volume.options.set(name, value);
        }
        let error = reset(&mut volume, "features.bitrot", false, "inet", &NoPlugins).unwrap_err();
        assert_eq!(error.0, "'features.bitrot' is protected. To reset use 'force'.");
        assert!(matches!(
            reset(&mut volume, "all", false, "inet", &NoPlugins).unwrap(),
            Reset::LeftProtected(_)
        ));
        assert_eq!(volume.options.get("features.bitrot"), Some("on"));
        assert_eq!(volume.options.get("nfs.disable"), Some("on"));
        assert_eq!(volume.options.get("user.x"), None);
        assert_eq!(reset(&mut volume, "all", true, "inet", &NoPlugins).unwrap(), Reset::All);
        assert_eq!(volume.options.get("features.bitrot"), None);
    }
}
