//! What a command that was done is told of as an event: the CLI tells, as the incumbent's does, not the daemon.

use gluster_events::Event;

/// The event of a command, by the words that name it and those that follow; nothing for one that only shows something.
pub(crate) fn of(command: &str, rest: &[&str]) -> Option<(Event, String)> {
    let volume = *rest.first()?;
    let said = |word: &str| rest.contains(&word);
    let named = |event: Event, more: String| Some((event, format!("name={volume}{more}")));
    let of_volume = |event: Event, more: String| Some((event, format!("volume={volume}{more}")));
    let with_force = |event| named(event, format!(";force={}", u8::from(said("force"))));
    match command {
        "peer probe" => Some((Event::PeerAttach, format!("host={volume}"))),
        "peer detach" => Some((Event::PeerDetach, format!("host={volume}"))),
        "volume create" => named(Event::VolumeCreate, format!(";bricks= {}", bricks(rest))),
        "volume start" => with_force(Event::VolumeStart),
        "volume stop" => with_force(Event::VolumeStop),
        "volume delete" => named(Event::VolumeDelete, String::new()),
        "volume set" if rest.len() > 2 => {
            named(Event::VolumeSet, format!(";options=,{}", rest[1..].join(",")))
        }
        "volume reset" => {
            let option = rest.get(1).filter(|option| **option != "force").unwrap_or(&"all");
            named(Event::VolumeReset, format!(";option={option}"))
        }
        "volume add-brick" => of_volume(Event::VolumeAddBrick, format!(";bricks={}", bricks(rest))),
        "volume remove-brick" => {
            let event = match *rest.last()? {
                "start" => Event::VolumeRemoveBrickStart,
                "stop" => Event::VolumeRemoveBrickStop,
                "commit" => Event::VolumeRemoveBrickCommit,
                "force" => Event::VolumeRemoveBrickForce,
                _ => return None,
            };
            of_volume(event, format!(";bricks={}", bricks(rest)))
        }
        "volume replace-brick" => moved(Event::BrickReplace, volume, rest),
        "volume reset-brick" if said("start") => moved(Event::BrickResetStart, volume, rest),
        "volume reset-brick" => moved(Event::BrickResetCommit, volume, rest),
        "volume rebalance" if said("start") => of_volume(Event::VolumeRebalanceStart, String::new()),
        "volume rebalance" if said("stop") => of_volume(Event::VolumeRebalanceStop, String::new()),
        "volume quota" => quota(volume, &rest[1..]),
        "volume bitrot" => bitrot(volume, &rest[1..]),
        _ => None,
    }
}

/// The bricks among the words, each with a blank behind it.
fn bricks(words: &[&str]) -> String {
    words.iter().filter(|word| word.contains(":/")).map(|brick| format!("{brick} ")).collect()
}

fn moved(event: Event, volume: &str, rest: &[&str]) -> Option<(Event, String)> {
    let mut bricks = rest.iter().filter(|word| word.contains(":/"));
    let from = format!("Volume={volume};source-brick={}", bricks.next()?);
    Some((event, bricks.next().map_or(from.clone(), |to| format!("{from};destination-brick={to}"))))
}

fn quota(volume: &str, rest: &[&str]) -> Option<(Event, String)> {
    let (event, details) = match *rest {
        ["enable"] => (Event::QuotaEnable, String::new()),
        ["disable"] => (Event::QuotaDisable, String::new()),
        ["limit-usage", path, limit, ..] => {
            (Event::QuotaSetUsageLimit, format!(";path={path};limit={limit}"))
        }
        ["limit-objects", path, limit, ..] => {
            (Event::QuotaSetObjectsLimit, format!(";path={path};limit={limit}"))
        }
        ["remove", path] => (Event::QuotaRemoveUsageLimit, format!(";path={path}")),
        ["remove-objects", path] => (Event::QuotaRemoveObjectsLimit, format!(";path={path}")),
        ["alert-time", time] => (Event::QuotaAlertTime, format!(";time={time}")),
        ["soft-timeout", time] => (Event::QuotaSoftTimeout, format!(";soft-timeout={time}")),
        ["hard-timeout", time] => (Event::QuotaHardTimeout, format!(";hard-timeout={time}")),
        ["default-soft-limit", percent] => {
            (Event::QuotaDefaultSoftLimit, format!(";default-soft-limit={percent}"))
        }
        _ => return None,
    };
    Some((event, format!("volume={volume}{details}")))
}

