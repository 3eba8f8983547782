//! A translator in a process of its own, in a brick under the incumbent's client: it is killed, the brick lives on.

use std::fs::OpenOptions;
use std::io::{Read, Seek, Write};
use std::path::Path;

use rustix::process::Signal;
use tests::built::{file, place};
use tests::cluster::Cluster;
use tests::process::Process;
use tests::wait::wait_until;

/// A started volume `v` that isolates `bad/crashes`.
fn cluster() -> Option<Cluster> {
    let cluster = Cluster::with_plugins(|folder| {
        std::fs::copy(file("libbad_crashes.so"), place(folder, "bad/crashes")).expect("installed");
    })?;
    cluster.gluster("volume set v user.xlator.crashes io-threads").ok();
    cluster.gluster("volume set v user.xlator.crashes.isolate yes").ok();
    cluster.gluster("volume start v").ok();
    cluster.wait_bricks_online("v", 1);
    Some(cluster)
}

/// The processes that run a translator apart.
fn apart(cluster: &Cluster) -> Vec<Process> {
    cluster
        .processes()
        .into_iter()
        .filter(|process| process.argv.iter().any(|word| word == "isolate-worker"))
        .collect()
}

fn write_and_read(path: &Path, byte: u8) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(path)?;
    let bytes = vec![byte; 300_000];
    file.write_all(&bytes)?;
    file.sync_all()?;
    file.rewind()?;
    let mut found = Vec::new();
    file.read_to_end(&mut found)?;
    assert_eq!(found.len(), bytes.len());
    assert!(found == bytes, "what was written is read");
    Ok(())
}

#[test]
fn a_translator_that_is_killed_apart_is_started_again_and_its_brick_lives_on() {
    let Some(cluster) = cluster() else { return };
    let mount = cluster.mount("v", "m");
    let brick = cluster.bricks();
    assert_eq!((brick.len(), apart(&cluster).len()), (1, 1));
    write_and_read(&mount.join("before"), 1).expect("it serves");
    let mut failed = 0;
    for round in 0..5_u8 {
        let before = apart(&cluster);
        before[0].signal(Signal::SEGV);
        // Whoever was under way may hear EIO; nobody hears anything else.
        let under_way = write_and_read(&mount.join("load"), round);
        if let Err(error) = under_way {
            assert_eq!(error.raw_os_error(), Some(5), "{error}");
            failed += 1;
        }
        wait_until("it is started again", || apart(&cluster).iter().any(|now| now.pid != before[0].pid));
        wait_until("it serves again", || write_and_read(&mount.join("after"), round).is_ok());
    }
    println!("{failed} of 5 rounds met the crash");
    let now = cluster.bricks();
    assert_eq!((now.len(), now[0].pid), (1, brick[0].pid), "the brick lives on");
    cluster.unmount("m");
    cluster.gluster("volume stop v").ok();
    wait_until("nothing is left behind", || apart(&cluster).is_empty());
}
