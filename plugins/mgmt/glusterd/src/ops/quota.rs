//! `volume quota` and `volume inode-quota`: limits of folders, and the switch for all of them.

use super::engine::Framework;
use super::request::existing;
use super::{Operation, Refusal, Request, run, shown};
use crate::below::{Below, words};
use crate::brick::Brick;
use crate::daemon::Daemon;
use crate::locks::Target;
use crate::options::{self, parse_bool, words as values};
use crate::opversion::VolumeOpVersions;
use crate::services::quota_walk::{self, Switched};
use crate::services::runner::{Change, ChangeFault};
use crate::services::{self, aggregator, service};
use crate::store::quota::{self, Limit, LimitKind, QuotaChecksum};
use crate::volume::Volume;
use gluster_xdr::cli::CliRsp;
use gluster_xdr::mgmt::Op;
use plugin_api::{Dict, Errno, log};
use uuid::Uuid;

/// Options that go when quota is switched off.
const OF_QUOTA: [&str; 5] = [
    "features.quota-deem-statfs",
    "features.default-soft-limit",
    "features.soft-timeout",
    "features.hard-timeout",
    "features.alert-time",
];

/// What is asked for.
#[derive(Debug)]
enum Order {
    Enable,
    EnableObjects,
    Disable,
    Limit { kind: LimitKind, path: String, value: Vec<u8> },
    Remove { kind: LimitKind, path: String },
    List { kind: LimitKind },
    Option { name: &'static str, value: String },
}

/// A command about limits.
#[derive(Debug)]
pub struct Quota {
    name: String,
    order: Order,
}

/// Does what is asked. The CLI tells people to look at the path when the answer is the number of "no such file".
///
/// # Errors
/// The request makes no sense.
pub async fn answer(daemon: &Daemon, request: Dict) -> Result<CliRsp, Refusal> {
    let mut reply = run(daemon, Quota::new(&request)?, request).await;
    if reply.op_ret != 0 && reply.op_errno == Errno::ENOENT.raw() {
        (reply.op_ret, reply.op_errno) = (-Errno::ENOENT.raw(), super::INTERNAL);
    }
    Ok(reply)
}

impl Quota {
    /// Reads the request.
    ///
    /// # Errors
    /// It makes no sense.
    pub fn new(request: &Dict) -> Result<Self, Refusal> {
        use LimitKind::{Objects, Usage};
        let asked = Request(request);
        let path = || asked.text("path").map(str::to_owned);
        let limit = |kind| Ok::<_, Refusal>(Order::Limit { kind, path: path()?, value: limit(asked, kind)? });
        let option = |name| Ok::<_, Refusal>(Order::Option { name, value: asked.text("value")?.to_owned() });
        let order = match asked.number("type")? {
            1 => Order::Enable,
            2 => Order::Disable,
            3 => limit(Usage)?,
            4 => Order::Remove { kind: Usage, path: path()? },
            5 => Order::List { kind: Usage },
            7 => option("features.alert-time")?,
            8 => option("features.soft-timeout")?,
            9 => option("features.hard-timeout")?,
            10 => option("features.default-soft-limit")?,
            12 => limit(Objects)?,
            13 => Order::List { kind: Objects },
            14 => Order::Remove { kind: Objects, path: path()? },
            15 => Order::EnableObjects,
            _ => return Err(Refusal::at_once("the request's type is none that is known")),
        };
        Ok(Self { name: asked.volume_name()?, order })
    }

    fn enable(&self, daemon: &Daemon) -> Result<(), Refusal> {
        let mut stored = existing(daemon, &self.name)?;
        let volume = &mut stored.volume;
        volume.quota_version += 1;
        for name in ["features.quota", "features.inode-quota", "features.quota-deem-statfs"] {
            volume.options.set(name, "on");
        }
        let needed = VolumeOpVersions::of(volume);
        (volume.op_version, volume.client_op_version) = (needed.node, needed.client);
        quota::write_limits(&daemon.config.paths.quota_conf(&self.name), &[])?;
        QuotaChecksum::default().write(&daemon.config.paths.quota_checksum(&self.name))?;
        Ok(daemon.store(stored)?)
    }

