//! Limits: what switches them, what is noted of them, and what is refused.

use super::{Lab, command, named, said};
use crate::ops::quota::Quota;
use crate::ops::reset::Reset;
use crate::ops::stop::Stop;
use crate::services::aggregator;
use crate::store::quota::{LimitKind, QuotaChecksum, read_limits};
use gluster_xdr::cli::CliRsp;
use plugin_api::Dict;
use rustix::fs::{XattrFlags, lsetxattr};

const ENABLE: &str = "1";
const DISABLE: &str = "2";
const LIMIT: &str = "3";
const REMOVE: &str = "4";
const LIST: &str = "5";
const SOFT_TIMEOUT: &str = "8";
const LIMIT_OBJECTS: &str = "12";

impl Lab {
    fn quota(&self, kind: &str, more: &[(&'static str, &str)]) -> CliRsp {
        let request = more.iter().fold(named("v").with("type", kind), |dict, (k, v)| dict.with(*k, *v));
        command(&self.daemon, Quota::new, request)
    }

    /// A started volume with quota, the roots of whose bricks have their id.
    fn with_quota() -> Option<Self> {
        let lab = Self::new()?;
        assert_eq!(lab.started().op_ret, 0);
        for name in ["b1", "b2"] {
            let id = [&[0; 15][..], &[1]].concat();
            lsetxattr(lab.root.path().join(name), "trusted.gfid", &id, XattrFlags::empty()).unwrap();
        }
        assert_eq!(said(&lab.quota(ENABLE, &[])), (0, 0, ""));
        Some(lab)
    }

    fn option(&self, name: &str) -> Option<String> {
        self.daemon.volume("v").unwrap().volume.options.get(name).map(str::to_owned)
    }

    fn version(&self) -> u32 {
        QuotaChecksum::read(&self.daemon.config.paths.quota_checksum("v")).unwrap().version
    }
}

#[test]
fn quota_is_switched_on_and_off_with_its_daemon() {
    let Some(lab) = Lab::new() else { return };
    assert_eq!(lab.create("v", &["b1", "b2"]).op_ret, 0);
    let text = "Volume is stopped, start volume before executing quota command.";
    assert_eq!(said(&lab.quota(ENABLE, &[])), (-1, 30800, text));
    assert_eq!(lab.command(super::Start::new, named("v")).op_ret, 0);
    let text = "Quota is disabled, please enable quota";
    assert_eq!(said(&lab.quota(DISABLE, &[])), (-1, 30800, text));
    assert_eq!(said(&lab.quota(ENABLE, &[])), (0, 0, ""));
    assert_eq!(said(&lab.quota(ENABLE, &[])), (-1, 30800, "Quota is already enabled"));
    let conf = lab.daemon.config.paths.quota_conf("v");
    assert_eq!(std::fs::read(&conf).unwrap(), b"GlusterFS Quota conf | version: v1.2\n");
    let names = ["features.quota-deem-statfs", "features.inode-quota", "features.quota"];
    let restarted = lab.restarted().volume("v").unwrap().volume;
    let stored: Vec<&str> = restarted.options.iter().map(|(name, _)| name).take(3).collect();
    assert_eq!((stored.as_slice(), restarted.quota_version), (&names[..], 1));
    assert!(aggregator::running(&lab.daemon).is_some());
    let walks = lab.services.walks.lock().unwrap().clone();
    assert!(walks.len() == 2 && walks[0].leaves_mark && walks[0].mark.ends_with("size.1"), "{walks:?}");
    assert_eq!(said(&lab.quota(SOFT_TIMEOUT, &[("value", "5")])), (0, 0, ""));
    assert_eq!(lab.option("features.soft-timeout").as_deref(), Some("5"));
    assert_eq!(said(&lab.quota(DISABLE, &[])), (0, 0, ""));
    assert!(aggregator::running(&lab.daemon).is_none() && !conf.exists());
    assert_eq!(lab.option("features.quota").as_deref(), Some("off"));
    assert_eq!((lab.option("features.soft-timeout"), lab.option("features.quota-deem-statfs")), (None, None));
}

#[test]
fn the_daemon_ends_with_the_last_volume_that_has_limits() {
    let Some(lab) = Lab::with_quota() else { return };
    assert_eq!(lab.command(Stop::new, named("v")).op_ret, 0);
    assert!(aggregator::running(&lab.daemon).is_none());
    assert_eq!(lab.command(super::Start::new, named("v")).op_ret, 0);
    assert!(aggregator::running(&lab.daemon).is_some());
}

#[test]
fn a_limit_is_marked_on_the_folder_and_noted_once() {
    let Some(lab) = Lab::with_quota() else { return };
    let limit = [("path", "/"), ("hard-limit", "10MB"), ("soft-limit", "90%")];
    let reply = lab.quota(LIMIT, &limit);
    assert_eq!(said(&reply), (0, 0, ""));
    assert_eq!(reply.dict.str("gfid1"), Some("00000000-0000-0000-0000-000000000001"));
    assert_eq!(said(&lab.quota(LIMIT, &limit)), (0, 0, ""));
    assert_eq!(said(&lab.quota(LIMIT_OBJECTS, &[("path", "/"), ("hard-limit", "7")])), (0, 0, ""));
    let limits = read_limits(&lab.daemon.config.paths.quota_conf("v")).unwrap();
    let kinds: Vec<LimitKind> = limits.iter().map(|limit| limit.kind).collect();
    assert_eq!((kinds, lab.version()), (vec![LimitKind::Usage, LimitKind::Objects], 2));
    let changed = lab.services.changed.lock().unwrap().clone();
    let marks: Vec<_> =
        changed.iter().map(|change| (change.attribute, change.value.clone().unwrap())).collect();
    let mark = |hard: i64, soft: i64| [hard.to_be_bytes(), soft.to_be_bytes()].concat();
    assert_eq!(marks[1], ("trusted.glusterfs.quota.limit-set", mark(10 << 20, 90)));
    assert_eq!(marks[2], ("trusted.glusterfs.quota.limit-objects", mark(7, -1)));
    assert_eq!(said(&lab.quota(REMOVE, &[("path", "/")])), (0, 0, ""));
    assert_eq!(lab.version(), 3);
    let again = lab.quota(REMOVE, &[("path", "/")]);
    assert!(again.op_errstr.ends_with("v_quota_limit/. Reason : No data available"), "{}", again.op_errstr);
    assert_eq!(lab.version(), 3);
}

#[test]
fn a_limit_for_nothing_or_of_nothing_is_refused() {
    let Some(lab) = Lab::with_quota() else { return };
    let none = lab.quota(LIMIT, &[("path", "/none"), ("hard-limit", "10MB")]);
    let text = "Failed to get trusted.gfid attribute on path /none. Reason : No such file or directory";
    assert_eq!(said(&none), (-1, 2, text));
    std::fs::create_dir(lab.root.path().join("b2/half")).unwrap();
    let half = lab.root.path().join("b2/half");
    lsetxattr(&half, "trusted.gfid", &[7; 16], XattrFlags::empty()).unwrap();
    let limit = [("path", "/half"), ("hard-limit", "1")];
    assert_eq!(lab.quota(LIMIT, &limit).op_ret, -1);
    lab.bricks.running.lock().unwrap().retain(|path| !path.ends_with("b1"));
    assert_eq!(lab.quota(LIMIT, &limit).op_ret, 0, "a brick that is down is not asked");
    lab.services.changed.lock().unwrap().clear();
    for hard in ["0", "-1", "x", "9223372036854775808"] {
        let request = named("v").with("type", LIMIT).with("path", "/").with("hard-limit", hard);
        assert!(Quota::new(&request).is_err(), "{hard}");
    }
    assert!(Quota::new(&Dict::new().with("volname", "v").with("type", "99")).is_err());
    assert_eq!(lab.services.changed.lock().unwrap().len(), 0);
}

#[test]
fn a_list_leaves_its_mount_to_the_cli_and_a_reset_leaves_quota() {
    let Some(lab) = Lab::with_quota() else { return };
    let reply = lab.quota(LIST, &[("count", "0")]);
    assert_eq!((said(&reply), reply.dict.str("default-soft-limit")), ((0, 0, ""), Some("80%")));
    assert!(lab.services.shown.lock().unwrap()[0].ends_with("v_quota_list"));
    assert_eq!(lab.command(Reset::new, named("v").with("key", "all").with("force", "1")).op_ret, 0);
    assert_eq!(lab.option("features.quota").as_deref(), Some("on"));
    assert_eq!(lab.option("features.quota-deem-statfs").as_deref(), Some("on"));
}
