//! What lies below `.meta`.

use plugin_api::inspect::{self, GraphView};
use plugin_api::{Errno, Handle};

/// What is found at a path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A folder, with the names in it.
    Folder(Vec<String>),
    /// A text.
    Text(String),
    /// A text that can be written.
    Setting(String),
    /// What a volume says of its state, by its place in the graph: asked for when it is read.
    State(usize),
    /// A symbolic link.
    Link(String),
}

/// What is known of the process from its start on.
#[derive(Debug, Default)]
pub(crate) struct Process {
    pub(crate) command_line: String,
    pub(crate) log_file: String,
    pub(crate) uuid: String,
}

/// The tree, as it is just now.
#[derive(Debug)]
pub(crate) struct Tree<'a> {
    pub(crate) handle: &'a Handle,
    pub(crate) process: &'a Process,
}

const VERSION: &str = "10.3";

impl Tree<'_> {
    /// What is there.
    pub(crate) fn look(&self, path: &[String]) -> Option<Entry> {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let top = ["cmdline", "frames", "graphs", "logging", "process_uuid", "root", "version"];
        Some(match path[..] {
            [] => folder(top),
            ["cmdline"] => object("Cmdlinestr", &quoted(&self.process.command_line)),
            ["frames"] => object("Call_Count", &inspect::calls(self.handle).to_string()),
            ["process_uuid"] => line(&self.process.uuid),
            ["version"] => object("Package Version", &quoted(VERSION)),
            ["logging"] => folder(["logfile", "loglevel"]),
            ["logging", "logfile"] => Entry::Link(self.process.log_file.clone()),
            ["logging", "loglevel"] => Entry::Setting(format!("{}\n", inspect::log_level())),
            ["graphs", ref rest @ ..] => graphs(&inspect::graph(self.handle)?, self.handle.name(), rest)?,
            ["root", ref rest @ ..] => {
                let graph = inspect::graph(self.handle)?;
                volume(&graph, graph.volumes.len().checked_sub(1)?, "../../graphs/active", rest)?
            }
            _ => return None,
        })
    }

    /// Writes to a setting.
    ///
    /// # Errors
    /// `EINVAL` for a value that it cannot have, `EPERM` for what is none.
    pub(crate) fn set(&self, path: &[String], value: &str) -> Result<(), Errno> {
        if path != ["logging", "loglevel"] {
            return Err(Errno::EPERM);
        }
        let level = value.trim().parse().map_err(|_| Errno::EINVAL)?;
        if inspect::set_log_level(level) { Ok(()) } else { Err(Errno::EINVAL) }
    }

    /// What a file holds.
    pub(crate) fn text(&self, path: &[String]) -> Option<String> {
        match self.look(path)? {
            Entry::Text(text) | Entry::Setting(text) => Some(text),
            Entry::State(index) => {
                let graph = inspect::graph(self.handle)?;
                let volume = graph.volumes.get(index)?;
                let title = volume.type_name.replace('/', ".");
                let state = inspect::dump(self.handle, index);
                Some(format!("[xlator.{title}.{}.priv]\n{}", volume.name, spaced(&state)))
            }
            Entry::Folder(_) | Entry::Link(_) => None,
        }
    }
}

fn graphs(graph: &GraphView, top: &str, path: &[&str]) -> Option<Entry> {
    Some(match *path {
        [] => folder(["active", &graph.name]),
        ["active"] => Entry::Link(graph.name.to_string()),
        [name, ref rest @ ..] if name == graph.name => match *rest {
            [] => {
                // The mount stands above all that is shown here.
                let shown = graph.volumes.iter().map(|volume| volume.name.as_str());
                let shown = shown.take_while(|name| *name != top).chain([top, "top", "volfile"]);
                folder(shown)
            }
            ["top"] => Entry::Link(top.to_owned()),
            ["volfile"] => Entry::Text(String::from_utf8_lossy(&graph.volfile).into_owned()),
            [name, ref rest @ ..] => {
                let index = graph.volumes.iter().position(|volume| volume.name == name)?;
                volume(graph, index, "../..", rest)?
            }
        },
        _ => return None,
    })
}

