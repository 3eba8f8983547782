//! `volume bitrot`: files are signed, and read again to see whether they still are what was signed.

use crate::command::Command;
use crate::facts::Facts;
use crate::said::Said;
use crate::session::{Outcome, Session, Stop};
use gluster_xdr::cli::CliProc;
use plugin_api::Dict;

pub(super) const BITROT: Command = Command {
    forms: &[
        ("volume bitrot <VOLNAME> {enable|disable}", "sign files and look at them again, or stop it"),
        (
            "volume bitrot <VOLNAME> signing-time <time-in-secs>",
            "set how long a file rests before it is signed",
        ),
        ("volume bitrot <VOLNAME> signer-threads <count>", "set how many files are signed at once"),
        (
            "volume bitrot <volname> scrub-throttle {lazy|normal|aggressive}",
            "set how much of the machine looking again may take",
        ),
        (
            "volume bitrot <volname> scrub-frequency {hourly|daily|weekly|biweekly|monthly}",
            "set how often all files are looked at again",
        ),
        (
            "volume bitrot <volname> scrub {pause|resume|status|ondemand}",
            "hold looking again back, let it go on, begin it now, or tell how far it is",
        ),
    ],
    usage: "volume bitrot <VOLNAME> {enable|disable}\nvolume bitrot <VOLNAME> signing-time <time-in-secs>\nvolume bitrot <VOLNAME> \
            signer-threads <count>\nvolume bitrot <volname> scrub-throttle {lazy|normal|aggressive}\nvolume bitrot <volname> \
            scrub-frequency {hourly|daily|weekly|biweekly|monthly}\nvolume bitrot <volname> scrub \
            {pause|resume|status|ondemand}",
    run: bitrot,
};

const WORDS: [&str; 7] =
    ["enable", "disable", "scrub-throttle", "scrub-frequency", "scrub", "signing-time", "signer-threads"];
const THROTTLES: [&str; 3] = ["lazy", "normal", "aggressive"];
const FREQUENCIES: [&str; 6] = ["hourly", "daily", "weekly", "biweekly", "monthly", "minute"];
const SCRUBS: [(&str, i32); 4] = [("pause", 5), ("resume", 5), ("status", 7), ("ondemand", 8)];

fn bitrot(session: &mut Session<'_>, rest: &[&str]) -> Outcome {
    let [name, word, ref more @ ..] = *rest else { return Err(Stop::misfit()) };
    let request = |number: i32| Dict::new().with("volname", name).with("type", number);
    let among = |words: &[&str], value: &str, why: &str| match words.contains(&value) {
        true => Ok(()),
        false => Err(Stop::usage(why)),
    };
    let (request, good) = match (word, more) {
        ("enable", []) => (request(1), format!("success bitrot enabled for volume {name}")),
        ("disable", []) => (request(2), format!("success bitrot disabled for volume {name}")),
        ("scrub-throttle", &[value]) => {
            among(&THROTTLES, value, "Invalid scrub-throttle option for bitrot")?;
            let good = format!("scrub-throttle is set to {value} successfully for volume {name}");
            (request(3).with("scrub-throttle-value", value), good)
        }
        ("scrub-frequency", &[value]) => {
            among(&FREQUENCIES, value, "Invalid frequency option for bitrot")?;
            let good = format!("scrub-frequency is set to {value} successfully for volume {name}");
            (request(4).with("scrub-frequency-value", value), good)
        }
        ("scrub", &[value]) => {
            let known = SCRUBS.iter().find(|known| known.0 == value);
            let number = known.ok_or_else(|| Stop::usage("Invalid scrub option for bitrot"))?.1;
            let state = match value {
                "pause" => "paused",
                "resume" => "resumed",
                _ => "started ondemand",
            };
            let good = format!("scrubber {state} for volume {name}");
            (request(number).with("scrub-value", value), good)
        }
        ("signing-time", &[value]) => {
            let seconds = positive(value, "Expiry time  value should not be less than 1")?;
            (request(6).with("expiry-time", seconds), "success".to_owned())
        }
        ("signer-threads", &[value]) => {
            let count = positive(value, "signer-thread count should not be less than 1")?;
            (request(9).with("signer-threads", count), "success".to_owned())
        }
        ("scrub" | "scrub-throttle" | "scrub-frequency", []) => {
            return Err(Stop::usage(format!("Missing {word} value for bitrot option")));
        }
        _ if WORDS.contains(&word) => return Err(Stop::misfit()),
        _ => return Err(Stop::usage_out(format!("Invalid bit rot option : {word}"))),
    };
    let wants_status = request.int("type") == Some(7);
    let reply = session.ask(CliProc::Bitrot, request)?;
    Ok(match reply.op_ret {
        0 if wants_status => Said::out(state(name, &Facts::of(&reply.dict))),
        0 => Said::out(format!("volume bitrot: {good}\n")),
        _ if reply.op_errstr.is_empty() => Said::refused("Bitrot command : failed\n"),
        _ => Said::refused(format!("Bitrot command failed : {}\n", reply.op_errstr)),
    })
}

