//! Statedump: what every translator has to say about its state, in a file of the incumbent's naming.
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::dump::{is_secret, put};
use plugin_api::abi::graph::FaultKind;
use plugin_api::fop;

use super::{DraftNode, Running};
use crate::services::{self, Overdue};

/// A statedump that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("statedump {}: {source}", path.display())]
pub struct StatedumpError {
    path: PathBuf,
    source: io::Error,
}

/// The file of a dump: the brick's path with `-` for `/`, else `glusterdump`; then process number and seconds.
pub fn path(folder: &Path, brick: Option<&str>, now: SystemTime) -> PathBuf {
    let name =
        brick.map_or("glusterdump".to_owned(), |brick| brick.trim_start_matches('/').replace('/', "-"));
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    folder.join(format!("{name}.{}.dump.{seconds}", std::process::id()))
}

/// The folder that a translator of the graph has set for dumps: the topmost of those that did.
pub fn folder(graph: &Running) -> Option<PathBuf> {
    let nodes = graph.nodes();
    let mut settings = nodes.iter().rev().flat_map(|node| &node.node.options);
    settings.find(|setting| setting.key == "statedump-path").map(|setting| PathBuf::from(&setting.value))
}

/// Writes what there is to say of every graph that serves. The file is the owner's alone, and a link that
/// lies in its place is not followed.
/// # Errors
/// The file cannot be made or written.
pub fn write(path: &Path, graphs: &[Arc<Running>], now: SystemTime) -> Result<(), StatedumpError> {
    let text = text(graphs, now);
    let put = || {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
        options.open(path)?.write_all(text.as_bytes())
    };
    put().map_err(|source| StatedumpError { path: path.to_owned(), source })
}

/// The dump itself: sections in brackets, `key=value` in them.
fn text(graphs: &[Arc<Running>], started: SystemTime) -> String {
    let mut text = format!("DUMP-START-TIME: {}\n\n", crate::logging::time_text(started));
    let (overdue, ended) = services::overdue();
    put(&mut text, format_args!("[global]\nprocess={}\n", std::process::id()));
    put(&mut text, format_args!("calls.overdue={overdue}\ncalls.overdue-ended={ended}\n\n"));
    let held = services::held();
    for (number, running) in graphs.iter().enumerate() {
        put(&mut text, format_args!("[active graph - {number}]\n\n"));
        running.with_nodes(|nodes| {
            // The top first, as a call goes.
            for (index, node) in nodes.iter().enumerate().rev() {
                section(&mut text, running, index, node, &held);
            }
        });
    }
    put(&mut text, format_args!("DUMP-END-TIME: {}\n", crate::logging::time_text(SystemTime::now())));
    text
}

fn section(text: &mut String, running: &Running, index: usize, node: &DraftNode, held: &[Overdue]) {
    let (type_name, name) = (node.node.type_name.replace('/', "."), &node.node.name);
    put(text, format_args!("[xlator.{type_name}.{name}]\n"));
    let record = running.graph().record(index);
    put(text, format_args!("faults={}\n", record.counts.iter().sum::<u64>()));
    for (kind, count) in FaultKind::ALL.iter().zip(record.counts).filter(|(_, count)| *count > 0) {
        put(text, format_args!("faults.{}={count}\n", kind.name()));
    }
    if let Some(last) = &record.last {
        put(text, format_args!("faults.last={}\n", last.what.replace('\n', " ")));
    }
    if record.is_down {
        put(text, format_args!("down=1\n"));
    }
    let own = || held.iter().filter(|call| running.graph().is_node(index, call.holder));
    if let Some(oldest) = own().max_by_key(|call| call.age()) {
        let (call, age) = (oldest.unique, oldest.age().as_secs_f64());
        let fop = fop::name(oldest.fop).unwrap_or("a fop");
        put(text, format_args!("held={}\nheld.oldest={fop}, call {call}, {age:.1} s\n", own().count()));
    }
    if let Some(account) = node.opened.as_ref().and_then(|opened| opened.account) {
        put(text, format_args!("memory={}\n", (account.held)()));
        put(text, format_args!("contexts={}\nbuffers={}\n", (account.contexts)(), (account.buffers)()));
    }
    for setting in node.node.options.iter().filter(|setting| !is_secret(&setting.key)) {
        put(text, format_args!("option.{}={}\n", setting.key, setting.value));
    }
    let own = running.graph().dump(index);
    put(text, format_args!("{}\n\n", own.trim_end_matches('\n')));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::graph::activate::{Start, activate};
    use crate::graph::testing::draft;

    #[test]
    fn a_dump_is_named_after_the_brick_the_process_and_the_second() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let pid = std::process::id();
        let brick = path(Path::new("/run/gluster"), Some("/bricks/b1/d"), at);
        assert_eq!(brick, Path::new(&format!("/run/gluster/bricks-b1-d.{pid}.dump.1700000000")));
        let other = path(Path::new("/run/gluster"), None, at);
        assert_eq!(other, Path::new(&format!("/run/gluster/glusterdump.{pid}.dump.1700000000")));
    }

    #[tokio::test]
    async fn every_translator_has_its_section_the_top_first() {
        let text = "volume sd1\n type test/leaf\n option size 1\nend-volume\nvolume sd2\n type test/pass\n subvolumes sd1\nend-volume\n";
        let start = Start { init_timeout: Duration::from_secs(10), fault_limit: 0 };
        let running = activate(draft(text), start).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x");
        write(&file, &[Arc::new(running)], SystemTime::now()).unwrap();
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.starts_with("DUMP-START-TIME: 20"), "{text}");
        let sections = "[xlator.test.pass.sd2]\nfaults=0\nkind=1\n\n[xlator.test.leaf.sd1]\nfaults=0\noption.size=1\nkind=0\n\n";
        assert!(text.contains(sections), "{text}");
        assert!(text.contains("\nDUMP-END-TIME: 20"), "{text}");
    }

    #[tokio::test]
    async fn dumps_go_where_a_translator_was_told() {
        let start = || Start { init_timeout: Duration::from_secs(10), fault_limit: 0 };
        let text = "volume sf1\n type test/leaf\n option statedump-path /d/level\nend-volume\n";
        let running = activate(draft(text), start()).await.unwrap();
        assert_eq!(folder(&running), Some(PathBuf::from("/d/level")));
        let running = activate(draft("volume sf2\n type test/leaf\nend-volume\n"), start()).await.unwrap();
        assert_eq!(folder(&running), None);
    }

    #[test]
    fn a_link_in_the_files_place_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        std::fs::write(&target, "precious").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(write(&link, &[], SystemTime::now()).is_err());
        assert_eq!(std::fs::read_to_string(target).unwrap(), "precious");
    }
}
