//! Prepare: puts the top where the command line wants it, inserts what it asks for, adds its options.
use super::construct::{Draft, Modules};
use super::fault::GraphFault;
use crate::mount;
use crate::settings::{Insertions, MountSettings, Settings, XlatorOption};
use crate::suggest;
use crate::volfile::SetBy;

/// What the command line says about the graph.
#[derive(Debug, Clone, Copy)]
pub struct Wishes<'a> {
    /// The volume that is to be the top.
    pub top: Option<&'a str>,
    /// What stands above it.
    pub insert: &'a Insertions,
    /// Options by the names of volumes.
    pub options: &'a [XlatorOption],
    /// The mount that stands above all of it.
    pub mount: Option<&'a MountSettings>,
    /// What the process is called: one may be there for a task, whose translator stands above all of it.
    pub process: Option<&'a str>,
}

impl<'a> From<&'a Settings> for Wishes<'a> {
    fn from(settings: &'a Settings) -> Wishes<'a> {
        Wishes {
            top: settings.volume_name.as_deref(),
            insert: &settings.insert,
            options: &settings.xlator_options,
            mount: settings.mount.as_ref(),
            process: settings.process_name.as_deref(),
        }
    }
}

/// Does the steps in the incumbent's order. `read-only` is none of them: it is an option of the mount.
pub fn prepare(draft: &mut Draft, wishes: Wishes<'_>, modules: &impl Modules) {
    share_auth(draft);
    if let Some(name) = wishes.top {
        set_top(draft, name);
    }
    let insert = wishes.insert;
    for (wanted, name, type_name) in [
        (insert.worm, "worm-autoload", "features/worm"),
        (insert.acl, "posix-acl-autoload", "system/posix-acl"),
        (insert.mac_compat, "mac-compat-autoload", "features/mac-compat"),
        (insert.aux_gfid, "gfid-access-autoload", "features/gfid-access"),
    ] {
        if wanted {
            draft.put_on_top(name, type_name, modules);
        }
    }
    if wishes.mount.is_some() {
        draft.put_on_top("meta-autoload", "meta", modules);
    }
    add_options(draft, wishes.options);
    // Last: options for translators of the graph are not for what stands above it.
    if let Some(mount) = wishes.mount {
        put_mount(draft, mount, modules);
    } else if wishes.process == Some(REBALANCE) {
        put_rebalance(draft, wishes.options, modules);
    }
}

/// The process that moves files to where they belong, and the name of its translator.
const REBALANCE: &str = "rebalance";

/// The options that tell the task: the daemon gives them for the translator of the graph.
const TASK_OPTIONS: [&str; 3] = ["rebalance-cmd", "node-uuid", "commit-hash"];

fn put_rebalance(draft: &mut Draft, options: &[XlatorOption], modules: &impl Modules) {
    draft.put_on_top(REBALANCE, "cluster/rebalance", modules);
    let top = draft.nodes.last_mut().expect("it was just put there");
    for option in options.iter().filter(|option| TASK_OPTIONS.contains(&option.key.as_str())) {
        top.node.set(&option.key, &option.value, SetBy::CommandLine);
    }
}

fn put_mount(draft: &mut Draft, mount: &MountSettings, modules: &impl Modules) {
    draft.put_on_top(mount::NAME, mount::TYPE, modules);
    let top = draft.nodes.last_mut().expect("it was just put there");
    for (key, value) in &mount.options {
        top.node.set(key, value, SetBy::CommandLine);
    }
}

/// A server that is the top shares its `auth` options with its child: the brick's own translator may ask for them.
fn share_auth(draft: &mut Draft) {
    let Some((top, below)) = draft.nodes.split_last_mut() else { return };
    if top.node.type_name != "protocol/server" {
        return;
    }
    for child in &top.node.children {
        for setting in top.node.options.iter().filter(|setting| setting.key.contains("auth")) {
            below[*child].node.set(&setting.key, &setting.value, SetBy::Host);
        }
    }
}

/// Makes the named volume the top; what does not stand below it goes. A snapshot's name is no volume's, and changes
/// nothing.
fn set_top(draft: &mut Draft, name: &str) {
    let names = || draft.nodes.iter().map(|node| node.node.name.as_str());
    let Some(top) = names().position(|known| known == name) else {
        if !name.starts_with("/snaps/") {
            let meant = suggest::nearest(name, names()).map(str::to_owned);
            draft.faults.push(GraphFault::NoSuchTop { name: name.to_owned(), meant });
        }
        return;
    };
    let mut below = vec![false; draft.nodes.len()];
    below[top] = true;
    for index in (0..=top).rev() {
        if below[index] {
            draft.nodes[index].node.children.iter().for_each(|child| below[*child] = true);
        }
    }
    let mut places = Vec::with_capacity(below.len());
    let mut kept = 0;
    for stays in &below {
        places.push(kept);
        kept += usize::from(*stays);
    }
    let mut stays = below.iter();
    draft.nodes.retain(|_| *stays.next().expect("one for each node"));
    for node in &mut draft.nodes {
        node.node.children.iter_mut().for_each(|child| *child = places[*child]);
    }
}