    fn disable(&self, daemon: &Daemon) -> Result<(), Refusal> {
        let mut stored = existing(daemon, &self.name)?;
        let volume = &mut stored.volume;
        for name in OF_QUOTA {
            volume.options.remove(name);
        }
        for name in ["features.quota", "features.inode-quota"] {
            volume.options.set(name, "off");
        }
        let needed = VolumeOpVersions::of(volume);
        (volume.op_version, volume.client_op_version) = (needed.node, needed.client);
        daemon.store(stored)?;
        for path in
            [daemon.config.paths.quota_conf(&self.name), daemon.config.paths.quota_checksum(&self.name)]
        {
            // Nobody reads it while quota is off, and the next switch on replaces it.
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }

    fn switch(&self, daemon: &Daemon, name: &str, value: &str) -> Result<(), Refusal> {
        let mut stored = existing(daemon, &self.name)?;
        stored.volume.options.set(name, value);
        let needed = VolumeOpVersions::of(&stored.volume);
        (stored.volume.op_version, stored.volume.client_op_version) = (needed.node, needed.client);
        Ok(daemon.store(stored)?)
    }

    /// Changes the mark of a limit on the folder, through a mount.
    async fn mark(
        &self,
        daemon: &Daemon,
        kind: LimitKind,
        path: &str,
        value: Option<Vec<u8>>,
    ) -> Result<(), Refusal> {
        let attribute = attribute(kind);
        let call =
            if value.is_some() { format!("setxattr of {attribute}") } else { "removexattr".to_owned() };
        let argv = service::quota_mount(&daemon.config, &self.name, "limit");
        let change = Change { path: path.to_owned(), attribute, value };
        daemon.services.change(argv, change).await.map_err(|fault| match fault {
            ChangeFault::Mount(why) => {
                log!(Error, "volume cannot be mounted for its limits", volume = self.name, why = why);
                Refusal::new(
                    "Failed to mount the volume to set quota limits. Check the quota mount's log file.",
                )
            }
            ChangeFault::Answer(errno) => {
                let place = daemon.config.paths.quota_mount(&self.name, "limit");
                let place = format!("{}{}", place.display(), shown(path));
                Refusal::new(format!("{call} failed on {place}. Reason : {}", words(errno)))
            }
        })
    }

    /// Notes in `quota.conf` whether the folder has a limit.
    fn note(&self, daemon: &Daemon, limit: Limit, has_limit: bool) -> Result<(), Refusal> {
        let paths = &daemon.config.paths;
        let (conf, checksum) = (paths.quota_conf(&self.name), paths.quota_checksum(&self.name));
        let mut limits = quota::read_limits(&conf)?;
        if limits.contains(&limit) == has_limit {
            return Ok(());
        }
        limits.retain(|other| *other != limit);
        if has_limit {
            limits.push(limit);
        }
        quota::write_limits(&conf, &limits)?;
        let before = QuotaChecksum::read(&checksum).unwrap_or_default();
        Ok(QuotaChecksum { checksum: 0, version: before.version.wrapping_add(1) }.write(&checksum)?)
    }
}

/// The mark of a limit on a folder.
const fn attribute(kind: LimitKind) -> &'static str {
    match kind {
        LimitKind::Usage => "trusted.glusterfs.quota.limit-set",
        LimitKind::Objects => "trusted.glusterfs.quota.limit-objects",
    }
}

/// What a folder is marked with: the hard limit, and the soft one as a percentage, below zero the volume's default.
fn limit(asked: Request<'_>, kind: LimitKind) -> Result<Vec<u8>, Refusal> {
    let hard = asked.text("hard-limit")?;
    let number = match kind {
        LimitKind::Usage => values::parse_size(hard).and_then(|bytes| i64::try_from(bytes).ok()),
        LimitKind::Objects => values::parse_int(hard),
    };
    let number = number.filter(|number| *number > 0).ok_or_else(|| {
        Refusal::at_once(format!("the limit is {}, expected a number from 1 to {}", shown(hard), i64::MAX))
    })?;
    let soft = match asked.0.str("soft-limit") {
        None => -1,
        Some(text) => {
            let percent = text.trim_end_matches('%').split('.').next().and_then(values::parse_int);
            percent.filter(|percent| (0..=100).contains(percent)).ok_or_else(|| {
                Refusal::at_once(format!("the soft limit is {}, expected 0 to 100 percent", shown(text)))
            })?
        }
    };
    Ok([number.to_be_bytes(), soft.to_be_bytes()].concat())
}

/// The id of a folder, as this node's bricks have it; the node's bricks in which it is all have the same.
fn ids(daemon: &Daemon, volume: &Volume, path: &str) -> Result<Vec<Uuid>, Refusal> {
    // A brick that is down may have missed the folder; it gets the limit by its copies.
    let serves =
        |brick: &&Brick| brick.node == daemon.node && daemon.bricks.standing(&volume.name, brick).is_online();
    let own = volume.bricks.iter().filter(serves);
    own.map(|brick| {
        let id =
            Below::open(brick.path.as_ref(), path).and_then(|place| place.attribute::<16>("trusted.gfid"));
        let wrong = |errno: rustix::io::Errno| Refusal {
            errno: errno.raw_os_error(),
            text: format!(
                "Failed to get trusted.gfid attribute on path {}. Reason : {}",
                shown(path),
                words(errno)
            ),
        };
        let id = id.map_err(wrong)?;
        Uuid::from_slice(&id).map_err(|_| wrong(rustix::io::Errno::NODATA))
    })
    .collect()
}

impl Operation for Quota {
    const OP: Op = Op::Quota;
    const FRAMEWORK: Framework = Framework::Synctask;

