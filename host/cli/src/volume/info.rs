//! `volume info`.

use crate::command::Command;
use crate::facts::Facts;
use crate::said::Said;
use crate::session::{Head, Outcome, Session, Stop};
use crate::tree::{Element, element};
use gluster_xdr::cli::{CliProc, CliRsp};
use plugin_api::Dict;

pub(super) const INFO: Command = Command::new(
    &[(
        "volume info [all|<VOLNAME>]",
        "show what volumes are made of, and which of their options were changed",
    )],
    info,
);

/// One volume by its name.
const NAMED: i32 = 2;
/// The volume after the one named, in the daemon's order.
const NEXT: i32 = 3;

fn info(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    match *rest {
        [] | ["all"] => all(session),
        [name] => one(session, name),
        _ => Err(Stop::misfit()),
    }
}

fn one(session: &mut Session<'_>, name: &str) -> Outcome {
    let request = Dict::new().with("volname", name).with("flags", NAMED);
    let reply = session.ask_plainly(CliProc::GetVolume, request)?;
    let found = Volume::of(&reply.dict);
    Ok(if session.wants_document() {
        documented(session, &reply, found.iter().map(Volume::element).collect())
    } else {
        match found {
            Some(volume) => Said::out(volume.text()),
            None => Said::refused(format!("Volume {name} does not exist\n")),
        }
    })
}

/// Asks for the volume after the last one until there is none.
fn all(session: &mut Session<'_>) -> Outcome {
    let mut request = Dict::new().with("flags", NEXT);
    let (mut text, mut elements) = (String::new(), Vec::new());
    loop {
        let reply = session.ask_plainly(CliProc::GetVolume, request)?;
        let Some(volume) = Volume::of(&reply.dict) else {
            return Ok(if session.wants_document() {
                documented(session, &reply, elements)
            } else if reply.op_ret != 0 {
                Said::refused(format!("{}\n", reply.op_errstr))
            } else if text.is_empty() {
                Said::note("No volumes present\n")
            } else {
                Said::out(text)
            });
        };
        text += &volume.text();
        elements.push(volume.element());
        request = Dict::new().with("flags", NEXT).with("volname", volume.str("name").to_owned());
    }
}

fn documented(session: &Session<'_>, reply: &CliRsp, volumes: Vec<Element>) -> Said {
    let count = volumes.len();
    let body = element("volInfo").child(element("volumes").list("volume", volumes).number("count", count));
    session.document(Head::of(reply), [body])
}

/// The one volume that a reply holds.
struct Volume<'a> {
    dict: &'a Dict,
    facts: Facts<'a>,
}

impl<'a> Volume<'a> {
    fn of(dict: &'a Dict) -> Option<Self> {
        let facts = Facts::of(dict);
        (facts.int("count") > 0).then(|| Self { dict, facts: facts.below("volume0.") })
    }