fn positive(word: &str, why: &str) -> Result<i64, Stop> {
    let number = word.parse::<u32>().ok().filter(|number| *number > 0);
    number.map(i64::from).ok_or_else(|| Stop::usage(why))
}

const RULE: &str = "=========================================================\n\n";

fn state(name: &str, facts: &Facts<'_>) -> String {
    let nodes = 1..=facts.count("count");
    let runs = nodes.clone().any(|node| facts.int(&format!("scrub-running-{node}")) != 0);
    let state = match (facts.str("features.scrub"), runs) {
        ("Active", true) => "Active (In Progress)",
        ("Active", false) => "Active (Idle)",
        (other, _) => other,
    };
    let line = |name: &str, value: &str| format!("{name}: {value}\n\n");
    let mut out = format!("\nVolume name : {name}\n\n");
    out += &line("State of scrub", state);
    out += &line("Scrub impact", facts.str("features.scrub-throttle"));
    out += &line("Scrub frequency", facts.str("features.scrub-freq"));
    out += &line("Bitrot error log location", facts.str("bitrot_log_file"));
    out += &line("Scrubber error log location", facts.str("scrub_log_file"));
    for node in nodes {
        let text = |key: &str| facts.str(&format!("{key}-{node}"));
        let number = |key: &str| facts.int(&format!("{key}-{node}"));
        let last = match text("last-scrub-time") {
            "" => "Scrubber pending to complete.",
            time => time,
        };
        let seconds = number("scrub-duration");
        let [days, hours, minutes] = [seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60];
        out += &format!("\n{RULE}{}", line("Node", text("node-name")));
        out += &line("Number of Scrubbed files", &number("scrubbed-files").to_string());
        out += &line("Number of Skipped files", &number("unsigned-files").to_string());
        out += &line("Last completed scrub time", last);
        out += &line(
            "Duration of last scrub (D:M:H:M:S)",
            &format!("{days}:{hours}:{minutes}:{}", seconds % 60),
        );
        let errors = facts.count(&format!("error-count-{node}"));
        out += &line("Error count", &errors.to_string());
        if errors > 0 {
            out += "Corrupted object's [GFID]:\n\n";
        }
        (0..errors).for_each(|error| out += &format!("{}\n\n", text(&format!("quarantine-{error}"))));
    }
    out + RULE
}

#[cfg(test)]
mod tests {
    use crate::testing::Scripted;

    #[test]
    fn a_node_tells_what_is_corrupt() {
        let wire = [
            ("count", "1"),
            ("features.scrub", "Active"),
            ("node-name-1", "localhost"),
            ("scrub-running-1", "1"),
            ("scrub-duration-1", "90061"),
            ("error-count-1", "1"),
            ("quarantine-0-1", "some-gfid"),
        ];
        let said = Scripted::default().reply((0, 0, ""), &wire).run("volume bitrot v scrub status");
        for told in [
            "State of scrub: Active (In Progress)\n",
            "(D:M:H:M:S): 1:1:1:1\n",
            "Error count: 1\n\nCorrupted object's [GFID]:\n\nsome-gfid\n",
        ] {
            assert!(said.out.contains(told), "{}", said.out);
        }
    }

    #[test]
    fn only_what_makes_sense_is_sent() {
        for (words, why) in [
            ("scrub", "Missing scrub value for bitrot option\n"),
            ("scrub now", "Invalid scrub option for bitrot\n"),
            ("scrub-throttle hard", "Invalid scrub-throttle option for bitrot\n"),
            ("signing-time 0", "Expiry time  value should not be less than 1\n"),
        ] {
            let mut daemon = Scripted::default();
            assert!(daemon.run(&format!("volume bitrot v {words}")).err.starts_with(why), "{words}");
            assert!(daemon.asked.is_empty());
        }
    }
}
