//! Starts that must fail: one clear message with the place, a true exit code, and nothing left behind.

#![forbid(unsafe_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::built::{add_plugin, file, host, plugin_folder};
use tests::process::{Answer, run};
use tests::sandbox::{LIMIT, Sandbox};
use tests::stack::workspace;
use tests::wait::wait_until;

/// Private places for one daemon.
struct Places {
    folder: TempDir,
    plugins: TempDir,
}

impl Places {
    fn new(plugins: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("the temporary folder takes a folder");
        Self { folder, plugins: plugin_folder(plugins) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a volfile.
    fn volfile(&self, text: &str) -> PathBuf {
        let path = self.path("given.vol");
        fs::write(&path, text).expect("scratch");
        path
    }

    /// The host with every place moved here: volfile, log, pid file, socket.
    fn host(&self, name: &str, volfile: &Path) -> Command {
        let mut command = host(name);
        command.arg("-f").arg(volfile).arg("-l").arg(self.path("log"));
        command.arg("-p").arg(self.path("pid")).arg("-S").arg(self.path("socket"));
        command.arg("--plugin-dir").arg(self.plugins.path());
        command
    }

    /// Starts the host in the foreground and as a daemon: both must say the same and leave nothing. What they said.
    #[track_caller]
    fn refused(&self, volfile: &Path, more: &[&str]) -> Answer {
        let foreground = run(self.host("glusterfsd", volfile).arg("-N").args(more), LIMIT);
        self.nothing_is_left();
        let daemon = run(self.host("glusterfsd", volfile).args(more), LIMIT);
        self.nothing_is_left();
        assert_ne!(foreground.code, 0, "{foreground:?}");
        assert_eq!(foreground, daemon, "the parent says what the daemon would have said");
        assert_eq!(foreground.out, "");
        foreground
    }

    #[track_caller]
    fn nothing_is_left(&self) {
        for name in ["pid", "socket"] {
            assert!(!self.path(name).exists(), "{name} was left behind");
        }
    }
}

const SOCKET: &str = "rpc-transport/socket";

#[test]
fn each_bad_volfile_is_refused_with_its_message() {
    let places = Places::new(&[SOCKET]);
    let bad = workspace().join("volfiles/bad");
    let mut judged = 0;
    for entry in fs::read_dir(&bad).expect("it is part of the source") {
        let volfile = entry.expect("a name").path();
        if volfile.extension().is_none_or(|extension| extension != "vol") {
            continue;
        }
        let answer = places.refused(&volfile, &[]);
        let expected = fs::read_to_string(volfile.with_extension("msg")).expect("its message lies beside it");
        // Messages name the file as it was given: here by its whole path.
        let said = answer.err.replace(&format!("{}/", bad.display()), "");
        let said = said.trim_start_matches("glusterfsd: ");
        assert_eq!((answer.code, said.trim_end()), (1, expected.trim_end()), "{}", volfile.display());
        judged += 1;
    }
    assert!(judged > 20, "the bad volfiles are where they should be");
}

#[test]
fn a_volfile_that_cannot_be_read_is_named() {
    let places = Places::new(&[SOCKET]);
    let missing = places.path("missing.vol");
    let answer = places.refused(&missing, &[]);
    assert_eq!(answer.err.lines().count(), 1, "{answer:?}");
    assert!(answer.err.contains(&missing.display().to_string()), "{answer:?}");
    let answer = places.refused(places.folder.path(), &[]);
    assert!(answer.err.contains(&places.folder.path().display().to_string()), "{answer:?}");
}

/// Expects a refusal that says `words` and shows `place` of the volfile: line, column.
#[track_caller]
fn refused_at(places: &Places, text: &str, place: &str, words: &[&str]) {
    let answer = places.refused(&places.volfile(text), &[]);
    assert_eq!(answer.code, 1);
    assert_eq!(answer.err.matches("Error: ").count(), 1, "one fault, one message:\n{}", answer.err);
    for word in words.iter().chain(&[format!("given.vol:{place} ]").as_str()]) {
        assert!(answer.err.contains(word), "no {word} in\n{}", answer.err);
    }
}

#[test]
fn types_and_options_are_refused_at_their_place() {
    let places = Places::new(&[SOCKET, "debug/trace"]);
    let volfile = |type_name: &str, option: &str| {
        format!("volume v\n    type {type_name}\n    option {option}\nend-volume\n")
    };
    let type_words = ["there is no translator `debug/tarce` (did you mean `debug/trace`?)"];
    refused_at(&places, &volfile("debug/tarce", "log-history on"), "2:10", &type_words);
    let key_words = ["knows no option `log-histroy`", "did you mean `log-history`?"];
    refused_at(&places, &volfile("debug/trace", "log-histroy on"), "3:12", &key_words);
    let value_words = ["option `log-history` of volume `v` is `perhaps`, expected on or off"];
    refused_at(&places, &volfile("debug/trace", "log-history perhaps"), "3:24", &value_words);
}

#[test]
fn a_plugin_with_a_fault_is_refused_where_the_volfile_names_it() {
    let places = Places::new(&[SOCKET, "bad/no-root", "bad/other-major", "bad/other-layout"]);
    for (name, reason) in [
        ("bad/no-root", "it exports no root"),
        ("bad/other-major", "built for plugin-api 2.0.0, this host speaks 1.0"),
        ("bad/other-layout", "its types are not those of plugin-api 1.0"),
    ] {
        let file = format!("{name}.so: ");
        refused_at(&places, &format!("volume v\n    type {name}\nend-volume\n"), "2:10", &[&file, reason]);
    }
}

#[test]
fn a_panic_while_a_translator_is_made_or_started_is_a_message() {
    let places = Places::new(&[SOCKET, "bad/create-panics", "bad/init-panics"]);
    for (name, why) in [
        ("bad/create-panics", "it panicked while it was made"),
        ("bad/init-panics", "it panicked: the stars were wrong"),
    ] {
        let volfile = places.volfile(&format!("volume v\n    type {name}\nend-volume\n"));
        let answer = places.refused(&volfile, &[]);
        let said = format!("glusterfsd: volume `v`, type {name}, does not start: {why}\n");
        assert_eq!((answer.code, answer.err), (1, said));
    }
}

#[test]
fn a_translator_that_hangs_is_named_when_its_time_is_up() {
    let places = Places::new(&[SOCKET, "bad/init-hangs", "debug/trace"]);
    let text = "volume below\n    type bad/init-hangs\nend-volume\n\
                volume v\n    type debug/trace\n    subvolumes below\nend-volume\n";
    let began = Instant::now();
    let answer = places.refused(&places.volfile(text), &["--init-timeout=1"]);
    assert!(began.elapsed() >= Duration::from_secs(2), "both starts had their time");
    let said = "glusterfsd: volume `below`, type bad/init-hangs, has been starting for 1 s and is given up; \
                --init-timeout=SECONDS allows more\n";
    assert_eq!((answer.code, answer.err.as_str()), (1, said));
}

/// A daemon that serves; killed when dropped.
struct Daemon<'p>(&'p Places);

impl Daemon<'_> {
    fn pid(&self) -> Option<rustix::process::Pid> {
        let text = fs::read_to_string(self.0.path("pid")).ok()?;
        text.trim().parse().ok().and_then(rustix::process::Pid::from_raw)
    }

