//! The CLI's commands, in text and XML, byte for byte but for ports, pids and uuids.

use tests::cluster::Cluster;
use tests::pattern::assert_like;

/// The XML document whose root holds an outcome and `body`.
fn document(outcome: (i32, i32, &str), body: &str) -> String {
    let (ret, errno, text) = outcome;
    let text =
        if text.is_empty() { "<opErrstr/>".to_owned() } else { format!("<opErrstr>{text}</opErrstr>") };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<cliOutput>\n  <opRet>{ret}</opRet>\n  \
         <opErrno>{errno}</opErrno>\n  {text}\n{body}</cliOutput>\n"
    )
}

/// The body that create, start, stop and delete share.
fn name_and_id(element: &str) -> String {
    let body = format!(
        "  <{element}>\n    <volume>\n      <name>v</name>\n      <id>{{uuid}}</id>\n    </volume>\n  </{element}>\n"
    );
    document((0, 0, ""), &body)
}

fn info_text(status: &str) -> String {
    format!(
        " \nVolume Name: v\nType: Distribute\nVolume ID: {{uuid}}\nStatus: {status}\nSnapshot Count: 0\n\
         Number of Bricks: 2\nTransport-type: tcp\nBricks:\nBrick1: box:/srv/v-1\nBrick2: box:/srv/v-2\n\
         Options Reconfigured:\nstorage.fips-mode-rchecksum: on\ntransport.address-family: inet\nnfs.disable: on\n"
    )
}

fn info_xml(status: i32, name: &str) -> String {
    let head = |tag: &str, value: &str| format!("        <{tag}>{value}</{tag}>\n");
    let brick = |n: u32| {
        format!(
            "          <brick uuid=\"{{uuid}}\">box:/srv/v-{n}<name>box:/srv/v-{n}</name><hostUuid>{{uuid}}</hostUuid>\
             <isArbiter>0</isArbiter></brick>\n"
        )
    };
    let option = |name: &str, value: &str| {
        format!(
            "          <option>\n            <name>{name}</name>\n            <value>{value}</value>\n          \
             </option>\n"
        )
    };
    let status = status.to_string();
    let heads = [
        ("name", "v"),
        ("id", "{uuid}"),
        ("status", &status),
        ("statusStr", name),
        ("snapshotCount", "0"),
        ("brickCount", "2"),
        ("distCount", "2"),
        ("replicaCount", "1"),
        ("arbiterCount", "0"),
        ("disperseCount", "0"),
        ("redundancyCount", "0"),
        ("type", "0"),
        ("typeStr", "Distribute"),
        ("transport", "0"),
    ];
    let heads: String = heads.iter().map(|(tag, value)| head(tag, value)).collect();
    let options =
        [("storage.fips-mode-rchecksum", "on"), ("transport.address-family", "inet"), ("nfs.disable", "on")];
    let options: String = options.iter().map(|(name, value)| option(name, value)).collect();
    let body = format!(
        "  <volInfo>\n    <volumes>\n      <volume>\n{heads}        <bricks>\n{}{}        </bricks>\n        \
         <optCount>3</optCount>\n        <options>\n{options}        </options>\n      </volume>\n      \
         <count>1</count>\n    </volumes>\n  </volInfo>\n",
        brick(1),
        brick(2)
    );
    document((0, 0, ""), &body)
}

const STATUS_TEXT: &str = "\
Status of volume: v
Gluster process                             TCP Port  RDMA Port  Online  Pid
------------------------------------------------------------------------------
Brick box:/srv/v-1                          {num}     0          Y       {num}{pad}
Brick box:/srv/v-2                          {num}     0          Y       {num}{pad}
{pad}
Task Status of Volume v
------------------------------------------------------------------------------
There are no active volume tasks
{pad}
";

