//! `volume create`.

use crate::daemon::AskError;
use crate::said::Said;
use crate::volume::told;
use crate::words::Session;
use gluster_xdr::cli::CliProc;
use plugin_api::Dict;

const USAGE: &str = "volume create <NEW-VOLNAME> [[replica <COUNT> [arbiter <COUNT>]]|[replica 2 thin-arbiter 1]] \
                     [disperse [<COUNT>]] [disperse-data <COUNT>] [redundancy <COUNT>] [transport \
                     <tcp|rdma|tcp,rdma>] <NEW-BRICK> <TA-BRICK>... [force]";

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

/// A distributed volume as asked for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted<'a> {
    name: &'a str,
    transport: &'a str,
    bricks: Vec<String>,
    force: bool,
}

/// `volume create NAME [transport T] BRICK... [force]`.
pub(crate) fn create(session: &mut Session<'_>, rest: &[&str]) -> Result<Said, AskError> {
    let wanted = match parse(rest) {
        Ok(wanted) => wanted,
        Err(why) => return Ok(Said::usage(&why, USAGE)),
    };
    let mut request = Dict::new()
        .with("volname", wanted.name)
        .with("type", 0)
        .with("transport", wanted.transport)
        .with("bricks", format!(" {} ", wanted.bricks.join(" ")))
        .with("count", i64::try_from(wanted.bricks.len()).unwrap_or(i64::MAX))
        .with("force", i32::from(wanted.force));
    if session.options.ignore_partition {
        request.set("ignore-partition", 1);
    }
    let reply = session.daemon.ask(CliProc::CreateVolume, session.with_command(request))?;
    let good = "success: please start the volume to access data";
    Ok(told(session, &reply, "volume create", wanted.name, "volCreate", good))
}

/// The reason for a refusal is empty where the usage says it all.
fn parse<'a>(rest: &[&'a str]) -> Result<Wanted<'a>, String> {
    let [name, words @ ..] = rest else { return Err(String::new()) };
    check_name(name)?;
    let (words, force) = match words {
        [words @ .., "force"] => (words, true),
        words => (words, false),
    };
    let (transport, words) = match words {
        ["transport", kind @ ("tcp" | "rdma" | "tcp,rdma"), words @ ..] => (*kind, words),
        ["transport", ..] => return Err(String::new()),
        [
            "replica" | "disperse" | "disperse-data" | "redundancy" | "stripe" | "arbiter" | "thin-arbiter",
            ..,
        ] => {
            return Err(format!(
                "{} volumes are not made by this CLI yet; the incumbent's makes them",
                words[0]
            ));
        }
        words => ("tcp", words),
    };
    if words.is_empty() {
        return Err(if force { "No bricks specified".to_owned() } else { String::new() });
    }
    let mut bricks: Vec<String> = Vec::with_capacity(words.len());
    for word in words {
        let brick = check_brick(word)?;
        if bricks.contains(&brick) {
            return Err(format!("Found duplicate exports {brick}"));
        }
        bricks.push(brick);
    }
    Ok(Wanted { name, transport, bricks, force })
}

fn check_name(name: &str) -> Result<(), String> {
    if name.starts_with('-') {
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

/// `host:/path`, the path without repeated or trailing slashes.
fn check_brick(word: &str) -> Result<String, String> {
    let wrong = || format!("Wrong brick type: {word}, use <HOSTNAME>:<export-dir-abs-path>");
    let (host, path) = word.rsplit_once(":/").filter(|(host, _)| !host.is_empty()).ok_or_else(wrong)?;
    if host == "localhost" || host == "127.0.0.1" || host.starts_with("0.") {
        return Err(
            "Please provide a valid hostname/ip other than localhost, 127.0.0.1 or loopback address \
                    (0.0.0.0 to 0.255.255.255)."
                .to_owned(),
        );
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    Ok(format!("{host}:/{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::tests::Scripted;

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

    #[test]
    fn a_brick_is_a_host_and_an_absolute_path() {
        assert_eq!(check_brick("box://srv///a/").as_deref(), Ok("box:/srv/a"));
        for wrong in ["box", "box:srv/a", ":/srv/q", "force"] {
            assert!(
                check_brick(wrong).expect_err(wrong).starts_with(&format!("Wrong brick type: {wrong}, use"))
            );
        }
        for lost in ["localhost:/a", "127.0.0.1:/a", "0.1.2.3:/a"] {
            assert!(check_brick(lost).expect_err(lost).starts_with("Please provide a valid hostname"));
        }
    }

    #[test]
    fn a_name_that_cannot_be_one_is_refused_with_its_reason() {
        assert_eq!(parse(&["all", "h:/a"]), Err("\"all\" cannot be the name of a volume.".to_owned()));
        assert!(
            parse(&["a/b", "h:/a"]).expect_err("a slash").starts_with("Volume name should not contain \"/\"")
        );
        assert_eq!(parse(&[&"x".repeat(257), "h:/a"]), Err("Volume name exceeds 256 characters.".to_owned()));
        assert_eq!(parse(&["v"]), Err(String::new()));
        assert_eq!(parse(&["v", "force"]), Err("No bricks specified".to_owned()));
        assert_eq!(parse(&["v", "h:/a", "h:/a/"]), Err("Found duplicate exports h:/a".to_owned()));
        assert_eq!(parse(&["v", "transport"]), Err(String::new()));
    }
}
