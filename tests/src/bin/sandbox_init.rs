//! The first process of a sandbox: makes the private places, says its pid, and reaps until its standard input ends.
//!
//! Usage: `unshare --mount --net --pid --ipc --uts --fork sandbox-init FOLDER HOSTNAME`

#![forbid(unsafe_code)]

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change, mount_remount};
use rustix::process::{WaitOptions, wait};
use rustix::system::sethostname;
use std::fs;
use std::io::{Read, Write, stdin, stdout};
use std::path::Path;
use std::process::{Command, exit};

/// What each sandbox has for itself, empty at first.
const PRIVATE: [&str; 5] = ["/var/lib/glusterd", "/var/log/glusterfs", "/run", "/srv", "/tmp"];

fn main() {
    let mut words = std::env::args().skip(1);
    let (Some(folder), Some(host)) = (words.next(), words.next()) else {
        eprintln!("usage: sandbox-init FOLDER HOSTNAME");
        exit(2);
    };
    match prepare(Path::new(&folder), &host) {
        Ok(()) => reap(),
        Err(error) => {
            eprintln!("sandbox-init: {error}");
            exit(1);
        }
    }
}

fn prepare(folder: &Path, host: &str) -> std::io::Result<()> {
    // The outer /proc still shows this process by its outer pid, which is what the harness needs.
    let pid = fs::read_link("/proc/self")?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    mount("proc", "/proc", "proc", MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC, None)?;
    sethostname(host.as_bytes())?;
    let hosts = folder.join("hosts");
    fs::write(&hosts, format!("127.0.0.1 localhost {host}\n"))?;
    mount_bind(&hosts, "/etc/hosts")?;
    for place in PRIVATE {
        let own = folder.join(place.replace('/', "_"));
        fs::create_dir(&own)?;
        fs::create_dir_all(place)?;
        mount_bind(&own, place)?;
    }
    // What a hostile name leads to outside the private places cannot be written: the machine stays as it was.
    mount_remount("/", MountFlags::BIND | MountFlags::RDONLY, "")?;
    fs::create_dir("/run/gluster")?;
    let lo = Command::new("ip").args(["link", "set", "lo", "up"]).status()?;
    if !lo.success() {
        return Err(std::io::Error::other("ip link set lo up: no"));
    }
    Command::new("sleep").arg("infinity").spawn()?; // so that there is always a child to wait for
    writeln!(stdout(), "{}", pid.display())
}

fn reap() -> ! {
    std::thread::spawn(|| {
        let _end = stdin().read_to_end(&mut Vec::new());
        exit(0)
    });
    loop {
        if let Err(error) = wait(WaitOptions::empty()) {
            eprintln!("sandbox-init: wait: {error}");
            exit(1);
        }
    }
}