fn status_xml() -> String {
    let node = |n: u32| {
        format!(
            "        <node>\n          <hostname>box</hostname>\n          <path>/srv/v-{n}</path>\n          \
             <peerid>{{uuid}}</peerid>\n          <status>1</status>\n          <port>{{num}}</port>\n          \
             <ports>\n            <tcp>{{num}}</tcp>\n            <rdma>N/A</rdma>\n          </ports>\n          \
             <pid>{{num}}</pid>\n        </node>\n"
        )
    };
    let body = format!(
        "  <volStatus>\n    <volumes>\n      <volume>\n        <volName>v</volName>\n        \
         <nodeCount>2</nodeCount>\n{}{}        <tasks/>\n      </volume>\n    </volumes>\n  </volStatus>\n",
        node(1),
        node(2)
    );
    document((0, 0, ""), &body)
}

#[test]
fn a_lone_node_has_no_peers() {
    let Some(cluster) = Cluster::up() else { return };
    assert_eq!(cluster.gluster("peer status").ok(), "Number of Peers: 0\n");
    assert_eq!(cluster.gluster("peer status --xml").ok(), document((0, 0, ""), "  <peerStatus/>\n"));
    assert_like(
        &cluster.gluster("pool list").ok(),
        "UUID{pad}Hostname {pad}State\n{uuid}{pad}localhost{pad}Connected \n",
    );
}

#[test]
fn a_node_without_volumes_says_so() {
    let Some(cluster) = Cluster::up() else { return };
    for (words, text) in [
        ("volume list", "No volumes present in cluster\n"),
        ("volume info", "No volumes present\n"),
        ("volume status", "No volumes present\n"),
    ] {
        let answer = cluster.gluster(words);
        assert_eq!((answer.code, answer.out.as_str(), answer.err.as_str()), (0, "", text), "{words}");
    }
    let list = "  <volList>\n    <count>0</count>\n  </volList>\n";
    assert_eq!(cluster.gluster("volume list --xml").ok(), document((0, 0, ""), list));
    let info = "  <volInfo>\n    <volumes>\n      <count>0</count>\n    </volumes>\n  </volInfo>\n";
    assert_eq!(cluster.gluster("volume info --xml").ok(), document((0, 0, ""), info));
    let status = "  <volStatus>\n    <volumes/>\n  </volStatus>\n";
    assert_eq!(cluster.gluster("volume status --xml").ok(), document((0, 0, ""), status));
}

#[test]
fn a_volume_lives_from_create_to_delete_in_text() {
    let Some(cluster) = Cluster::up() else { return };
    let bricks = format!("{} {}", cluster.brick_name("v", 1), cluster.brick_name("v", 2));
    assert_eq!(
        cluster.gluster(&format!("volume create v {bricks} force")).ok(),
        "volume create: v: success: please start the volume to access data\n"
    );
    assert_like(&cluster.gluster("volume info v").ok(), &info_text("Created"));
    assert_eq!(cluster.gluster("volume start v").ok(), "volume start: v: success\n");
    cluster.wait_bricks_online("v", 2);
    assert_like(&cluster.gluster("volume info v").ok(), &info_text("Started"));
    assert_like(&cluster.gluster("volume info").ok(), &info_text("Started"));
    assert_like(&cluster.gluster("volume status v").ok(), STATUS_TEXT);
    assert_like(&cluster.gluster("volume status").ok(), STATUS_TEXT);
    assert_eq!(cluster.gluster("volume list").ok(), "v\n");
    assert_eq!(cluster.gluster("volume stop v").ok(), "volume stop: v: success\n");
    assert_like(&cluster.gluster("volume info v").ok(), &info_text("Stopped"));
    assert_eq!(cluster.gluster("volume delete v").ok(), "volume delete: v: success\n");
    assert_eq!(cluster.gluster("volume list").said(), "No volumes present in cluster\n");
}

