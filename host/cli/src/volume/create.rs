//! `volume create`.

use crate::brick::{NewBricks, check, leading_number};
use crate::command::Command;
use crate::said::Said;
use crate::session::{Outcome, Session, Stop};
use crate::volume::life::told;
use gluster_xdr::cli::CliProc;
use plugin_api::Dict;

pub(super) const CREATE: Command = Command::new(
    &[(
        "volume create <NEW-VOLNAME> [[replica <COUNT> [arbiter <COUNT>]]|[replica 2 thin-arbiter 1]] [disperse [<COUNT>]] \
         [disperse-data <COUNT>] [redundancy <COUNT>] [transport <tcp|rdma|tcp,rdma>] <NEW-BRICK> <TA-BRICK>... [force]",
        "make a volume of bricks: of whole files, of copies, or of fragments",
    )],
    create,
);

/// Words that no volume may be called.
const RESERVED: [&str; 13] = [
    "volume",
    "type",
    "help",
    "subvolumes",
    "option",
    "end-volume",
    "all",
    "volume_not_in_ring",
    "description",
    "force",
    "snap-max-hard-limit",
    "snap-max-soft-limit",
    "auto-delete",
];

/// A volume as asked for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted<'a> {
    name: &'a str,
    kind: Kind,
    transport: &'a str,
    bricks: NewBricks,
    force: bool,
    /// What is to be asked before.
    doubt: Option<&'static str>,
}

/// What the bricks hold.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// Each file whole, on one.
    Distribute,
    /// Copies.
    Replicate {
        copies: i64,
        /// The last of each set holds names alone.
        arbiter: bool,
        /// A brick for all sets that says which copy is good.
        thin_arbiter: Option<String>,
    },
    /// Fragments, `redundancy` of which may be lost.
    Disperse { count: i64, redundancy: i64 },
}

/// The words between the name and the bricks.
#[derive(Debug, Default)]
struct Counts<'a> {
    replica: Option<i64>,
    arbiter: Option<i64>,
    thin_arbiter: Option<i64>,
    /// 0 where all bricks are one set.
    disperse: Option<i64>,
    data: Option<i64>,
    redundancy: Option<i64>,
    transport: Option<&'a str>,
}

const TWO_COPIES: &str = "Of two copies nobody can tell which is right when they differ: with an arbiter or a third copy one \
                          can. Do you still want to continue?";
const ARBITER: &str = "For arbiter configuration, replica count must be 2 and arbiter count must be 1. The 3rd brick of the replica \
                       will be the arbiter";
const ONE_LOST: &str =
    "No redundancy fits this number of bricks well. Do you want to create the volume with redundancy 1?";

fn create(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let wanted = parse(rest).map_err(Stop::usage)?;
    if wanted.doubt.is_some_and(|doubt| !session.agrees(doubt)) {
        return Ok(Said::refused("Volume create canceled\n"));
    }
    let mut request = Dict::new()
        .with("volname", wanted.name)
        .with("type", wanted.kind.number())
        .with("transport", wanted.transport)
        .with("bricks", wanted.bricks.joined())
        .with("count", wanted.bricks.count())
        .with("force", i32::from(wanted.force || session.options.force));
    wanted.kind.put(&mut request);
    if session.options.ignore_partition {
        request.set("ignore-partition", 1);
    }
    let reply = session.ask(CliProc::CreateVolume, request)?;
    let good = "please start the volume to access data";
    let said = told(session, &reply, "volume create", wanted.name, "volCreate", good);
    Ok(Said { err: format!("{}{}", wanted.bricks.notes, said.err), ..said })
}

impl Kind {
    fn number(&self) -> i32 {
        match self {
            Kind::Distribute => 0,
            Kind::Replicate { .. } => 2,
            Kind::Disperse { .. } => 4,
        }
    }