    fn str(&self, key: &str) -> &'a str {
        self.facts.str(key)
    }

    fn int(&self, key: &str) -> i64 {
        self.facts.int(key)
    }

    /// How many sets of bricks files are distributed over.
    fn sets(&self) -> i64 {
        self.int("brick_count") / self.int("dist_count").max(1)
    }

    /// The type's number as shown: 5 more when files are distributed over several sets.
    fn kind(&self) -> i64 {
        let kind = self.int("type");
        if kind > 0 && self.sets() > 1 { kind + 5 } else { kind }
    }

    fn kind_name(&self) -> &'static str {
        match self.kind() {
            0 => "Distribute",
            2 => "Replicate",
            4 => "Disperse",
            7 => "Distributed-Replicate",
            9 => "Distributed-Disperse",
            _ => "Unknown",
        }
    }

    fn status_name(&self) -> &'static str {
        match self.int("status") {
            0 => "Created",
            1 => "Started",
            2 => "Stopped",
            _ => "Unknown",
        }
    }

    fn bricks(&self) -> impl Iterator<Item = (i64, &'a str)> + use<'_, 'a> {
        (1..=self.facts.count("brick_count")).map(|number| (number, self.str(&format!("brick{number}"))))
    }

    fn is_arbiter(&self, number: i64) -> bool {
        self.int(&format!("brick{number}.isArbiter")) == 1
    }

    /// The reconfigured options, the last of the reply first, as the incumbent shows them.
    fn options(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.dict.iter().rev().filter_map(|(key, value)| {
            let name = key.as_str().strip_prefix("volume0.option.")?;
            Some((name, value.as_str().unwrap_or_default()))
        })
    }

    fn brick_numbers(&self) -> String {
        let (bricks, sets) = (self.int("brick_count"), self.sets());
        let (replica, arbiter, redundancy) =
            (self.int("replica_count"), self.int("arbiter_count"), self.int("redundancy_count"));
        match self.int("type") {
            0 => format!("{bricks}"),
            2 if arbiter > 0 => format!("{sets} x ({} + {arbiter}) = {bricks}", replica - arbiter),
            2 => format!("{sets} x {replica} = {bricks}"),
            _ => format!("{sets} x ({} + {redundancy}) = {bricks}", self.int("disperse_count") - redundancy),
        }
    }

    fn text(&self) -> String {
        let transport = match self.int("transport") {
            0 => "tcp",
            1 => "rdma",
            _ => "tcp,rdma",
        };
        let mut out = format!(
            " \nVolume Name: {}\nType: {}\nVolume ID: {}\nStatus: {}\nSnapshot Count: {}\nNumber of Bricks: {}\n\
             Transport-type: {transport}\nBricks:\n",
            self.str("name"),
            self.kind_name(),
            self.str("volume_id"),
            self.status_name(),
            self.int("snap_count"),
            self.brick_numbers(),
        );
        for (number, brick) in self.bricks() {
            let arbiter = if self.is_arbiter(number) { " (arbiter)" } else { "" };
            out += &format!("Brick{number}: {brick}{arbiter}\n");
        }
        if self.int("opt_count") > 0 {
            out += "Options Reconfigured:\n";
        }
        self.options().for_each(|(name, value)| out += &format!("{name}: {value}\n"));
        out
    }

    fn element(&self) -> Element {
        let brick = |(number, name): (i64, &str)| {
            let uuid = self.str(&format!("brick{number}.uuid"));
            let brick = element("brick").attribute("uuid", uuid).text(name).leaf("name", name);
            brick.leaf("hostUuid", uuid).number("isArbiter", i32::from(self.is_arbiter(number)))
        };
        let option = |(name, value)| element("option").leaf("name", name).leaf("value", value);
        element("volume")
            .leaf("name", self.str("name"))
            .leaf("id", self.str("volume_id"))
            .number("status", self.int("status"))
            .leaf("statusStr", self.status_name())
            .number("snapshotCount", self.int("snap_count"))
            .number("brickCount", self.int("brick_count"))
            .number("distCount", self.sets())
            .number("replicaCount", self.int("replica_count"))
            .number("arbiterCount", self.int("arbiter_count"))
            .number("disperseCount", self.int("disperse_count"))
            .number("redundancyCount", self.int("redundancy_count"))
            .number("type", self.kind())
            .leaf("typeStr", self.kind_name())
            .number("transport", self.int("transport"))
            .child(element("bricks").list("brick", self.bricks().map(brick)))
            .number("optCount", self.int("opt_count"))
            .child(element("options").list("option", self.options().map(option)))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Scripted;

    /// A reply of the incumbent for a replicated volume with an arbiter, in the order of the wire.
    const ARBITER: [(&str, &str); 23] = [
        ("count", "1"),
        ("volume0.opt_count", "2"),
        ("volume0.option.nfs.disable", "on"),
        ("volume0.option.transport.address-family", "inet"),
        ("volume0.brick3.isArbiter", "1"),
        ("volume0.brick3.uuid", "u"),
        ("volume0.brick3", "vm:/c"),
        ("volume0.brick2.uuid", "u"),
        ("volume0.brick2", "vm:/b"),
        ("volume0.brick1.uuid", "u"),
        ("volume0.brick1", "vm:/a"),
        ("volume0.snap_count", "0"),
        ("volume0.volume_id", "id"),
        ("volume0.transport", "0"),
        ("volume0.arbiter_count", "1"),
        ("volume0.redundancy_count", "0"),
        ("volume0.disperse_count", "0"),
        ("volume0.replica_count", "3"),
        ("volume0.dist_count", "3"),
        ("volume0.brick_count", "3"),
        ("volume0.status", "1"),
        ("volume0.type", "2"),
        ("volume0.name", "a3"),
    ];

    const TEXT: &str = " \nVolume Name: a3\nType: Replicate\nVolume ID: id\nStatus: Started\nSnapshot Count: 0\n\
                        Number of Bricks: 1 x (2 + 1) = 3\nTransport-type: tcp\nBricks:\nBrick1: vm:/a\n\
                        Brick2: vm:/b\nBrick3: vm:/c (arbiter)\nOptions Reconfigured:\n\
                        transport.address-family: inet\nnfs.disable: on\n";

    #[test]
    fn a_volume_is_told_in_the_incumbents_lines() {
        assert_eq!(Scripted::default().reply((0, 0, ""), &ARBITER).run("volume info a3").out, TEXT);
    }

    #[test]
    fn all_volumes_are_asked_for_one_after_the_other() {
        let mut daemon = Scripted::default().reply((0, 0, ""), &ARBITER).reply((0, 0, ""), &[("count", "0")]);
        assert_eq!(daemon.run("volume info").out, TEXT);
        assert_eq!(daemon.asked[0].1.str("volname"), None);
        assert_eq!(daemon.asked[1].1.str("volname"), Some("a3"));
    }

    #[test]
    fn a_volume_that_is_not_there_is_named() {
        let mut daemon = Scripted::default().reply((-1, 30806, "Volume does not exist"), &[("count", "0")]);
        let said = daemon.run("volume info nosuch");
        assert_eq!((said.code, said.err.as_str()), (1, "Volume nosuch does not exist\n"));
    }
}
