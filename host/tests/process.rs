//! Whole processes: exit codes, words on standard error, log files, pid files.
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rustix::fs::{FlockOperation, fcntl_lock};
use tempfile::TempDir;

/// The host under a name of its own, in a folder of its own.
struct Host {
    folder: TempDir,
}

impl Host {
    fn new() -> Host {
        let folder = tempfile::tempdir().unwrap();
        for name in ["glusterd", "glusterfsd", "glusterfs", "mortar"] {
            symlink(env!("CARGO_BIN_EXE_mortar"), folder.path().join(name)).unwrap();
        }
        Host { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }

    fn run(&self, program: &str, args: &[&str]) -> (Option<i32>, String, String) {
        let program = self.path(program);
        let Output { status, stdout, stderr } =
            Command::new(program).args(args).current_dir(self.folder.path()).output().unwrap();
        (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }
}

const BAD: &str = "volume a\n type debug/trace\n subvolumes b\nend-volume\n";

#[test]
fn a_sound_volfile_is_called_sound() {
    let host = Host::new();
    let volfile = host.write("x.vol", "volume a\n type debug/trace\nend-volume\n");
    let (code, out, err) = host.run("mortar", &["check", &volfile]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let unseen = "no plugin folder is there: types and options were not looked at";
    assert_eq!(out, format!("{volfile}: sound, 1 volume, top a\n{unseen}\n"));
}

#[test]
fn a_faulty_volfile_is_shown_with_its_place_and_a_code_that_is_not_zero() {
    let host = Host::new();
    let volfile = host.write("x.vol", BAD);
    let (code, out, err) = host.run("mortar", &["check", &volfile]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("volume `a` wants subvolume `b`, which is not defined"), "{err}");
    assert!(err.contains("x.vol:3:13") && err.contains("subvolumes b"), "{err}");
}

#[test]
fn the_parent_of_a_daemon_that_does_not_start_tells_why_and_leaves_nothing_behind() {
    let host = Host::new();
    let volfile = host.write("x.vol", BAD);
    for program in ["glusterd", "glusterfsd", "glusterfs"] {
        let (code, _, err) = host.run(program, &["-f", &volfile, "-l", "x.log", "-p", "x.pid"]);
        assert_eq!(code, Some(1), "{program}: {err}");
        assert!(err.contains("x.vol:3:13"), "{program}: {err}");
        assert!(!host.path("x.pid").exists(), "{program}");
        let log = host.text("x.log");
        assert!(log.contains(&format!("0-{program}: Started running version [{{arg={program}}}")), "{log}");
        assert!(log.contains("which is not defined"), "{log}");
    }
}

#[test]
fn a_pid_file_that_is_locked_by_another_process_is_refused_and_left_as_it_is() {
    let host = Host::new();
    let volfile = host.write("x.vol", BAD);
    host.write("x.pid", "4711\n");
    let held = fs::File::options().write(true).open(host.path("x.pid")).unwrap();
    fcntl_lock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
    for mode in ["-N", "--log-level=INFO"] {
        let (code, _, err) = host.run("glusterfsd", &["-f", &volfile, "-l", "x.log", "-p", "x.pid", mode]);
        assert_eq!(code, Some(11), "{err}");
        let holder = format!("x.pid: locked by process {}, which is running", std::process::id());
        assert!(err.contains(&holder), "{err}");
    }
    assert_eq!(fs::read_to_string(host.path("x.pid")).unwrap(), "4711\n");
}

#[test]
fn a_log_file_that_cannot_be_opened_is_named() {
    let host = Host::new();
    let volfile = host.write("x.vol", BAD);
    let (code, _, err) = host.run("glusterd", &["-f", &volfile, "-l", "/dev/null/x.log"]);
    assert_eq!(code, Some(1));
    assert_eq!(err, "glusterd: log file /dev/null/x.log: Not a directory (os error 20)\n");
}

#[test]
fn exit_codes_tell_an_unknown_option_from_a_bad_value() {
    let host = Host::new();
    assert_eq!(host.run("glusterfs", &["--nope"]).0, Some(64));
    assert_eq!(host.run("glusterfs", &["--log-level=FOO", "-f", "x"]).0, Some(255));
    assert_eq!(host.run("glusterfs", &["-s", "h"]).0, Some(255));
    assert_eq!(host.run("glusterfs", &["-f", "/nowhere.vol", "-N", "-l", "-"]).0, Some(1));
    assert_eq!(host.run("glusterfs", &["-V"]).0, Some(0));
}

#[test]
fn debug_logs_to_standard_error_in_the_incumbents_layout() {
    let host = Host::new();
    let volfile = host.write("x.vol", BAD);
    let (_, _, err) = host.run("glusterd", &["--debug", "-f", &volfile]);
    let first = err.lines().next().unwrap();
    assert!(first.starts_with("[20") && first.contains(" +0000] I [MSGID: 100030] [report.rs:"), "{first}");
    assert!(!Path::new(&host.path("x.log")).exists());
}

/// A plugin folder with a file in a translator's place that is no library.
fn junk_plugin(host: &Host) -> String {
    let folder = host.path("plugins");
    fs::create_dir_all(folder.join("xlator/debug")).unwrap();
    fs::write(folder.join("xlator/debug/trace.so"), "not a library").unwrap();
    folder.to_str().unwrap().to_owned()
}

#[test]
fn a_translator_that_cannot_be_opened_is_named_with_its_place_in_the_volfile() {
    let host = Host::new();
    let plugins = junk_plugin(&host);
    let volfile = host
        .write("x.vol", "volume a\n type debug/trace\nend-volume\nvolume b\n type debug/trcae\nend-volume\n");
    let (code, out, err) = host.run("mortar", &["check", &volfile, "--plugin-dir", &plugins]);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("xlator/debug/trace.so: not a library that can be opened"), "{err}");
    assert!(err.contains("there is no translator `debug/trcae` (did you mean `debug/trace`?)"), "{err}");
    assert!(err.contains("x.vol:2:7") && err.contains("x.vol:5:7"), "{err}");
}

#[test]
fn the_list_of_plugins_says_which_cannot_be_used() {
    let host = Host::new();
    let plugins = junk_plugin(&host);
    let (code, out, err) = host.run("mortar", &["plugin", "list", "--plugin-dir", &plugins]);
    assert_eq!(code, Some(1), "{err}");
    assert!(out.starts_with("debug/trace  CANNOT BE USED: "), "{out}");
    assert_eq!(err, "mortar: 1 of the plugins cannot be used\n");
    let file = format!("{plugins}/xlator/debug/trace.so");
    let (code, out, _) = host.run("mortar", &["plugin", "check", &file]);
    assert_eq!(code, Some(1));
    assert!(out.contains("not a library that can be opened"), "{out}");
    let (code, _, err) = host.run("mortar", &["plugin", "info", "debug/tarce", "--plugin-dir", &plugins]);
    assert_eq!(code, Some(1));
    assert!(err.contains("did you mean `debug/trace`?"), "{err}");
}

#[test]
fn the_tree_of_a_graph_is_shown_without_plugins_and_with_faulty_ones() {
    let host = Host::new();
    let volfile = host.write(
        "x.vol",
        "volume a\n type debug/trace\nend-volume\nvolume b\n type debug/trace\n subvolumes a\nend-volume\n",
    );
    let tree = "b  debug/trace\n  a  debug/trace\n";
    let (code, out, _) = host.run("mortar", &["graph", &volfile]);
    assert_eq!((code, out.as_str()), (Some(0), tree));
    let plugins = junk_plugin(&host);
    let (code, out, err) = host.run("mortar", &["graph", &volfile, "--plugin-dir", &plugins]);
    assert_eq!((code, out.as_str()), (Some(1), tree));
    assert!(err.contains("volume `a`: ") && err.contains("volume `b`: "), "{err}");
}

#[test]
fn a_daemon_whose_management_socket_needs_a_transport_that_is_not_there_says_so() {
    let host = Host::new();
    let volfile = host.write("x.vol", "volume a\n type debug/trace\nend-volume\n");
    let args = ["-f", &volfile, "-l", "x.log", "-p", "x.pid", "-S", "x.socket"];
    let (code, _, err) = host.run("glusterfsd", &args);
    assert_eq!(code, Some(1));
    assert!(
        err.contains("the transport for management cannot be opened: there is no transport `socket`"),
        "{err}"
    );
    assert!(!host.path("x.pid").exists() && !host.path("x.socket").exists());
}