    fn put(&self, request: &mut Dict) {
        match self {
            Kind::Distribute => {}
            Kind::Replicate { copies, arbiter, thin_arbiter } => {
                request.set("replica-count", *copies);
                if *arbiter {
                    request.set("arbiter-count", 1);
                }
                if let Some(brick) = thin_arbiter {
                    request.set("thin-arbiter-count", 1);
                    request.set("ta-brick", brick.clone());
                }
            }
            Kind::Disperse { count, redundancy } => {
                request.set("disperse-count", *count);
                request.set("redundancy-count", *redundancy);
            }
        }
    }
}

/// The reason for a refusal is empty where the usage says it all.
fn parse<'a>(rest: &[&'a str]) -> Result<Wanted<'a>, String> {
    let [name, words @ ..] = rest else { return Err(String::new()) };
    check_name(name)?;
    let (words, force) = match words {
        [words @ .., "force"] => (words, true),
        words => (words, false),
    };
    let (counts, words) = Counts::take(words)?;
    let (words, thin_arbiter) = match (counts.thin_arbiter, words) {
        (Some(_), [words @ .., last]) => (words, Some(check(last)?.to_owned())),
        _ => (words, None),
    };
    if words.is_empty() {
        return Err(if force { "No bricks specified".to_owned() } else { String::new() });
    }
    let bricks = NewBricks::of(words)?;
    let (kind, doubt) = counts.kind(bricks.count(), thin_arbiter)?;
    let transport = counts.transport.unwrap_or("tcp");
    Ok(Wanted { name, kind, transport, bricks, force, doubt })
}

