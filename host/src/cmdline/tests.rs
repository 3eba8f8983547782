use std::path::Path;
use std::time::Duration;

use super::*;
use crate::logging::Level;
use crate::settings::{Insertions, VolfileSource};
use crate::tools::processes::Which;

fn request(line: &str) -> Result<Request, CmdlineError> {
    parse(line.split(' ').map(OsString::from))
}

fn settings(line: &str) -> Settings {
    match request(line) {
        Ok(Request::Serve(settings)) => *settings,
        other => panic!("{line}: {other:?}"),
    }
}

fn tool(line: &str) -> Tool {
    match request(line) {
        Ok(Request::Tool(tool)) => tool,
        other => panic!("{line}: {other:?}"),
    }
}

/// The exit-code class of a refusal and its words.
fn refusal(line: &str) -> String {
    match request(line) {
        Err(CmdlineError::Usage { value: false, text }) => format!("usage {text}"),
        Err(CmdlineError::Usage { value: true, text }) => format!("value {text}"),
        Err(error) => format!("refused {error}"),
        Ok(request) => panic!("{line}: {request:?}"),
    }
}

#[test]
fn the_name_of_the_program_picks_the_mode() {
    for (name, mode) in [
        ("glusterd", Mode::Management),
        ("/usr/sbin/glusterd", Mode::Management),
        ("glusterd-debug", Mode::Management),
        ("glusterfsd", Mode::Server),
        ("./glusterfsd-9", Mode::Server),
        ("glusterfs", Mode::Client),
        ("anything", Mode::Client),
    ] {
        assert_eq!(settings(&format!("{name} -f /x.vol")).mode, mode, "{name}");
    }
    assert_eq!(settings("mortar run -f /x.vol").mode, Mode::Management);
    assert_eq!(settings("mortar run --as glusterfsd -f /x.vol").mode, Mode::Server);
}

#[test]
fn the_command_line_of_a_brick_is_understood() {
    let line = "/usr/sbin/glusterfsd -s box --volfile-id v.box.b-1 -p /run/b.pid -S /run/b.socket \
                --brick-name /b/1 -l /log/b.log --xlator-option *-posix.glusterd-uuid=abc --process-name brick \
                --brick-port 49152 --xlator-option v-server.listen-port=49152";
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let settings = settings(&line);
    let VolfileSource::Server(server) = &settings.volfile else { panic!("{settings:?}") };
    assert_eq!((server.servers.as_slice(), server.id.as_str()), (&["box".to_owned()][..], "v.box.b-1"));
    assert_eq!((server.port, server.attempts), (24007, 1));
    assert_eq!(settings.brick.name.as_deref(), Some("/b/1"));
    assert_eq!(settings.brick.ports, [49152]);
    let options: Vec<_> =
        settings.xlator_options.iter().map(|o| (o.key.as_str(), o.value.as_str())).collect();
    assert_eq!(options, [("glusterd-uuid", "abc"), ("listen-port", "49152")]);
    assert_eq!(settings.pid_file.as_deref(), Some(Path::new("/run/b.pid")));
    assert!(settings.daemonize);
    assert_eq!(settings.command_line, line);
}