    fn target(&self) -> Target {
        Target::Volume(self.name.clone())
    }

    async fn stage(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<(), Refusal> {
        let volume = existing(daemon, &self.name)?.volume;
        let objects = volume.options.get("features.inode-quota").and_then(parse_bool) == Some(true);
        if !volume.is_started() {
            return Err(Refusal::new("Volume is stopped, start volume before executing quota command."));
        }
        match (&self.order, aggregator::is_on(&volume)) {
            (Order::Enable, true) => return Err(Refusal::new("Quota is already enabled")),
            (Order::Enable, false) => return Ok(()),
            (_, false) => return Err(Refusal::new("Quota is disabled, please enable quota")),
            (Order::EnableObjects, true) if objects => {
                return Err(Refusal::new("Inode Quota is already enabled"));
            }
            (
                Order::Limit { kind: LimitKind::Objects, .. }
                | Order::Remove { kind: LimitKind::Objects, .. }
                | Order::List { kind: LimitKind::Objects },
                true,
            ) if !objects => {
                return Err(Refusal::new("Inode Quota is disabled, please enable inode quota"));
            }
            _ => {}
        }
        match &self.order {
            Order::Limit { path, .. } | Order::Remove { path, .. } => ids(daemon, &volume, path).map(drop),
            Order::Option { name, value } => {
                let option = options::find(name).expect("the table has the options of quota");
                option.check(value).map_err(|wrong| Refusal::new(wrong.0))
            }
            _ => Ok(()),
        }
    }

    async fn commit(&mut self, daemon: &Daemon, reply: &mut Dict) -> Result<String, Refusal> {
        match &self.order {
            Order::Enable => {
                self.enable(daemon)?;
                services::settle(daemon).await;
                quota_walk::begin(daemon, &existing(daemon, &self.name)?.volume, Switched::On);
            }
            Order::Disable => {
                self.disable(daemon)?;
                services::settle(daemon).await;
                quota_walk::begin(daemon, &existing(daemon, &self.name)?.volume, Switched::Off);
            }
            Order::EnableObjects => {
                self.switch(daemon, "features.inode-quota", "on")?;
                quota_walk::begin(daemon, &existing(daemon, &self.name)?.volume, Switched::On);
            }
            Order::Option { name, value } => self.switch(daemon, name, value)?,
            Order::List { .. } => {
                let volume = existing(daemon, &self.name)?.volume;
                let soft = volume.options.get("features.default-soft-limit").unwrap_or("80%");
                reply.set("default-soft-limit", soft.to_owned());
                let argv = service::quota_mount(&daemon.config, &self.name, "list");
                daemon.services.show(argv).await.map_err(|why| {
                    log!(Error, "volume cannot be mounted for a list", volume = self.name, why = why);
                    Refusal::new("Failed to start aux mount")
                })?;
            }
            Order::Limit { kind, path, .. } | Order::Remove { kind, path } => {
                let value = match &self.order {
                    Order::Limit { value, .. } => Some(value.clone()),
                    _ => None,
                };
                let ids = ids(daemon, &existing(daemon, &self.name)?.volume, path)?;
                let has_limit = value.is_some();
                self.mark(daemon, *kind, path, value).await?;
                if let Some(id) = ids.first() {
                    self.note(daemon, Limit { gfid: id.into_bytes(), kind: *kind }, has_limit)?;
                }
                reply.set("count", u64::try_from(ids.len()).unwrap_or(u64::MAX));
                for (n, id) in ids.iter().enumerate() {
                    reply.set(format!("gfid{n}"), id.to_string());
                }
            }
        }
        Ok(String::new())
    }
}