impl<'a> Counts<'a> {
    fn take<'w>(words: &'w [&'a str]) -> Result<(Self, &'w [&'a str]), String> {
        let mut counts = Counts::default();
        let mut left = words;
        loop {
            let (place, rest) = match *left {
                ["replica", ref rest @ ..] => (&mut counts.replica, rest),
                ["arbiter", ref rest @ ..] => (&mut counts.arbiter, rest),
                ["thin-arbiter", ref rest @ ..] => (&mut counts.thin_arbiter, rest),
                ["disperse", ref rest @ ..] => (&mut counts.disperse, rest),
                ["disperse-data", ref rest @ ..] => (&mut counts.data, rest),
                ["redundancy", ref rest @ ..] => (&mut counts.redundancy, rest),
                ["transport", kind @ ("tcp" | "rdma" | "tcp,rdma"), ref rest @ ..] => {
                    counts.transport = Some(kind);
                    left = rest;
                    continue;
                }
                ["transport", ..] => return Err(String::new()),
                ["stripe", ..] => return Err("stripe is not supported any more".to_owned()),
                _ => return Ok((counts, left)),
            };
            let what = left[0];
            let is_bare = what == "disperse" && rest.first().is_none_or(|word| word.parse::<i64>().is_err());
            let (number, rest) = match rest {
                _ if is_bare => (0, rest),
                [number, rest @ ..] => (leading_number(number), rest),
                [] => return Err(String::new()),
            };
            if place.replace(number).is_some() {
                return Err(format!("{what} is given twice"));
            }
            if number < least(what) && !is_bare {
                return Err(too_few(what));
            }
            left = rest;
        }
    }

    /// What the counts make of so many bricks, and what is to be asked about it.
    fn kind(
        &self,
        bricks: i64,
        thin_arbiter: Option<String>,
    ) -> Result<(Kind, Option<&'static str>), String> {
        let disperse = self.disperse.or(self.data).or(self.redundancy);
        match (self.replica, disperse) {
            (Some(_), Some(_)) => Err("replica and disperse cannot be combined".to_owned()),
            (None, None) if self.arbiter.or(self.thin_arbiter).is_some() => {
                Err("arbiter option must be preceded by replica option.".to_owned())
            }
            (None, None) => Ok((Kind::Distribute, None)),
            (Some(copies), None) => self.copies(copies, thin_arbiter),
            (None, Some(_)) => self.fragments(bricks),
        }
    }

    fn copies(
        &self,
        copies: i64,
        thin_arbiter: Option<String>,
    ) -> Result<(Kind, Option<&'static str>), String> {
        let arbiter = self.arbiter.is_some();
        // Two copies and an arbiter are a set of three, however one counts.
        let copies = if arbiter && copies == 2 { 3 } else { copies };
        if arbiter && (self.arbiter != Some(1) || copies != 3) {
            return Err(ARBITER.to_owned());
        }
        if self.thin_arbiter.is_some() && (self.thin_arbiter != Some(1) || copies != 2) {
            return Err("a thin arbiter needs replica 2 and thin-arbiter 1".to_owned());
        }
        let doubt = (copies == 2 && thin_arbiter.is_none()).then_some(TWO_COPIES);
        Ok((Kind::Replicate { copies, arbiter, thin_arbiter }, doubt))
    }

    fn fragments(&self, bricks: i64) -> Result<(Kind, Option<&'static str>), String> {
        let count = match (self.disperse, self.data, self.redundancy) {
            (Some(count), ..) if count > 0 => count,
            (_, Some(data), Some(redundancy)) => data.saturating_add(redundancy),
            _ => bricks,
        };
        if count < 3 {
            return Err(too_few("disperse"));
        }
        let (redundancy, doubt) = match (self.redundancy, self.data) {
            (Some(redundancy), _) => (redundancy, None),
            (None, Some(data)) => (count - data, None),
            (None, None) => {
                let fits = |lost: &i64| (count - lost).cast_unsigned().is_power_of_two();
                (1..=(count - 1) / 2).find(fits).map_or((1, Some(ONE_LOST)), |lost| (lost, None))
            }
        };
        if redundancy < 1 || redundancy > (count - 1) / 2 {
            let end = (count + 1) / 2;
            return Err(format!(
                "redundancy must be greater than or equal to 1 and less than {end} for a disperse {count} volume"
            ));
        }
        if self.data.is_some_and(|data| data != count - redundancy) {
            return Err("disperse, disperse-data and redundancy do not fit each other".to_owned());
        }
        if bricks % count != 0 {
            return Err("number of bricks is not a multiple of disperse count".to_owned());
        }
        Ok((Kind::Disperse { count, redundancy }, doubt))
    }
}

fn too_few(what: &str) -> String {
    let verb = if what == "disperse" { "must" } else { "should" };
    format!("{what} count {verb} be greater than {}", least(what) - 1)
}

/// The least that may be asked for.
fn least(what: &str) -> i64 {
    match what {
        "replica" | "disperse-data" => 2,
        "disperse" => 3,
        _ => 1,
    }
}

fn check_name(name: &str) -> Result<(), String> {
    if name.starts_with('-') || name.contains('/') {
        return Err(String::new());
    }
    if RESERVED.contains(&name) || name == "activate-on-create" {
        return Err(format!("\"{name}\" cannot be the name of a volume."));
    }
    if name.len() > 256 {
        return Err("Volume name exceeds 256 characters.".to_owned());
    }
    let stray = name.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'));
    stray.map_or(Ok(()), |c| {
        Err(format!(
            "Volume name should not contain \"{c}\" character.\nVolume names can onlycontain alphanumeric, '-' and \
             '_' characters."
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scripted;

    #[test]
    fn the_request_has_the_incumbents_keys_in_its_order() {
        let mut daemon = Scripted::default().reply((0, 0, ""), &[]);
        let said = daemon.run("volume create d1 vm:/bricks/t/d1a vm:/bricks/t/d1b force");
        assert_eq!(said.out, "volume create: d1: success: please start the volume to access data\n");
        let (procedure, request) = &daemon.asked[0];
        assert_eq!(*procedure, CliProc::CreateVolume);
        let keys: Vec<&str> = request.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["volname", "type", "transport", "bricks", "count", "force", "cmd-str"]);
        assert_eq!(request.str("bricks"), Some(" vm:/bricks/t/d1a vm:/bricks/t/d1b "));
        assert_eq!(
            (request.int("count"), request.int("force"), request.int("type")),
            (Some(2), Some(1), Some(0))
        );
    }

    fn kind(line: &str) -> Result<Kind, String> {
        parse(&line.split(' ').collect::<Vec<_>>()).map(|wanted| wanted.kind)
    }

    #[test]
    fn copies_come_in_whole_sets() {
        let copies = |copies, arbiter| Ok(Kind::Replicate { copies, arbiter, thin_arbiter: None });
        assert_eq!(kind("v replica 3 h:/a h:/b h:/c"), copies(3, false));
        assert_eq!(kind("v replica 3 arbiter 1 h:/a h:/b h:/c"), copies(3, true));
        assert_eq!(kind("v replica 2 arbiter 1 h:/a h:/b h:/c force"), copies(3, true));
        assert_eq!(kind("v replica 3 h:/a h:/b"), copies(3, false), "the daemon counts");
        assert_eq!(kind("v replica 1 h:/a"), Err("replica count should be greater than 1".to_owned()));
        assert!(kind("v arbiter 1 h:/a").expect_err("of nothing").contains("preceded by replica"));
        let thin = Some("h:/t".to_owned());
        let wanted = Ok(Kind::Replicate { copies: 2, arbiter: false, thin_arbiter: thin });
        assert_eq!(kind("v replica 2 thin-arbiter 1 h:/a h:/b h:/t"), wanted);
    }

    #[test]
    fn fragments_have_a_redundancy_that_fits() {
        let fragments = |count, redundancy| Ok(Kind::Disperse { count, redundancy });
        let six = "h:/a h:/b h:/c h:/d h:/e h:/f";
        assert_eq!(kind(&format!("v disperse {six}")), fragments(6, 2));
        assert_eq!(kind(&format!("v disperse 3 {six}")), fragments(3, 1));
        assert_eq!(kind(&format!("v disperse-data 4 redundancy 2 {six}")), fragments(6, 2));
        assert_eq!(kind(&format!("v disperse-data 4 {six}")), fragments(6, 2));
        assert_eq!(kind(&format!("v redundancy 1 {six}")), fragments(6, 1));
        for wrong in [
            "disperse 6 redundancy 3",
            "disperse 6 disperse-data 5 redundancy 2",
            "disperse 4",
            "replica 2 disperse 3",
        ] {
            assert!(kind(&format!("v {wrong} {six}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn who_is_in_doubt_about_two_copies_makes_no_volume() {
        let mut daemon = Scripted::default().disagreeing();
        assert_eq!(daemon.run("volume create v replica 2 h:/a h:/b").code, 1);
        assert!(daemon.asked.is_empty());
    }

    #[test]
    fn counts_go_along() {
        let mut daemon = Scripted::default().reply((0, 0, ""), &[]);
        daemon.run("volume create v replica 3 arbiter 1 transport tcp h:/a h:/b h:/c");
        let request = &daemon.asked[0].1;
        assert_eq!(
            (request.int("type"), request.int("replica-count"), request.int("arbiter-count")),
            (Some(2), Some(3), Some(1))
        );
    }

    #[test]
    fn a_name_that_cannot_be_one_is_refused_with_its_reason() {
        assert_eq!(parse(&["all", "h:/a"]), Err("\"all\" cannot be the name of a volume.".to_owned()));
        assert!(
            parse(&["a.b", "h:/a"]).expect_err("a dot").starts_with("Volume name should not contain \".\"")
        );
        assert_eq!(parse(&[&"x".repeat(257), "h:/a"]), Err("Volume name exceeds 256 characters.".to_owned()));
        assert_eq!(parse(&["v"]), Err(String::new()));
        assert_eq!(parse(&["v", "force"]), Err("No bricks specified".to_owned()));
        assert_eq!(parse(&["v", "h:/a", "h:/a/"]), Err("Found duplicate exports h:/a".to_owned()));
        assert_eq!(parse(&["v", "transport"]), Err(String::new()));
    }
}
