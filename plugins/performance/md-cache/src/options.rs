//! What a volfile may say to `performance/md-cache`.

use std::time::Duration;

use plugin_api::prelude::*;
use plugin_api::{Key, glob};

/// The longest time for which attributes are trusted without word from bricks when they change.
const UNWATCHED: Duration = Duration::from_secs(60);

/// Names that are kept when their switch is on, and what the switch is by default.
const GROUPS: [(&str, &str, &str, &[&str]); 7] = [
    ("cache-selinux", "off", "keep SELinux labels", &["security.selinux"]),
    ("cache-posix-acl", "off", "keep POSIX ACLs", &["system.posix_acl_access", "system.posix_acl_default"]),
    (
        "cache-glusterfs-acl",
        "off",
        "keep ACLs under GlusterFS's own names",
        &["glusterfs.posix.acl", "glusterfs.posix.default_acl"],
    ),
    ("cache-swift-metadata", "off", "keep what Swift stores with objects", &["user.swift.metadata"]),
    (
        "cache-samba-metadata",
        "off",
        "keep what Samba stores with files",
        &[
            "user.DOSATTRIB",
            "user.DosStream.*",
            "user.org.netatalk.Metadata",
            "user.org.netatalk.ResourceFork",
            "security.NTACL",
        ],
    ),
    ("cache-capability-xattrs", "on", "keep file capabilities", &["security.capability"]),
    ("cache-ima-xattrs", "on", "keep what IMA stores with files", &["security.ima"]),
];

/// How it keeps, as the volume's options say.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) pass_through: bool,
    /// For how long what was told is trusted.
    pub(crate) timeout: Duration,
    /// Whether bricks are asked to tell of changes.
    pub(crate) watched: bool,
    /// Whether others are told that somebody else has changed a file.
    pub(crate) tells: bool,
    pub(crate) force_readdirp: bool,
    pub(crate) statfs: bool,
    /// Names and patterns of the xattrs that are kept.
    pub(crate) names: Vec<Key>,
}

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    let options = Options::new()
        .time(
            "md-cache-timeout",
            "for how long attributes and xattrs are trusted; above 60 only with cache-invalidation",
        )
        .default_value("1")
        .range(0.0, 600.0)
        .reconfigurable()
        .bool("cache-invalidation", "ask bricks to tell when others change what is kept")
        .default_value("off")
        .reconfigurable()
        .bool(
            "global-cache-invalidation",
            "have the kernel and others drop what they keep of a file that somebody else has changed",
        )
        .default_value("on")
        .reconfigurable()
        .bool("force-readdirp", "read directories with the attributes of what is in them")
        .default_value("on")
        .reconfigurable()
        .bool("md-cache-statfs", "keep how much space there is")
        .default_value("off")
        .reconfigurable()
        .text(
            "xattr-cache-list",
            "names of more xattrs to keep, separated by commas; `*` stands for anything",
        )
        .default_value("")
        .reconfigurable()
        .bool("pass-through", "keep nothing")
        .default_value("off")
        .reconfigurable();
    GROUPS.iter().fold(options, |options, (key, default, help, _)| {
        options.bool(key, help).default_value(default).reconfigurable()
    })
}

impl Settings {
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        let watched = cx.bool("cache-invalidation")?;
        let timeout = cx.time("md-cache-timeout")?;
        let mut names = Vec::new();
        for (key, _, _, group) in GROUPS {
            if cx.bool(key)? {
                names.extend(group.iter().map(|name| Key::from(*name)));
            }
        }
        let listed = cx.text("xattr-cache-list")?;
        let listed = listed.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.extend(listed.map(|name| Key::from(name.to_owned())));
        Ok(Self {
            pass_through: cx.bool("pass-through")?,
            timeout: if watched { timeout } else { timeout.min(UNWATCHED) },
            watched,
            tells: cx.bool("global-cache-invalidation")?,
            force_readdirp: cx.bool("force-readdirp")?,
            statfs: cx.bool("md-cache-statfs")?,
            names,
        })
    }

    /// Whether an xattr of this name is kept.
    pub(crate) fn keeps(&self, name: &[u8]) -> bool {
        self.names.iter().any(|kept| kept.as_bytes() == name || glob::matches(kept.as_bytes(), name))
    }

    /// Has an answer bring the xattrs that are kept.
    pub(crate) fn ask(&self, xdata: &mut Dict) {
        for name in &self.names {
            if !xdata.contains(name.as_str()) {
                xdata.push(name.clone(), 0);
            }
        }
    }

    /// What of an answer's extras is kept.
    pub(crate) fn kept(&self, xdata: &Dict) -> Dict {
        let mut kept = xdata.clone();
        if kept.iter().any(|(name, _)| !self.keeps(name.as_bytes())) {
            kept.retain(|name, _| self.keeps(name.as_bytes()));
        }
        // Without the message that it lies in.
        kept.iter().map(|(name, value)| (Key::new(detached(name.as_bytes())), own(value))).collect()
    }
}

fn detached(bytes: &[u8]) -> IoBuf {
    IoBuf::copy_from_slice(bytes)
}

fn own(value: &Value) -> Value {
    match value {
        Value::Untyped(bytes) => Value::Untyped(detached(bytes)),
        Value::Str(bytes) => Value::Str(detached(bytes)),
        Value::Bytes(bytes) => Value::Bytes(detached(bytes)),
        other => other.clone(),
    }
}
