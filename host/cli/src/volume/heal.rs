//! `volume heal`: copies are made equal again, and what is not equal yet is told.

use crate::brick::parts;
use crate::command::Command;
use crate::facts::Facts;
use crate::said::Said;
use crate::session::{Outcome, Session, Stop};
use gluster_xdr::cli::CliProc;
use plugin_api::Dict;
use std::path::Path;

pub(super) const HEAL: Command = Command::new(
    &[(
        "volume heal <VOLNAME> [enable | disable | full |statistics [heal-count [replica <HOSTNAME:BRICKNAME>]] |info [summary | \
         split-brain] |split-brain {bigger-file <FILE> | latest-mtime <FILE> |source-brick <HOSTNAME:BRICKNAME> [<FILE>]} \
         |granular-entry-heal {enable | disable}]",
        "make copies equal again, and tell what is not",
    )],
    heal,
);

/// The client that looks for entries to heal, where packages put it.
const LOOKERS: [&str; 3] = [
    "/usr/libexec/glusterfs/glfsheal",
    "/usr/lib/x86_64-linux-gnu/glusterfs/glfsheal",
    "/usr/lib/aarch64-linux-gnu/glusterfs/glfsheal",
];

/// What follows the success of an order that goes on in the background.
const LAUNCHED: &str = "Use heal info commands to check status.\n";

fn heal(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let [name, ref words @ ..] = *rest else { return Err(Stop::misfit()) };
    match *words {
        [] => order(session, name, 1, "Launching heal operation to perform index self heal", LAUNCHED),
        ["full"] => order(session, name, 2, "Launching heal operation to perform full self heal", LAUNCHED),
        ["enable"] => order(session, name, 12, "Enable heal", ""),
        ["disable"] => order(session, name, 13, "Disable heal", ""),
        ["granular-entry-heal", "enable"] => {
            let looked = look(session, name, &["granular-entry-heal-op"])?;
            if looked.code != 0 {
                return Ok(looked);
            }
            order(session, name, 15, "Enable granular entry heal", "")
        }
        ["granular-entry-heal", "disable"] => order(session, name, 16, "Disable granular entry heal", ""),
        ["info"] => look(session, name, &[]),
        ["info", "summary"] => look(session, name, &["info-summary"]),
        ["info", "split-brain"] => look(session, name, &["split-brain-info"]),
        ["split-brain", "bigger-file", file] => look(session, name, &["bigger-file", file]),
        ["split-brain", "latest-mtime", file] => look(session, name, &["latest-mtime", file]),
        ["split-brain", "source-brick", brick, ref file @ ..] if file.len() < 2 => {
            look(session, name, &[&["source-brick", brick], file].concat())
        }
        ["statistics"] => statistics(session, name),
        ["statistics", "heal-count"] => {
            counts(session, name, 8, None, "Gathering count of entries to be healed")
        }
        ["statistics", "heal-count", "replica", brick] => {
            let brick = parts(brick).ok_or_else(Stop::misfit)?;
            counts(session, name, 9, Some(brick), "Gathering count of entries to be healed per replica")
        }
        _ => Err(Stop::misfit()),
    }
}

/// Sends an order to the daemon: the reply's facts, or what is said of the refusal.
fn ask(session: &mut Session<'_>, request: Dict, what: &str) -> Result<Result<Dict, Said>, Stop> {
    let name = request.str("volname").unwrap_or_default().to_owned();
    let reply = session.ask(CliProc::HealVolume, request)?;
    let head = format!("{what} on volume {name} has been ");
    Ok(match reply.op_ret {
        0 => Ok(reply.dict),
        _ if reply.op_errstr.is_empty() => Err(Said::refused(format!("{head}unsuccessful. \n"))),
        _ => Err(Said::refused(format!("{head}unsuccessful:\n{}\n", reply.op_errstr))),
    })
}

fn of(name: &str, operation: i32) -> Dict {
    Dict::new().with("volname", name).with("heal-op", operation)
}

fn order(session: &mut Session<'_>, name: &str, operation: i32, what: &str, more: &str) -> Outcome {
    Ok(match ask(session, of(name, operation), what)? {
        Ok(_) => Said::out(format!("{what} on volume {name} has been successful \n{more}")),
        Err(refused) => refused,
    })
}

/// Has the client that can look into every brick answer; its words are the answer, its exit code is ours.
fn look(session: &mut Session<'_>, name: &str, words: &[&str]) -> Outcome {
    let Some(program) = LOOKERS.iter().map(Path::new).find(|path| path.exists()) else {
        let (known, first) = (LOOKERS.join(", "), LOOKERS[0]);
        return Ok(Said::refused(format!(
            "volume heal {name}: there is no glfsheal, which looks into the bricks, at {known}; install it as {first}\n"
        )));
    };
    let mut arguments = vec![name];
    arguments.extend(words);
    if session.wants_document() && words.first().is_none_or(|word| word.contains("info")) {
        arguments.push("--xml");
    }
    let socket = session.options.own_socket().map(|path| path.display().to_string());
    if let Some(socket) = &socket {
        arguments.extend(["glusterd-sock", socket]);
    }
    let ended = match std::process::Command::new(program).args(&arguments).output() {
        Ok(ended) => ended,
        Err(error) => return Ok(Said::refused(format!("{}: {error}\n", program.display()))),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = ended.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255);
    let mut said = Said { out: text(&ended.stdout), err: text(&ended.stderr), code, ..Said::default() };
    said.is_document = said.out.starts_with("<?xml");
    if code != 0 && !session.wants_document() {
        said.out += "Volume heal failed.\n";
    }
    Ok(said)
}