fn add_options(draft: &mut Draft, options: &[XlatorOption]) {
    for option in options {
        let mut used = false;
        for node in draft.nodes.iter_mut().filter(|node| option.is_for(&node.node.name)) {
            node.node.set(&option.key, &option.value, SetBy::CommandLine);
            used = true;
        }
        if !used {
            tracing::info!(
                pattern = %option.pattern, key = %option.key,
                "--xlator-option names no translator of this graph"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::testing::{self, Fakes, draft};

    const TWO_TOPS: &str = "volume a\n type test/leaf\nend-volume\nvolume x\n type test/leaf\nend-volume\n\
                            volume b\n type test/pass\n subvolumes a\nend-volume\n\
                            volume c\n type test/pass\n subvolumes x b\nend-volume\n";

    fn names(draft: &Draft) -> Vec<&str> {
        draft.nodes.iter().map(|node| node.node.name.as_str()).collect()
    }

    fn wishes(insert: &Insertions) -> Wishes<'_> {
        Wishes { top: None, insert, options: &[], mount: None, process: None }
    }

    #[test]
    fn a_volume_that_is_made_the_top_keeps_what_stands_below_it_only() {
        let mut draft = draft(TWO_TOPS);
        let insert = Insertions::default();
        prepare(&mut draft, Wishes { top: Some("b"), ..wishes(&insert) }, &Fakes);
        assert_eq!(names(&draft), ["a", "b"]);
        assert_eq!(draft.nodes[1].node.children, [0]);
    }

    #[test]
    fn a_top_that_is_not_there_is_a_fault_with_the_nearest_name() {
        let mut with_typo = draft("volume brick\n type test/leaf\nend-volume\n");
        let insert = Insertions::default();
        prepare(&mut with_typo, Wishes { top: Some("brikc"), ..wishes(&insert) }, &Fakes);
        let meant = Some("brick".to_owned());
        assert_eq!(with_typo.faults, [GraphFault::NoSuchTop { name: "brikc".to_owned(), meant }]);
        let mut snapshot = draft("volume brick\n type test/leaf\nend-volume\n");
        prepare(&mut snapshot, Wishes { top: Some("/snaps/s/v"), ..wishes(&insert) }, &Fakes);
        assert!(snapshot.faults.is_empty());
    }

    #[test]
    fn insertions_stand_on_top_in_the_incumbents_order() {
        let mut draft = draft(TWO_TOPS);
        let insert = Insertions { worm: true, acl: true, mac_compat: true, aux_gfid: true };
        prepare(&mut draft, wishes(&insert), &Fakes);
        let on_top = ["worm-autoload", "posix-acl-autoload", "mac-compat-autoload", "gfid-access-autoload"];
        assert_eq!(names(&draft)[4..], on_top);
        assert_eq!(draft.nodes[4].node.children, [3]);
        assert_eq!(draft.nodes[7].node.children, [6]);
    }

    #[test]
    fn a_mount_shows_the_graph_below_it() {
        let mut draft = testing::draft(TWO_TOPS);
        let (insert, mount) = (Insertions::default(), MountSettings::default());
        prepare(&mut draft, Wishes { mount: Some(&mount), ..wishes(&insert) }, &Fakes);
        assert_eq!(names(&draft)[4], "meta-autoload");
        assert_eq!(draft.nodes[4].node.children, [3]);
        // Without a mount nobody would see it.
        let mut draft = testing::draft(TWO_TOPS);
        prepare(&mut draft, wishes(&insert), &Fakes);
        assert_eq!(names(&draft).len(), 4);
    }

    #[test]
    fn an_insertion_that_cannot_be_opened_is_a_fault_without_a_place() {
        let mut draft = draft(TWO_TOPS);
        let insert = Insertions { acl: true, ..Insertions::default() };
        prepare(&mut draft, wishes(&insert), &Fakes);
        let [GraphFault::Load { volume, at: None, .. }] = &draft.faults[..] else {
            panic!("{:?}", draft.faults)
        };
        assert_eq!(volume, "posix-acl-autoload");
    }

    #[test]
    fn options_of_the_command_line_win_over_the_volfiles() {
        let mut draft = draft("volume v-leaf\n type test/leaf\n option size 1\nend-volume\n");
        let option = |pattern: &str, value: &str| XlatorOption {
            pattern: pattern.to_owned(),
            key: "size".to_owned(),
            value: value.to_owned(),
        };
        let insert = Insertions::default();
        let options = [option("*-leaf", "2"), option("transport", "3")];
        prepare(&mut draft, Wishes { options: &options, ..wishes(&insert) }, &Fakes);
        assert_eq!(draft.nodes[0].node.option("size"), Some("2"));
    }

    #[test]
    fn a_servers_auth_options_are_shared_with_its_child() {
        let mut draft = draft(
            "volume /b\n type test/leaf\nend-volume\nvolume s\n type protocol/server\n option auth-path /b\n \
             option auth.addr./b.allow *\n option other 1\n subvolumes /b\nend-volume\n",
        );
        prepare(&mut draft, wishes(&Insertions::default()), &Fakes);
        let child = &draft.nodes[0].node;
        assert_eq!((child.option("auth-path"), child.option("auth.addr./b.allow")), (Some("/b"), Some("*")));
        assert_eq!(child.option("other"), None);
    }
}
