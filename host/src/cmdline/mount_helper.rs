//! The command line of `mount.glusterfs`, as mount(8) and fstab write it, and the words of `glusterfs` that it comes to.
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{CmdlineError, Tool};
use crate::tools::mount::Ask;

const USAGE: &str = "Usage: mount.glusterfs SERVER[,SERVER...]:[/]VOLUME[/FOLDER] MOUNT-POINT [-o OPTION[=VALUE],...]\n       \
                     mount.glusterfs VOLFILE MOUNT-POINT [-o ...]\nThe options are listed by `glusterfs --help`.";

/// Options with a value that `glusterfs` knows by the same name.
const VALUES: [&str; 26] = [
    "log-level",
    "log-file",
    "direct-io-mode",
    "volume-name",
    "volfile-check",
    "attribute-timeout",
    "entry-timeout",
    "negative-timeout",
    "gid-timeout",
    "lru-limit",
    "invalidate-limit",
    "background-qlen",
    "congestion-threshold",
    "oom-score-adj",
    "xlator-option",
    "use-readdirp",
    "reader-thread-count",
    "auto-invalidation",
    "event-history",
    "fopen-keep-cache",
    "kernel-writeback-cache",
    "attr-times-granularity",
    "dump-fuse",
    "process-name",
    "subdir-mount",
    "io-engine",
];

/// Options with a value that it knows by another one, or that come from two names.
const RENAMED: [(&str, &str); 8] = [
    ("volume-id", "volfile-id"),
    ("server-port", "volfile-server-port"),
    ("fetch-attempts", "volfile-max-fetch-attempts"),
    ("fuse-flush-handle-interrupt", "fuse-flush-handle-interrupt"),
    ("fuse-dev-eperm-ratelimit-ns", "fuse-dev-eperm-ratelimit-ns"),
    ("halo-max-latency", "xlator-option=*replicate*.halo-max-latency"),
    ("halo-max-replicas", "xlator-option=*replicate*.halo-max-replicas"),
    ("halo-min-replicas", "xlator-option=*replicate*.halo-min-replicas"),
];

/// Options without a value that `glusterfs` has a flag for.
const FLAGS: [&str; 13] = [
    "acl",
    "selinux",
    "worm",
    "enable-ino32",
    "mem-accounting",
    "aux-gfid-mount",
    "thin-client",
    "resolve-gids",
    "global-threading",
    "localtime-logging",
    "capability",
    "fopen-keep-cache",
    "mac-compat",
];

/// What concerns mount(8) alone.
const IGNORED: [&str; 6] = ["rw", "auto", "noauto", "_netdev", "defaults", "user"];

/// What means nothing here.
const NOT_HANDLED: [&str; 10] =
    ["async", "sync", "dirsync", "mand", "nomand", "silent", "loud", "iversion", "noiversion", "nofail"];

/// What the kernel is told.
const KERNEL: [&str; 15] = [
    "atime",
    "noatime",
    "diratime",
    "nodiratime",
    "relatime",
    "norelatime",
    "strictatime",
    "nostrictatime",
    "dev",
    "nodev",
    "exec",
    "noexec",
    "suid",
    "nosuid",
    "auto_unmount",
];

/// Labels, which the kernel is told with their values.
const LABELS: [&str; 4] = ["context", "fscontext", "defcontext", "rootcontext"];

fn refused(text: impl Into<String>) -> CmdlineError {
    CmdlineError::Small { text: text.into(), code: 1 }
}

/// `mount.glusterfs DEVICE MOUNT-POINT [-o OPTIONS]`; the options may stand anywhere, and what else mount(8) says is passed
/// over.
pub(super) fn parse(words: &[OsString]) -> Result<Tool, CmdlineError> {
    let (mut places, mut options, mut read_only) = (Vec::new(), Vec::new(), false);
    let mut words = words.iter().map(|word| word.to_string_lossy().into_owned());
    while let Some(word) = words.next() {
        match word.as_str() {
            "-h" | "--help" => return Ok(Tool::Print(format!("{USAGE}\n"))),
            "-V" | "--version" => return Ok(Tool::Print(super::version())),
            "-o" | "-t" | "-N" => {
                let value =
                    words.next().ok_or_else(|| refused(format!("option {word} has no value\n{USAGE}")))?;
                if word == "-o" {
                    options.extend(value.split(',').map(str::to_owned));
                }
            }
            "-r" => read_only = true,
            word if word.len() > 2 && word.starts_with("-o") => {
                options.extend(word[2..].split(',').map(str::to_owned))
            }
            // Quiet, verbose and the like.
            word if word.starts_with('-') => {}
            place => places.push(place.to_owned()),
        }
    }
    let [device, point] = <[String; 2]>::try_from(places)
        .map_err(|_| refused(format!("a device and a mount point were expected\n{USAGE}")))?;
    let mut translated = Translated::default();
    if read_only {
        translated.option("ro")?;
    }
    for option in options.iter().filter(|option| !option.is_empty()) {
        translated.option(option)?;
    }
    let words = translated.words(&device, &point)?;
    Ok(Tool::Mount(Ask { point: PathBuf::from(point), words, warnings: translated.warnings }))
}