#[test]
fn a_volume_lives_from_create_to_delete_in_xml() {
    let Some(cluster) = Cluster::up() else { return };
    let bricks = format!("{} {}", cluster.brick_name("v", 1), cluster.brick_name("v", 2));
    let created = cluster.gluster(&format!("volume create v {bricks} force --xml")).ok();
    assert_like(&created, &name_and_id("volCreate"));
    assert_like(&cluster.gluster("volume info v --xml").ok(), &info_xml(0, "Created"));
    assert_like(&cluster.gluster("volume start v --xml").ok(), &name_and_id("volStart"));
    cluster.wait_bricks_online("v", 2);
    assert_like(&cluster.gluster("volume info --xml").ok(), &info_xml(1, "Started"));
    assert_like(&cluster.gluster("volume status v --xml").ok(), &status_xml());
    let list = "  <volList>\n    <count>1</count>\n    <volume>v</volume>\n  </volList>\n";
    assert_eq!(cluster.gluster("volume list --xml").ok(), document((0, 0, ""), list));
    assert_like(&cluster.gluster("volume stop v --xml").ok(), &name_and_id("volStop"));
    assert_like(&cluster.gluster("volume info v --xml").ok(), &info_xml(2, "Stopped"));
    assert_like(&cluster.gluster("volume delete v --xml").ok(), &name_and_id("volDelete"));
}

#[test]
fn what_cannot_be_done_is_refused_in_the_incumbents_words() {
    let Some(cluster) = Cluster::with_volume() else { return };
    let refused = |words: &str, text: &str| {
        let answer = cluster.gluster(words);
        assert_eq!((answer.code, answer.said()), (1, format!("{text}\n")), "{words}");
    };
    refused("volume start v", "volume start: v: failed: Volume v already started");
    refused(
        "volume delete v",
        "volume delete: v: failed: Volume v has been started.Volume needs to be stopped before deletion.",
    );
    refused("volume start none", "volume start: none: failed: Volume none does not exist");
    refused("volume stop none", "volume stop: none: failed: Volume none does not exist");
    refused("volume delete none", "volume delete: none: failed: Volume none does not exist");
    refused("volume status none", "Volume none does not exist");
    refused("volume info none", "Volume none does not exist");
    let again = format!("volume create v {} force", cluster.brick_name("w", 1));
    refused(&again, "volume create: v: failed: Volume v already exists");
    let taken = format!("volume create w {} force", cluster.brick_name("v", 1));
    refused(
        &taken,
        "volume create: w: failed: Brick: box:/srv/v-1 not available. Brick may be containing or be contained by an \
         existing brick.",
    );
    cluster.gluster("volume stop v").ok();
    refused("volume stop v", "volume stop: v: failed: Volume v is not in the started state");
    refused("volume status v", "Volume v is not started");
}

#[test]
fn a_refusal_in_xml_names_its_number() {
    let Some(cluster) = Cluster::with_volume() else { return };
    let answer = cluster.gluster("volume start v --xml");
    assert_eq!(answer.out, document((-1, 30800, "Volume v already started"), ""));
    let answer = cluster.gluster("volume info none --xml");
    let info = "  <volInfo>\n    <volumes>\n      <count>0</count>\n    </volumes>\n  </volInfo>\n";
    assert_eq!(answer.out, document((-1, 30806, "Volume does not exist"), info));
}

#[test]
fn volumes_are_listed_by_name() {
    let Some(cluster) = Cluster::up() else { return };
    for name in ["m", "z", "a"] {
        cluster.create(name);
    }
    assert_eq!(cluster.gluster("volume list").ok(), "a\nm\nz\n");
}

#[test]
fn each_command_is_in_the_history_with_its_outcome() {
    let Some(cluster) = Cluster::with_volume() else { return };
    cluster.gluster("volume start v");
    let history =
        std::fs::read_to_string(cluster.view("/var/log/glusterfs/cmd_history.log")).expect("a history");
    let has =
        |text: &str| assert!(history.lines().any(|line| line.ends_with(text)), "no `{text}` in {history}");
    has(" : volume create v box:/srv/v-1 box:/srv/v-2 force : SUCCESS");
    has(" : volume start v : SUCCESS");
    has(" : volume start v : FAILED : Volume v already started");
}
