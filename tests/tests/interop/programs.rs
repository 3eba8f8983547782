//! Programs that people run on a mount: a clone, an archive and a build, a data base.

use std::fs;
use std::path::Path;
use tests::cluster::Cluster;
use tests::stack::workspace;
use tests::tool::tool;

/// Runs a script inside, in a folder; what it prints.
#[track_caller]
fn script(cluster: &Cluster, folder: &str, script: &str) -> String {
    let whole = format!("set -eu; cd {folder}; {script}");
    cluster.run("sh", ["-c", whole.as_str()]).ok()
}

#[test]
fn git_clones_and_finds_every_object_whole() {
    if tool("git").is_none() {
        return;
    }
    let Some(cluster) = Cluster::with_volume() else { return };
    cluster.mount("v", "m");
    let sources = workspace().join("tests");
    let make = format!(
        "export HOME=/tmp GIT_CONFIG_NOSYSTEM=1; git init -q origin; cd origin; git config user.email a@b; git config user.name a; \
         cp -r {}/src .; git add .; git commit -q -m one; mv src moved; git add -A; git commit -q -m two; \
         git clone -q --no-hardlinks /tmp/origin /srv/m/clone; cd /srv/m/clone; git fsck --no-progress --full; \
         echo changed >> moved/lib.rs; git commit -q -a -m three --author='a <a@b>'; git gc -q; git fsck --no-progress --full; \
         git rev-list --count HEAD; git status --porcelain",
        sources.display()
    );
    let make = make.replace("git commit -q -a", "git -c user.email=a@b -c user.name=a commit -q -a");
    assert_eq!(script(&cluster, "/tmp", &make), "3\n");
    let (found, wanted) = (cluster.view("/srv/m/clone/moved/wait.rs"), sources.join("src/wait.rs"));
    assert_eq!(fs::read(found).expect("cloned"), fs::read(wanted).expect("the source"));
}

/// A published crate, from what cargo keeps of those that it has fetched.
fn archive(name: &str) -> Option<std::path::PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(Into::into);
    let home = home.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cargo")))?;
    let registries = fs::read_dir(home.join("registry/cache")).ok()?.flatten();
    let mut files = registries.filter_map(|folder| fs::read_dir(folder.path()).ok()).flatten().flatten();
    let found = files.find(|file| file.file_name().to_string_lossy().starts_with(&format!("{name}-2")));
    if found.is_none() {
        eprintln!("SKIPPED: cargo keeps no archive of {name}");
    }
    found.map(|file| file.path())
}

#[test]
fn an_archive_is_unpacked_and_built_and_what_was_built_runs() {
    let (Some(archive), Some(rustc)) = (archive("memchr"), tool("rustc")) else { return };
    let Some(cluster) = Cluster::with_volume() else { return };
    let mount = cluster.mount("v", "m");
    let (archive, rustc) = (archive.display(), rustc.display());
    // tar itself compares what it unpacked.
    script(&cluster, "/srv/m", &format!("tar xf {archive}; tar df {archive}; mv memchr-2* memchr"));
    let program = "fn main() { println!(\"{:?}\", memchr::memchr(b'c', b\"abcd\")); }";
    fs::write(mount.join("main.rs"), program).expect("a file can be written");
    let library = "--edition 2021 --cap-lints allow -C incremental=/srv/m/increments --crate-type lib --crate-name memchr";
    let features = "--cfg 'feature=\"std\"' --cfg 'feature=\"alloc\"'";
    let build = format!(
        "{rustc} {library} {features} memchr/src/lib.rs; {rustc} --edition 2021 --extern memchr=libmemchr.rlib main.rs; ./main"
    );
    assert_eq!(script(&cluster, "/srv/m", &build), "Some(2)\n");
    assert_eq!(script(&cluster, "/srv/m", &build), "Some(2)\n", "again, over what is there");
}

#[test]
fn sqlite_keeps_its_data_base_whole_under_four_writers() {
    if tool("sqlite3").is_none() {
        return;
    }
    let Some(cluster) = Cluster::with_volume() else { return };
    cluster.mount("v", "m");
    let rows = "with recursive c(x) as (select 1 union all select x + 1 from c where x < 5000) \
                insert into t select x, hex(randomblob(50)) from c";
    let writer = "for j in 1 2 3 4 5; do sqlite3 -cmd '.timeout 60000' db \
                  'begin immediate; insert into n values (1); insert into t(b) select hex(randomblob(30)) from t limit 20; commit;'; done";
    let said = script(
        &cluster,
        "/srv/m",
        &format!(
            "sqlite3 db 'create table t(a integer primary key, b text); create table n(x); {rows}; create index i on t(b);'; \
             pids=; for i in 1 2 3 4; do ({writer}) & pids=\"$pids $!\"; done; for p in $pids; do wait $p; done; \
             sqlite3 db 'pragma integrity_check; select count(*) from t; select count(*) from n;'"
        ),
    );
    assert_eq!(said, "ok\n5400\n20\n");
}