fn counts(
    session: &mut Session<'_>,
    name: &str,
    operation: i32,
    replica: Option<(&str, &str)>,
    what: &str,
) -> Outcome {
    let mut request = of(name, operation);
    if let Some((host, path)) = replica {
        request.set("per-replica-cmd-hostname", host);
        request.set("per-replica-cmd-path", path);
    }
    let dict = match ask(session, request, what)? {
        Ok(dict) => dict,
        Err(refused) => return Ok(refused),
    };
    let facts = Facts::of(&dict);
    let mut out = format!("{what} on volume {name} has been successful \n");
    for number in 0..facts.count("count") {
        let brick = facts.below(format_args!("{number}-"));
        if !brick.has("hostname") {
            continue;
        }
        out += &format!("\nBrick {}:{}\n", brick.str("hostname"), brick.str("path"));
        for status in [brick.str("status"), brick.str("shd-status")] {
            if !status.is_empty() {
                out += &format!("Status: {status}\n");
            }
        }
        if let Some(entries) = brick.number("hardlinks") {
            out += &format!("Number of entries: {entries}\n");
        }
    }
    Ok(Said::out(out))
}

fn statistics(session: &mut Session<'_>, name: &str) -> Outcome {
    let what = "Gathering crawl statistics";
    let dict = match ask(session, of(name, 7), what)? {
        Ok(dict) => dict,
        Err(refused) => return Ok(refused),
    };
    let facts = Facts::of(&dict);
    let mut out = format!("{what} on volume {name} has been successful \n");
    if facts.count("count") == 0 {
        out += &format!("All bricks of volume {name} are down.\n");
    }
    for brick in 0..facts.count("count") {
        let Some(host) = facts.text(&format!("{brick}-hostname")) else { continue };
        out += &"-".repeat(48);
        out += &format!("\n\nCrawl statistics for brick no {brick}\nHostname of brick {host}\n");
        for crawl in 0..facts.count(&format!("statistics-{brick}-count")) {
            out += &crawled(&facts, &format!("-{brick}-{crawl}"));
        }
    }
    Ok(Said::out(out))
}

fn crawled(facts: &Facts<'_>, tail: &str) -> String {
    // Times end as ctime(3) ends them.
    let text = |key: &str| facts.str(&format!("statistics_{key}{tail}")).trim_end();
    let number = |key: &str| facts.int(&format!("statistics_{key}{tail}"));
    let end = match number("inprogress") {
        1 => "Crawl is in progress".to_owned(),
        _ => format!("Ending time of crawl: {}", text("end_time")),
    };
    let (healed, split, failed) = (number("healed_cnt"), number("sb_cnt"), number("heal_failed_cnt"));
    format!(
        "\nStarting time of crawl: {}\n\n{end}\n\nType of crawl: {}\nNo. of entries healed: {healed}\nNo. of entries in \
         split-brain: {split}\nNo. of heal failed entries: {failed}\n",
        text("strt_time"),
        text("crawl_type"),
    )
}

#[cfg(test)]
mod tests {
    use crate::testing::Scripted;

    #[test]
    fn a_heal_is_launched_or_refused_in_the_incumbents_words() {
        let mut daemon = Scripted::default().reply((0, 0, ""), &[]).reply((-1, 0, "No."), &[]);
        let wanted = "Launching heal operation to perform full self heal on volume v has been successful \nUse heal info commands \
                      to check status.\n";
        assert_eq!(daemon.run("volume heal v full").out, wanted);
        let said = daemon.run("volume heal v");
        assert!(said.err.ends_with("index self heal on volume v has been unsuccessful:\nNo.\n"), "{said:?}");
        assert_eq!(daemon.asked[0].1.int("heal-op"), Some(2));
    }

    #[test]
    fn each_brick_tells_how_much_it_has_to_heal() {
        let wire = [
            ("count", "2"),
            ("0-hostname", "h"),
            ("0-path", "/a"),
            ("0-hardlinks", "7"),
            ("1-hostname", "h"),
            ("1-path", "/b"),
            ("1-shd-status", "no daemon"),
        ];
        let mut daemon = Scripted::default().reply((0, 0, ""), &wire);
        let said = daemon.run("volume heal v statistics heal-count replica h:/a");
        let wanted = "Gathering count of entries to be healed per replica on volume v has been successful \n\nBrick h:/a\nNumber of \
                      entries: 7\n\nBrick h:/b\nStatus: no daemon\n";
        assert_eq!(said.out, wanted);
        assert_eq!(daemon.asked[0].1.str("per-replica-cmd-path"), Some("/a"));
    }

    #[test]
    fn a_crawl_that_goes_on_has_no_end() {
        let wire = [
            ("count", "1"),
            ("0-hostname", "h"),
            ("statistics-0-count", "1"),
            ("statistics_crawl_type-0-0", "FULL"),
            ("statistics_inprogress-0-0", "1"),
            ("statistics_healed_cnt-0-0", "3"),
        ];
        let said = Scripted::default().reply((0, 0, ""), &wire).run("volume heal v statistics");
        let told = "\n\nCrawl is in progress\n\nType of crawl: FULL\nNo. of entries healed: 3\n";
        assert!(said.out.contains(told), "{}", said.out);
    }
}