/// Options as they are put together.
#[derive(Debug, Default)]
struct Translated {
    flags: Vec<String>,
    kernel: Vec<String>,
    backups: Vec<String>,
    warnings: Vec<String>,
    transport: Option<String>,
    subdir: Option<String>,
    volume_id: Option<String>,
    process_name: Option<String>,
    /// The last one wins.
    xlator_option: Option<String>,
}

impl Translated {
    fn option(&mut self, option: &str) -> Result<(), CmdlineError> {
        match option.split_once('=') {
            Some((key, value)) => self.value(key, value),
            None => self.flag(option),
        }
    }

    fn flag(&mut self, name: &str) -> Result<(), CmdlineError> {
        match name {
            "ro" => self.flags.push("--read-only".into()),
            "root-squash" => self.flags.push("--no-root-squash=off".into()),
            "no-root-squash" => self.flags.push("--no-root-squash=on".into()),
            name if FLAGS.contains(&name) => self.flags.push(format!("--{name}")),
            name if KERNEL.contains(&name) => self.kernel.push(name.into()),
            name if NOT_HANDLED.contains(&name) => {
                self.warnings.push(format!("mount option '{name}' is not handled (yet?)"));
            }
            name if IGNORED.contains(&name) || name.starts_with("x-") => {}
            name => return Err(refused(format!("Invalid option {name}"))),
        }
        Ok(())
    }

    fn value(&mut self, key: &str, value: &str) -> Result<(), CmdlineError> {
        let renamed = || RENAMED.iter().find(|(name, _)| *name == key).map(|(_, flag)| *flag);
        match key {
            "transport" => self.transport = Some(value.into()),
            "volume-id" => self.volume_id = Some(value.into()),
            "subdir-mount" => self.subdir = Some(value.into()),
            "process-name" => self.process_name = Some(value.into()),
            "xlator-option" => self.xlator_option = Some(value.into()),
            "backup-volfile-servers" => self.backups.extend(value.split(':').map(str::to_owned)),
            "backupvolfile-server" => self.backups.push(value.into()),
            "fuse-mountopts" => self.kernel.push(value.into()),
            "root-squash" | "no-root-squash" => {
                let on = matches!(value, "on" | "yes" | "true" | "enable" | "1") == (key == "no-root-squash");
                self.flags.push(format!("--no-root-squash={}", if on { "on" } else { "off" }));
            }
            // A flag there, which takes no value.
            "volfile-check" if matches!(value, "off" | "no" | "false" | "disable" | "0") => {}
            "volfile-check" => self.flags.push("--volfile-check".into()),
            key if LABELS.contains(&key) => self.kernel.push(format!("{key}={value}")),
            key if VALUES.contains(&key) => self.flags.push(format!("--{key}={value}")),
            key if key.starts_with("x-") => {}
            key => match renamed() {
                Some(flag) => self.flags.push(format!("--{flag}={value}")),
                None => return Err(refused(format!("Invalid option: {key}"))),
            },
        }
        Ok(())
    }

    /// The words of `glusterfs`.
    fn words(&mut self, device: &str, point: &str) -> Result<Vec<String>, CmdlineError> {
        let mut words = std::mem::take(&mut self.flags);
        if let Some(option) = &self.xlator_option {
            words.push(format!("--xlator-option={option}"));
        }
        let source = self.source(device)?;
        if !self.kernel.is_empty() {
            words.push(format!("--fuse-mountopts={}", self.kernel.join(",")));
        }
        words.push(format!(
            "--process-name=fuse{}",
            self.process_name.as_ref().map_or(String::new(), |name| format!(".{name}"))
        ));
        words.extend(source);
        words.push(point.to_owned());
        Ok(words)
    }

    /// Where the volfile comes from.
    fn source(&self, device: &str) -> Result<Vec<String>, CmdlineError> {
        if Path::new(device).is_file() {
            return Ok(vec![format!("--volfile={device}")]);
        }
        let unclear =
            || refused(format!("{device}: a server and a volume were expected, as SERVER:/VOLUME\n{USAGE}"));
        let (servers, volume) = split_device(device).ok_or_else(unclear)?;
        let servers: Vec<&str> = servers.split(',').filter(|server| !server.is_empty()).collect();
        if servers.is_empty() {
            return Err(refused(format!("{device}: no server is named\n{USAGE}")));
        }
        let backups = self.backups.iter().map(String::as_str).filter(|server| !server.is_empty());
        let mut words: Vec<String> =
            servers.into_iter().chain(backups).map(|server| format!("--volfile-server={server}")).collect();
        let (id, folder, is_snapshot) = volume_of(volume);
        let mut id = self.volume_id.clone().unwrap_or(id);
        if id.trim_start_matches('/').is_empty() {
            return Err(unclear());
        }
        if let Some(transport) = &self.transport {
            id = format!("{id}.{transport}");
            words.push(format!("--volfile-server-transport={transport}"));
        }
        words.push(format!("--volfile-id={id}"));
        if let Some(folder) = self.subdir.clone().or(folder) {
            words.push(format!("--subdir-mount={folder}"));
        }
        if is_snapshot {
            words.push("--read-only".into());
        }
        Ok(words)
    }
}