/// The incumbent tells `(null)` in place of the volume when it is enabled or disabled; here it is named.
fn bitrot(volume: &str, rest: &[&str]) -> Option<(Event, String)> {
    let (event, value) = match *rest {
        ["enable"] => (Event::BitrotEnable, None),
        ["disable"] => (Event::BitrotDisable, None),
        ["scrub-throttle", value] => (Event::BitrotScrubThrottle, Some(value)),
        ["scrub-frequency", value] => (Event::BitrotScrubFrequency, Some(value)),
        ["scrub", value @ ("pause" | "resume")] => (Event::BitrotScrubOption, Some(value)),
        ["scrub", "ondemand"] => (Event::BitrotScrubOnDemand, Some("ondemand")),
        _ => return None,
    };
    Some((event, value.map_or(format!("name={volume}"), |value| format!("name={volume};value={value}"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scripted;

    #[test]
    fn only_what_was_done_is_told() {
        let mut daemon = Scripted::default()
            .reply((0, 0, ""), &[("volname", "v")])
            .reply((-1, 0, "no"), &[("volname", "v")])
            .reply((-1, 0, "no"), &[("volname", "v")]);
        daemon.run("volume start v force");
        daemon.run("volume start v");
        daemon.run("volume start v --xml");
        assert_eq!(daemon.told, [(Event::VolumeStart, "name=v;force=1".to_owned())]);
        let mut daemon = Scripted::default().disagreeing();
        daemon.run("volume stop v");
        assert_eq!(daemon.told, []);
    }

    fn told(line: &str) -> Option<(u32, String)> {
        let words: Vec<&str> = line.split(' ').collect();
        let (event, details) = of(&words[..2].join(" "), &words[2..])?;
        Some((event as u32, details))
    }

    #[test]
    fn events_are_worded_as_glusterfs_10_words_them() {
        for (line, number, details) in [
            ("volume create v box:/b1 box:/b2 force", 2, "name=v;bricks= box:/b1 box:/b2 "),
            ("volume start v", 3, "name=v;force=0"),
            ("volume start v force", 3, "name=v;force=1"),
            ("volume stop v", 4, "name=v;force=0"),
            ("volume delete v", 5, "name=v"),
            ("volume set v a 5% b on", 6, "name=v;options=,a,5%,b,on"),
            ("volume reset v a", 7, "name=v;option=a"),
            ("volume reset v", 7, "name=v;option=all"),
            ("volume add-brick v box:/b3 force", 123, "volume=v;bricks=box:/b3 "),
            ("volume remove-brick v box:/b3 start", 125, "volume=v;bricks=box:/b3 "),
            ("volume remove-brick v box:/b3 stop", 129, "volume=v;bricks=box:/b3 "),
            ("volume remove-brick v box:/b3 force", 131, "volume=v;bricks=box:/b3 "),
            ("volume rebalance v start", 134, "volume=v"),
            ("volume quota v enable", 25, "volume=v"),
            ("volume quota v limit-usage / 1GB", 27, "volume=v;path=/;limit=1GB"),
            ("volume quota v remove-objects /", 30, "volume=v;path=/"),
            ("volume quota v alert-time 1d", 31, "volume=v;time=1d"),
            ("volume quota v soft-timeout 10", 32, "volume=v;soft-timeout=10"),
            ("volume quota v default-soft-limit 50", 34, "volume=v;default-soft-limit=50"),
            ("volume bitrot v scrub-throttle lazy", 21, "name=v;value=lazy"),
            ("volume bitrot v scrub pause", 23, "name=v;value=pause"),
            ("volume reset-brick v box:/b1 start", 8, "Volume=v;source-brick=box:/b1"),
            (
                "volume reset-brick v box:/b1 box:/b1 commit force",
                9,
                "Volume=v;source-brick=box:/b1;destination-brick=box:/b1",
            ),
        ] {
            assert_eq!(told(line), Some((number, details.to_owned())), "{line}");
        }
    }

    #[test]
    fn what_only_shows_something_is_no_event() {
        for line in [
            "volume info v",
            "volume rebalance v status",
            "volume remove-brick v box:/b status",
            "volume quota v list",
            "volume bitrot v scrub status",
            "volume set help",
        ] {
            assert_eq!(told(line), None, "{line}");
        }
    }
}