#[test]
fn the_command_line_of_a_mount_is_understood() {
    let settings = settings(
        "/usr/sbin/glusterfs --acl --fopen-keep-cache --direct-io-mode=auto --aux-gfid-mount --attribute-timeout=0.5 \
         --use-readdirp=no --process-name fuse --volfile-server=one --volfile-server=two --volfile-id=/v /mnt/v",
    );
    let VolfileSource::Server(server) = &settings.volfile else { panic!("{settings:?}") };
    assert_eq!(server.servers, ["one", "two"]);
    assert_eq!(settings.insert, Insertions { acl: true, aux_gfid: true, ..Insertions::default() });
    assert_eq!(settings.log.file.as_deref(), Some(Path::new("/var/log/glusterfs/mnt-v.log")));
    let mount = settings.mount.unwrap();
    assert_eq!(mount.point, Path::new("/mnt/v"));
    let expected = [
        ("mountpoint", "/mnt/v"),
        ("fsname", "one:/v"),
        ("acl", "on"),
        ("fopen-keep-cache", "on"),
        ("direct-io-mode", "auto"),
        ("attribute-timeout", "0.5"),
        ("use-readdirp", "off"),
    ];
    assert_eq!(mount.options, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
}

#[test]
fn the_command_line_of_a_self_heal_daemon_is_understood() {
    let settings = settings(
        "glusterfs -s localhost --volfile-id shd/v -p /run/shd.pid -l /log/shd.log -S /run/shd.socket \
         --xlator-option *replicate*.node-uuid=u --process-name glustershd --client-pid=-6",
    );
    assert_eq!(settings.client_pid, Some(-6));
    assert_eq!(settings.process_name.as_deref(), Some("glustershd"));
}

#[test]
fn a_hidden_spelling_a_short_form_and_an_unambiguous_beginning_are_understood() {
    let file = |line: &str| settings(line).volfile;
    let expected = VolfileSource::File("/x.vol".into());
    assert_eq!(file("glusterfs --spec-file=/x.vol"), expected);
    assert_eq!(file("glusterfs -f/x.vol"), expected);
    assert!(!settings("glusterfs --no-dae -f /x.vol").daemonize);
    assert_eq!(settings("glusterfs -f /x.vol -L debug").log.level, Level::Debug);
}

#[test]
fn of_an_option_given_twice_the_last_counts() {
    assert_eq!(settings("glusterfs -f /a -f /b").volfile, VolfileSource::File("/b".into()));
    assert!(settings("glusterfs -f /a --no-mem-accounting --mem-accounting").mem_accounting);
    assert!(!settings("glusterfs -f /a --mem-accounting --no-mem-accounting").mem_accounting);
}

#[test]
fn debug_stays_in_the_foreground_and_logs_to_the_terminal() {
    let settings = settings("glusterd --debug -f /x.vol -l /ignored.log");
    assert!(!settings.daemonize);
    assert_eq!((settings.log.file, settings.log.level), (None, Level::Debug));
}

#[test]
fn a_log_file_is_named_after_what_the_process_is_for() {
    let file = |line: &str| settings(line).log.file.unwrap().to_str().unwrap().to_owned();
    assert_eq!(file("glusterd -f /x.vol"), "/var/log/glusterfs/glusterd.log");
    assert_eq!(file("glusterfsd -f /etc/x/y.vol"), "/var/log/glusterfs/etc-x-y.vol.log");
    let expected = format!("/var/log/glusterfs/h-v-{}.log", std::process::id());
    assert_eq!(file("glusterfs -s h --volfile-id v"), expected);
    assert_eq!(settings("glusterfs -f /x.vol -l -").log.file, None);
}

#[test]
fn a_relative_path_is_made_absolute_before_the_folder_is_left() {
    let VolfileSource::File(path) = settings("glusterfs -f x.vol").volfile else { panic!() };
    assert_eq!(path, std::env::current_dir().unwrap().join("x.vol"));
}

#[test]
fn plugin_folders_are_searched_in_the_order_named_and_the_installed_one_last() {
    let settings = settings("glusterd -f /x.vol --plugin-dir /a --plugin-dir /b --init-timeout 5");
    assert_eq!(settings.plugin_dirs[..2], [PathBuf::from("/a"), PathBuf::from("/b")]);
    assert!(settings.plugin_dirs.last().unwrap().ends_with("lib/mortar"));
    assert_eq!(settings.init_timeout, Duration::from_secs(5));
}

#[test]
fn a_thin_client_asks_for_the_gfproxy_volfile() {
    let settings = settings("glusterfs -s h --volfile-id /v --thin-client /mnt");
    let VolfileSource::Server(server) = settings.volfile else { panic!() };
    assert_eq!(server.id, "gfproxy-client/v");
}

#[test]
fn mount_options_without_a_mount_point_are_noted() {
    let notes = settings("glusterfs -f /x.vol --entry-timeout=1 --lru-limit=5").notes;
    assert_eq!(notes, ["without a mount point these mount options do nothing: entry-timeout, lru-limit"]);
}

#[test]
fn an_option_that_does_not_exist_is_a_usage_error_with_a_suggestion() {
    let words = refusal("glusterfs -f /x --volfile-sever=h");
    assert!(words.starts_with("usage ") && words.contains("--volfile-server"), "{words}");
    assert!(refusal("glusterfs -f /x --acl=yes").starts_with("usage "));
    assert!(refusal("glusterfs -f /x a b").starts_with("usage "));
    assert!(refusal("mortar").starts_with("usage "));
    assert!(refusal("mortar chek x").contains("check"));
}

#[test]
fn a_value_of_the_wrong_kind_is_refused_and_says_what_is_right() {
    for (option, expected) in [
        ("--log-level=FOO", "TRACE, DEBUG"),
        ("--logger=foo", "gluster-log"),
        ("--log-format=foo", "no-msg-id"),
        ("--log-flush-timeout=5000", "30..=300"),
        ("--xlator-option=foo.bar", "TRANSLATOR.OPTION=VALUE"),
        ("--volfile-server-port=99999", "1..=65535"),
        ("--volfile-server-transport=ib", "socket, tcp or unix"),
        ("--brick-port=foo", "a port"),
        ("--client-pid=foo", "invalid digit"),
        ("--fopen-keep-cache=maybe", "expected on"),
        ("--direct-io-mode=foo", "auto"),
        ("--entry-timeout=abc", "expected seconds"),
        ("--oom-score-adj=5000", "-1000..=1000"),
        ("--init-timeout=0", "1.."),
    ] {
        let words = refusal(&format!("glusterfs -f /x {option}"));
        assert!(words.starts_with("value ") && words.contains(expected), "{option}: {words}");
    }
}

#[test]
fn what_this_build_cannot_honour_is_refused_with_a_reason() {
    for (line, expected) in [
        ("glusterfs -f /x --logger=syslog", "--logger=syslog: this build writes log files only"),
        ("glusterfs -f /x --secure-mgmt", "--secure-mgmt: this build has no TLS"),
        ("glusterfs -f /x --io-engine=io_uring", "--io-engine: there is no I/O engine `io_uring`"),
        ("glusterfs -e /x", "--print-exports: this build has no NFS server"),
        ("glusterd -f /x --brick-mux", "--brick-mux: only a brick process"),
        ("glusterd -f /x /mnt", "MOUNT-POINT: only a client"),
        ("glusterfs -s h", "--volfile-server: a volfile server needs the key"),
    ] {
        let words = refusal(line);
        assert!(words.starts_with(&format!("refused {expected}")), "{line}: {words}");
    }
    assert!(!settings("glusterfs -f /x --secure-mgmt=off").notes.iter().any(|note| note.contains("TLS")));
}

#[test]
fn the_print_options_print_and_do_nothing_else() {
    let printed = |line: &str| match tool(line) {
        Tool::Print(text) => text,
        other => panic!("{other:?}"),
    };
    assert_eq!(printed("glusterfs --print-logdir"), "/var/log/glusterfs\n");
    assert_eq!(printed("glusterfs --print-statedumpdir"), "/var/run/gluster\n");
    assert!(printed("glusterfs --print-xlatordir").ends_with("/lib/mortar/xlator\n"));
    assert!(printed("glusterfs -V").starts_with("glusterfs 10.3\nmortar "));
    assert!(printed("mortar --version").starts_with("glusterfs 10.3\nmortar "));
    assert!(printed("glusterfs -?").contains("--volfile-server"));
    assert!(printed("glusterfs --usage").starts_with("Usage: glusterfs "));
}

#[test]
fn help_shows_every_option_that_is_not_hidden_with_a_sentence() {
    let Tool::Print(text) = tool("glusterd --help") else { panic!() };
    assert!(!text.contains("--brick-name") && !text.contains("--client-pid"));
    for arg in HostArgs::command().get_arguments().filter(|arg| !arg.is_hide_set()) {
        assert!(arg.get_help().is_some(), "{}", arg.get_id());
    }
}

fn of_volume(volume: &str) -> Which {
    Which { volume: Some(volume.to_owned()), socket: None, run_directory: "/var/run/gluster".into() }
}

#[test]
fn the_sub_commands_of_mortar_are_understood() {
    assert_eq!(tool("mortar reload v"), Tool::Reload(of_volume("v")));
    let one = Which { volume: None, socket: Some("/s".into()), run_directory: "/r".into() };
    assert_eq!(tool("mortar reload --socket /s --run-directory /r"), Tool::Reload(one));
    let Tool::Check { volfile, .. } = tool("mortar check x.vol") else { panic!() };
    assert_eq!(volfile, PathBuf::from("x.vol"));
    let Tool::Graph { volfile, plugin_dirs } = tool("mortar graph x.vol --plugin-dir /p") else { panic!() };
    assert_eq!((volfile, &plugin_dirs[0]), ("x.vol".into(), &PathBuf::from("/p")));
    for (line, expected) in [
        ("list", PluginAsk::List),
        ("info debug/trace", PluginAsk::Info("debug/trace".to_owned())),
        ("faults v", PluginAsk::Faults(of_volume("v"))),
    ] {
        let Tool::Plugin { ask, .. } = tool(&format!("mortar plugin {line}")) else { panic!("{line}") };
        assert_eq!(ask, expected);
    }
}

#[test]
fn a_check_of_a_plugin_says_which_rules_with_what() {
    let line =
        "mortar plugin check /x.so --only data --seed 7 --option key-file=/k=1 --limit 9 --plugin-dir /p";
    let Tool::Plugin { ask: PluginAsk::Check(ask), .. } = tool(line) else { panic!() };
    assert_eq!((ask.file, ask.only, ask.seed), (Some("/x.so".into()), vec!["data".to_owned()], Some(7)));
    assert_eq!(ask.options, [("key-file".to_owned(), "/k=1".to_owned())]);
    assert_eq!((ask.limit.as_secs(), &ask.plugin_dirs[0]), (9, &PathBuf::from("/p")));
    assert!(refusal("mortar plugin check --option x").contains("KEY=VALUE was expected"));
    let Tool::Plugin { ask: PluginAsk::Check(ask), .. } = tool("mortar plugin check --list") else {
        panic!()
    };
    assert!(ask.list && ask.file.is_none());
}
