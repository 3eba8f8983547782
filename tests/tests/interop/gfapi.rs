//! A program on libgfapi: qemu's images on a volume, without a mount.

use std::fs;
use tests::cluster::Cluster;
use tests::tool::tool;

#[test]
#[ignore = "two minutes, most of them of libgfapi: make soak"]
fn soak_qemu_makes_converts_checks_and_reads_back_images() {
    let Some(program) = tool("qemu-img") else { return };
    let Some(cluster) = Cluster::with_volume() else { return };
    let mount = cluster.mount("v", "m");
    let image = |name: &str| format!("gluster://box/v/{name}");
    let qemu = |words: &str| cluster.run(&program, words.split_whitespace());
    let first = qemu(&format!("create -q -f qcow2 {} 1G", image("empty")));
    if ["Unknown protocol", "module", "Unknown driver"].iter().any(|words| first.said().contains(words)) {
        eprintln!("SKIPPED: qemu-img has no gluster driver (package qemu-block-extra)");
        return;
    }
    first.ok();
    let content: Vec<u8> = (0..8_000_000_u32).map(|at| (at / 7 + at / 4096).to_le_bytes()[0]).collect();
    fs::write(cluster.view("/srv/source"), &content).expect("scratch");
    let (packed, plain) = (image("packed"), image("plain"));
    qemu(&format!("convert -f raw -O qcow2 /srv/source {packed}")).ok();
    qemu(&format!("check -f qcow2 {packed}")).ok();
    qemu(&format!("check -f qcow2 {}", image("empty"))).ok();
    qemu(&format!("snapshot -c one {packed}")).ok();
    qemu(&format!("resize -f qcow2 {} 2G", image("empty"))).ok();
    qemu(&format!("convert -f qcow2 -O raw {packed} {plain}")).ok();
    qemu(&format!("compare -f qcow2 -F raw {packed} {plain}")).ok();
    qemu(&format!("convert -f qcow2 -O raw {packed} /srv/back")).ok();
    let back = fs::read(cluster.view("/srv/back")).expect("it was written");
    assert!(back[..content.len()] == content, "it differs");
    let seen = fs::read(mount.join("plain")).expect("a mount sees it");
    assert!(seen == back, "the mount sees something else");
    qemu(&format!("create -q -f raw -o preallocation=full {} 4M", image("full"))).ok();
    assert_eq!(fs::metadata(mount.join("full")).expect("a mount sees it").len(), 4 << 20);
}