/// The servers and the volume of a device; an address of IPv6 has colons of its own.
fn split_device(device: &str) -> Option<(&str, &str)> {
    let at = device.find(":/").or_else(|| device.rfind(':'))?;
    let (servers, volume) = (&device[..at], &device[at + 1..]);
    (!volume.is_empty()).then_some((servers, volume))
}

/// The volfile's id as typed, the folder of the volume that is mounted, and whether it is a snapshot.
fn volume_of(volume: &str) -> (String, Option<String>, bool) {
    if volume.trim_start_matches('/').starts_with("snaps/") {
        return (volume.to_owned(), None, true);
    }
    let slash = if volume.starts_with('/') { "/" } else { "" };
    match volume.trim_start_matches('/').split_once('/') {
        Some((name, folder)) if !folder.trim_matches('/').is_empty() => {
            (format!("{slash}{name}"), Some(format!("/{}", folder.trim_matches('/'))), false)
        }
        Some((name, _)) => (format!("{slash}{name}"), None, false),
        None => (volume.to_owned(), None, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(line: &str) -> Result<Ask, String> {
        let words: Vec<_> = line.split_whitespace().map(OsString::from).collect();
        match parse(&words).map_err(|error| error.to_string())? {
            Tool::Mount(ask) => Ok(ask),
            other => panic!("{other:?}"),
        }
    }

    fn words(line: &str) -> Vec<String> {
        ask(line).unwrap_or_else(|error| panic!("{line}: {error}")).words
    }

    #[test]
    fn a_server_and_a_volume_become_words_of_the_client() {
        let plain = ["--process-name=fuse", "--volfile-server=h", "--volfile-id=/v", "/m"];
        assert_eq!(words("h:/v /m"), plain);
        assert_eq!(words("h:/v /m -o rw,_netdev,x-systemd.automount"), plain);
        assert_eq!(words("-n h:/v -t glusterfs /m -o defaults"), plain);
        assert_eq!(words("h:v /m")[2], "--volfile-id=v");
        let many = words("one,two:/v /m -o backup-volfile-servers=three:four,backupvolfile-server=five");
        let servers = ["one", "two", "three", "four", "five"].map(|name| format!("--volfile-server={name}"));
        assert_eq!(many[1..6], servers);
        assert_eq!(words("fd00::7:/v /m")[1], "--volfile-server=fd00::7");
    }

    #[test]
    fn a_folder_a_transport_and_a_snapshot_are_said_in_the_device_or_by_option() {
        assert_eq!(words("h:/v/a/b/ /m")[2..4], ["--volfile-id=/v", "--subdir-mount=/a/b"]);
        assert_eq!(words("h:/v/ /m")[2..], ["--volfile-id=/v", "/m"]);
        assert_eq!(words("h:/v /m -o subdir-mount=/c")[3], "--subdir-mount=/c");
        let tcp = words("h:/v /m -o transport=tcp");
        assert_eq!(tcp[2..4], ["--volfile-server-transport=tcp", "--volfile-id=/v.tcp"]);
        assert_eq!(words("h:/snaps/s/v /m")[2..4], ["--volfile-id=/snaps/s/v", "--read-only"]);
    }

    #[test]
    fn options_are_given_on_and_those_of_the_kernel_together() {
        let all = "h:/v /m -o ro,acl,noatime,log-level=DEBUG,server-port=24107,nosuid,fuse-mountopts=max_read=65536,\
                   fetch-attempts=3,xlator-option=a.b=c,xlator-option=d.e=f,process-name=x,no-root-squash";
        let expected = [
            "--read-only",
            "--acl",
            "--log-level=DEBUG",
            "--volfile-server-port=24107",
            "--volfile-max-fetch-attempts=3",
            "--no-root-squash=on",
            "--xlator-option=d.e=f",
            "--fuse-mountopts=noatime,nosuid,max_read=65536",
            "--process-name=fuse.x",
        ];
        assert_eq!(words(all)[..expected.len()], expected);
    }

    #[test]
    fn what_means_nothing_here_is_warned_of_and_what_is_unknown_refused() {
        assert_eq!(ask("h:/v /m -o async").unwrap().warnings, ["mount option 'async' is not handled (yet?)"]);
        assert_eq!(ask("h:/v /m -o nosuch").unwrap_err(), "Invalid option nosuch");
        assert_eq!(ask("h:/v /m -o nosuch=1").unwrap_err(), "Invalid option: nosuch");
        for line in ["", "h:/v", "h:/v /m /n", "h /m", "h:/ /m", "h: /m", ":/v /m", "h:/v /m -o"] {
            assert!(ask(line).unwrap_err().contains("Usage: "), "{line}");
        }
    }
}
