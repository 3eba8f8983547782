//! `gf_attach` and `gluster-setgfid2path`: ours do what the incumbent's do.

use rustix::fs::{XattrFlags, getxattr, removexattr, setxattr};
use std::fs;
use std::path::PathBuf;
use tests::cluster::Cluster;
use tests::process::Process;
use tests::wait::wait_until;

/// Where a brick's process takes orders, and the file that names the process.
pub(crate) fn socket_and_pid_file(brick: &Process) -> (String, PathBuf) {
    let value = |option: &str| {
        let at = brick.argv.iter().position(|word| word == option).expect("a brick is started with it");
        brick.argv[at + 1].clone()
    };
    (value("-S"), value("-p").into())
}

#[test]
fn a_brick_that_is_told_to_end_signs_out_and_leaves_no_pid_file() {
    let Some(cluster) = Cluster::with_volume() else { return };
    let bricks = cluster.wait_bricks_online("v", 2);
    let first = cluster.brick("v", 1).display().to_string();
    let process = bricks.iter().find(|process| process.argv.contains(&first)).expect("its process");
    let (socket, pid_file) = socket_and_pid_file(process);
    let gf_attach = cluster.program("gf_attach");
    let refused = cluster.run(&gf_attach, ["-d", &socket, "/srv/none"]);
    assert_eq!(
        (refused.code, refused.err.trim_end()),
        (1, "Unable to stat /srv/none (No such file or directory).")
    );
    let answer = cluster.run(&gf_attach, ["-d", &socket, &first]);
    assert_eq!((answer.code, answer.out.as_str()), (0, "OK\n"), "{answer:?}");
    wait_until("its end", || !process.is_alive());
    wait_until("its pid file's end", || !cluster.view(&pid_file).exists());
    cluster.wait_bricks_online("v", 1);
    cluster.gluster("volume start v force").ok();
    cluster.wait_bricks_online("v", 2);
}

#[test]
fn a_name_that_was_not_recorded_is_recorded_as_the_incumbents_program_does() {
    let Some(cluster) = Cluster::with_volume() else { return };
    let m = cluster.mount("v", "m");
    fs::create_dir(m.join("d")).expect("a folder");
    fs::write(m.join("d/f"), "x").expect("a file");
    let brick =
        [1, 2].map(|n| cluster.brick("v", n)).into_iter().find(|b| cluster.view(b).join("d/f").exists());
    let inside = brick.expect("one of them has it").join("d/f");
    let outside = cluster.view(&inside);
    let record = || {
        let mut names = vec![0_u8; 4096];
        let length = rustix::fs::listxattr(&outside, &mut names[..]).expect("xattrs");
        let mut names = names[..length].split(|byte| *byte == 0);
        let name = names.find(|name| name.starts_with(b"trusted.gfid2path."))?.to_vec();
        let mut value = [0_u8; 256];
        let length = getxattr(&outside, &name[..], &mut value[..]).expect("its value");
        Some((name, value[..length].to_vec()))
    };
    let (name, value) = record().expect("the brick recorded it");
    removexattr(&outside, &name[..]).expect("root may");
    let program = cluster.program("gluster-setgfid2path");
    let said = cluster.run(&program, [&inside]).ok();
    assert!(
        said.starts_with(&format!("Success. file={} key=trusted.gfid2path.", inside.display())),
        "{said}"
    );
    assert_eq!(record(), Some((name.clone(), value)));
    assert_eq!(cluster.run(&program, [&inside]).ok(), "Xattr already exists, ignoring..\n");
    setxattr(&outside, &name[..], b"other", XattrFlags::REPLACE).expect("root may");
    assert_eq!(cluster.run(&program, ["/srv"]).code, 255, "no part of a brick");
}