    fn is_alive(&self) -> bool {
        self.pid().is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

#[test]
fn bad_plugins_beside_the_good_ones_keep_no_daemon_from_starting() {
    let bad = ["bad/no-root", "bad/other-major", "bad/other-layout", "bad/create-panics", "bad/init-panics"];
    let places = Places::new(&[&bad[..], &["bad/init-hangs", SOCKET, "debug/trace"]].concat());
    let volfile = places.volfile("volume v\n    type debug/trace\nend-volume\n");
    let daemon = Daemon(&places);
    let answer = run(&mut places.host("glusterfsd", &volfile), LIMIT);
    assert_eq!((answer.code, answer.said()), (0, String::new()));
    assert!(daemon.is_alive());
}

#[test]
fn a_second_daemon_on_the_same_state_folder_is_refused_and_the_first_goes_on() {
    let Some(sandbox) = Sandbox::new() else { return };
    for name in ["mgmt/glusterd", SOCKET, "rpc-program/pmap"] {
        add_plugin(&sandbox.view("/srv"), name);
    }
    let volfile = "volume management\n    type mgmt/glusterd\nend-volume\n";
    fs::write(sandbox.view("/srv/glusterd.vol"), volfile).expect("scratch");
    let start = |pid_file| {
        let fixed = ["run", "--as=glusterd", "-f", "/srv/glusterd.vol", "--plugin-dir=/srv", "-p", pid_file];
        sandbox.run(file("mortar"), fixed)
    };
    let first = start("/run/first.pid");
    assert_eq!((first.code, first.said()), (0, String::new()));
    let second = start("/run/second.pid");
    assert_eq!((second.code, second.err.lines().count()), (1, 1), "{second:?}");
    assert!(second.err.contains("/var/lib/glusterd: "), "{second:?}");
    assert!(!sandbox.view("/run/second.pid").exists());
    wait_until("the end of the second", || {
        sandbox.processes().iter().all(|process| process.option("-p") != Some("/run/second.pid"))
    });
    assert!(sandbox.unix("/run/glusterd.socket").is_ok(), "the first still listens where it did");
}
