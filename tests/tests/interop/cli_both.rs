//! Our CLI and the incumbent's give the same commands to a daemon each, and say the same: on our daemon and on the
//! incumbent's.

use std::fmt::Write;

use tests::cluster::Cluster;
use tests::stack::Stack;

/// What both are given, one after the other, in text and then as a document. A line that begins with `!` is for text alone.
const SCRIPT: &str = "
    peer status
    pool list
    volume list
    volume info
    volume status
    volume info none
    volume status none
    volume start none
    volume stop none
    volume delete none
    volume set none a b
    volume get none all
    volume reset none
    volume create one box:/srv/one-1 force
    volume create one box:/srv/one-2 force
    volume create two box:/srv/one-1 force
    volume create copies replica 3 box:/srv/c-1 box:/srv/c-2 box:/srv/c-3 force
    volume create judged replica 3 arbiter 1 box:/srv/a-1 box:/srv/a-2 box:/srv/a-3 force
    volume create parts disperse 3 box:/srv/d-1 box:/srv/d-2 box:/srv/d-3 force
    volume create six disperse-data 4 redundancy 2 box:/srv/e-1 box:/srv/e-2 box:/srv/e-3 box:/srv/e-4 box:/srv/e-5 \
     box:/srv/e-6 force
    volume list
    volume info one
    volume info copies
    volume info judged
    volume info parts
    volume info six
    volume start one
    volume start one
    volume start one force
    volume set one performance.cache-size 64MB
    volume set one cache-size 32MB features.read-only on
    volume set one nosuch on
    volume set one performance.cache-siz 1
    volume set one performance.cache-size much
    volume set copies client.ssl
    volume get one performance.cache-size
    volume get one features.read-only
    volume get one nosuch
    volume get copies cluster.quorum-type
    volume get all cluster.op-version
    volume info one
    volume reset one features.read-only
    volume reset one nosuch
    volume info one
    volume reset one
    volume set all cluster.brick-multiplex off
    volume reset all cluster.brick-multiplex
    volume status one tasks-of
    volume status copies
    volume add-brick one box:/srv/one-3 force
    volume add-brick one box:/srv/one-3 force
    volume add-brick copies box:/srv/c-4 force
    volume add-brick none box:/srv/x
    volume rebalance none start
    volume rebalance none status
    volume rebalance one status
    volume rebalance copies start
    volume remove-brick one box:/srv/none start
    volume remove-brick one box:/srv/one-1 status
    volume remove-brick one box:/srv/one-1 stop
    volume remove-brick one box:/srv/one-1 commit
    volume remove-brick copies box:/srv/c-1 start
    volume remove-brick one box:/srv/one-3 force
    volume remove-brick none box:/srv/x force
    volume replace-brick one box:/srv/one-1 box:/srv/one-4 commit force
    volume replace-brick none box:/srv/one-1 box:/srv/one-4 commit force
    volume reset-brick none box:/srv/one-1 start
    volume reset-brick copies box:/srv/c-1 start
    volume statedump one
    volume statedump one fd inode
    volume statedump one quotad
    volume statedump none
    volume log one rotate
    volume log one rotate box:/srv/one-1
    volume log one rotate box:/srv/none
    volume log none rotate
    volume barrier one enable
    volume barrier one enable
    volume barrier one disable
    volume barrier none enable
    volume sync 127.0.0.9 all
    volume heal none
    volume heal one
    volume heal one full
    volume heal copies enable
    volume heal copies disable
    volume heal copies granular-entry-heal disable
    volume heal copies full
    volume start copies
    volume reset-brick copies box:/srv/c-1 start
    volume reset-brick copies box:/srv/c-1 box:/srv/c-1 commit force
    volume add-brick copies box:/srv/c-4 box:/srv/c-5 box:/srv/c-6 force
    volume remove-brick copies box:/srv/c-4 box:/srv/c-5 box:/srv/c-6 force
    volume status one detail
    volume status one fd
    volume status one tasks
    ! volume status one clients
    volume status one box:/srv/one-1 detail
    volume status one box:/srv/one-1 nosuch
    volume status one box:/srv/none fd
    volume status one quotad
    volume status one bitd
    volume status copies shd
    volume status copies shd detail
    volume status all tasks
    volume status all nosuch
    volume status none fd
    ! volume heal copies info
    ! volume heal copies info summary
    ! volume heal copies info split-brain
    ! volume heal copies info nosuch
    ! volume heal copies statistics heal-count
    ! volume heal copies split-brain source-brick
    ! volume heal none statistics
    volume profile one stop
    volume profile one start
    volume profile one info clear
    volume profile one stop
    ! volume profile one info
    ! volume profile one info nfs
    volume top one read
    volume top one read list-cnt 3
    volume top none open
    ! volume top one clear
    ! volume top one nosuch
    ! volume top one read-perf bs 1024
    ! volume top one open list-cnt 200
    volume quota one list
    volume quota one enable
    volume quota one list
    volume quota one limit-usage / 10GB 60%
    volume quota one limit-usage /none 10GB
    volume quota one limit-objects / 1000
    volume quota one list
    volume quota one list-objects
    volume quota one list /
    volume quota one alert-time 1w
    volume quota one default-soft-limit 70
    volume quota one remove /
    volume quota one remove-objects /
    volume inode-quota one enable
    volume quota one disable
    volume quota none enable
    ! volume quota one nosuch
    ! volume quota one limit-usage a 1
    ! volume quota one limit-usage /a x
    ! volume quota one limit-objects /a x
    ! volume quota one alert-time x
    ! volume inode-quota one disable
    ! volume bitrot one scrub status
    ! volume bitrot one enable
    ! volume bitrot one scrub-throttle normal
    ! volume bitrot one scrub-frequency hourly
    ! volume bitrot one scrub pause
    ! volume bitrot one scrub resume
    ! volume bitrot one signing-time 10
    ! volume bitrot one signer-threads 2
    ! volume bitrot one disable
    ! volume bitrot one nosuch
    ! volume bitrot one scrub nosuch
    ! volume bitrot one scrub
    ! volume bitrot one signing-time x
    ! volume clear-locks one / kind nosuch inode
    ! volume clear-locks one / kind all inode
    ! volume clear-locks one /none kind all inode
    ! volume clear-locks one / kind all
    ! volume clear-locks none / kind all inode
    ! get-state glusterd odir /srv file state
    ! get-state nosuch
    ! get-state odir
    ! system:: getwd
    ! system:: uuid get
    ! system:: uuid reset
    ! system:: fsm log
    ! system:: getspec none
    ! system:: mount x y
    ! system:: umount x
    volume stop copies
    volume stop one
    volume stop one
    volume status one
    volume delete one
    volume delete copies
    volume list
    ! volume
    ! volume nosuch
    ! nosuch
    ! peer
    ! volume start
    ! volume start one two three
    ! volume stop
    ! volume delete
    ! volume delete a b
    ! volume set one
    ! volume get one
    ! volume reset
    ! volume info a b
    ! volume create
    ! volume create one
    ! volume create all box:/srv/x
    ! volume create a/b box:/srv/x
    ! volume create bad box
    ! volume create bad localhost:/srv/x
    ! volume create bad box:/srv/x box:/srv/x
    ! volume create bad replica 1 box:/srv/x
    ! volume create bad replica 2 box:/srv/x
    ! volume create bad disperse 3 box:/srv/x box:/srv/y
    ! volume create bad disperse 3 box:/srv/x box:/srv/y box:/srv/z box:/srv/w
    ! volume create bad disperse 3 redundancy 2 box:/srv/x box:/srv/y box:/srv/z
    ! volume create bad arbiter 1 box:/srv/x
    ! volume create bad replica 3 arbiter 2 box:/srv/x box:/srv/y box:/srv/z
    ! volume add-brick one
    ! volume add-brick one bad
    ! volume rebalance one
    ! volume rebalance one sometimes
    ! volume remove-brick one
    ! volume remove-brick one box:/srv/x
    ! volume remove-brick one box:/srv/x soon
    ! volume replace-brick one box:/srv/x
    ! volume reset-brick one box:/srv/x
    ! volume statedump
    ! volume log one
    ! volume barrier one
    ! volume barrier one maybe
    ! volume sync
    ! volume heal
    ! volume heal one maybe
    ! --nosuch
    ! --timeout=no volume list