/// A volume, whose children lie in the folder `beside` as one sees them from its `subvolumes`.
fn volume(graph: &GraphView, index: usize, beside: &str, path: &[&str]) -> Option<Entry> {
    let volume = graph.volumes.get(index)?;
    let child = |number: &str| graph.volumes.get(*volume.children.get(number.parse::<usize>().ok()?)?);
    let options = || volume.options.iter().filter(|option| !option.key.contains('/'));
    Some(match *path {
        [] => folder(["name", "options", "private", "subvolumes", "type"]),
        ["name"] => line(&volume.name),
        ["type"] => line(&volume.type_name),
        ["private"] => Entry::State(index),
        ["options"] => folder(options().map(|option| option.key.as_str())),
        ["options", key] => line(&options().find(|option| option.key == key)?.value),
        ["subvolumes"] => {
            Entry::Folder((0..volume.children.len()).map(|number| number.to_string()).collect())
        }
        ["subvolumes", number] => Entry::Link(format!("{beside}/{}", child(number)?.name)),
        _ => return None,
    })
}

fn folder<'a>(names: impl IntoIterator<Item = &'a str>) -> Entry {
    Entry::Folder(names.into_iter().map(str::to_owned).collect())
}

fn line(text: &str) -> Entry {
    Entry::Text(format!("{text}\n"))
}

/// One value as the incumbent writes its objects.
fn object(key: &str, value: &str) -> Entry {
    Entry::Text(format!("{{ \n  \"{key}\": {value}\n}}"))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// `key=value` as `key = value`.
fn spaced(state: &str) -> String {
    let lines = state.lines().map(|line| match line.split_once('=') {
        Some((key, value)) => format!("{key} = {value}\n"),
        None => format!("{line}\n"),
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use plugin_api::inspect::{Setting, VolumeView};

    use super::*;

    fn graph() -> GraphView {
        let option = |key: &str, value: &str| Setting { key: key.into(), value: value.into() };
        let volume = |name: &str, type_name: &str, children: &[usize], options: &[Setting]| VolumeView {
            name: name.into(),
            type_name: type_name.into(),
            children: children.iter().copied().collect(),
            options: options.iter().cloned().collect(),
        };
        let volumes = [
            volume("v-client-0", "protocol/client", &[], &[option("remote-host", "box")]),
            volume("v-client-1", "protocol/client", &[], &[]),
            volume("v-dht", "cluster/distribute", &[0, 1], &[]),
            volume("meta-autoload", "meta", &[2], &[]),
            volume("fuse", "mount/fuse", &[3], &[]),
        ];
        GraphView {
            name: "box-7".into(),
            volfile: b"volume x\n".iter().copied().collect(),
            volumes: volumes.into_iter().collect(),
        }
    }

    fn found(path: &str) -> Option<Entry> {
        let path: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        graphs(&graph(), "meta-autoload", &path)
    }

    #[test]
    fn the_graph_that_serves_is_a_folder_of_its_volumes_without_the_mount() {
        assert_eq!(found("active"), Some(Entry::Link("box-7".to_owned())));
        let names = ["v-client-0", "v-client-1", "v-dht", "meta-autoload", "top", "volfile"];
        assert_eq!(found("box-7"), Some(folder(names)));
        assert_eq!(found("box-7/top"), Some(Entry::Link("meta-autoload".to_owned())));
        assert_eq!(found("box-8"), None);
    }

    #[test]
    fn a_volume_shows_its_options_and_links_to_its_children() {
        assert_eq!(found("box-7/v-client-0/options"), Some(folder(["remote-host"])));
        assert_eq!(found("box-7/v-client-0/options/remote-host"), Some(line("box")));
        assert_eq!(found("box-7/v-client-0/options/none"), None);
        assert_eq!(found("box-7/v-dht/subvolumes"), Some(folder(["0", "1"])));
        assert_eq!(found("box-7/v-dht/subvolumes/1"), Some(Entry::Link("../../v-client-1".to_owned())));
        assert_eq!(found("box-7/v-dht/subvolumes/2"), None);
        assert_eq!(found("box-7/v-dht/private"), Some(Entry::State(2)));
    }

    #[test]
    fn the_mount_links_to_what_stands_below_it_from_where_it_is_shown() {
        let child = volume(&graph(), 4, "../../graphs/active", &["subvolumes", "0"]);
        assert_eq!(child, Some(Entry::Link("../../graphs/active/meta-autoload".to_owned())));
    }

    #[test]
    fn state_is_written_with_room_around_the_sign() {
        assert_eq!(spaced("connected=1\nodd\na=b=c\n"), "connected = 1\nodd\na = b=c\n");
    }
}