";

/// Numbers that differ from run to run, and the blanks that fill their columns.
fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let mut word = String::new();
        let mut blanks = 0;
        let flush = |word: &mut String, out: &mut String| {
            let is_uuid = word.len() == 36 && word.bytes().filter(|byte| *byte == b'-').count() == 4;
            let is_number = word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_digit());
            out.push_str(if is_uuid {
                "UUID"
            } else if is_number {
                "N"
            } else {
                word
            });
            word.clear();
        };
        for letter in line.chars() {
            if letter.is_ascii_alphanumeric() || letter == '-' {
                blanks = 0;
                word.push(letter);
                continue;
            }
            flush(&mut word, &mut out);
            blanks = if letter == ' ' { blanks + 1 } else { 0 };
            if blanks < 2 {
                out.push(letter);
            }
        }
        flush(&mut word, &mut out);
        out.push('\n');
    }
    out
}

/// All that a CLI says to the script, command by command.
fn transcript(server: Stack, cli: Stack) -> Option<Vec<(String, String)>> {
    let cluster = Cluster::of(server, cli)?;
    cluster.start_daemon();
    let mut said = Vec::new();
    let mut give = |command: String| {
        let answer = cluster.gluster(&command);
        let mut text = format!("exit code {}\n", answer.code);
        let (out, err) = (masked(&answer.out), masked(&answer.err));
        let _infallible = write!(text, "{out}--- standard error\n{err}");
        said.push((command, text));
    };
    let commands = SCRIPT.lines().map(str::trim).filter(|line| !line.is_empty());
    for command in commands {
        match command.strip_prefix("! ") {
            Some(command) => give(command.to_owned()),
            None => {
                give(command.to_owned());
                give(format!("{command} --xml"));
            }
        }
    }
    Some(said)
}

fn both_say_the_same(server: fn() -> Stack) {
    if Stack::server().is_system() {
        eprintln!("SKIPPED: the incumbent's programs are under test");
        return;
    }
    let Some(theirs) = transcript(server(), Stack::system()) else { return };
    let Some(ours) = transcript(server(), Stack::server()) else { return };
    let mut differences = String::new();
    for ((command, theirs), (_, ours)) in theirs.iter().zip(&ours).filter(|(theirs, ours)| theirs != ours) {
        let _infallible = write!(differences, "== {command}\n-- theirs\n{theirs}-- ours\n{ours}\n");
    }
    assert!(differences.is_empty(), "of {} commands these differ:\n{differences}", theirs.len());
}

#[test]
fn both_clis_say_the_same_on_our_daemon() {
    both_say_the_same(Stack::server);
}

#[test]
fn both_clis_say_the_same_on_the_incumbents_daemon() {
    both_say_the_same(Stack::system);
}
