//! The graph for people: its text for the log, its tree for a terminal.
use std::fmt::Write;

use super::DraftNode;
use crate::volfile::Node;

/// The rule above and below a graph in the log.
const RULE: &str = "+------------------------------------------------------------------------------+";

/// The most steps that a tree is indented by.
const DEPTH_LIMIT: usize = 40;

/// The graph as the incumbent writes it into the log; passwords are left out.
pub fn for_log(nodes: &[DraftNode]) -> String {
    let mut text = format!("Final graph:\n{RULE}\n");
    let mut number = 0;
    let mut line = |words: &str| {
        number += 1;
        put(&mut text, format_args!("{number:3}: {words}\n"));
    };
    for DraftNode { node, .. } in nodes {
        line(&format!("volume {}", node.name));
        line(&format!("    type {}", node.written_type));
        for setting in &node.options {
            let value = if is_secret(&setting.key) { "***" } else { setting.value.as_str() };
            line(&format!("    option {} {value}", setting.key));
        }
        if !node.children.is_empty() {
            line(&format!("    subvolumes {}", child_names(nodes, node).join(" ")));
        }
        line("end-volume");
        line("");
    }
    text + RULE
}

/// The tops with everything below them, one volume a line; what stands below several parents is shown once.
pub fn tree(nodes: &[DraftNode]) -> String {
    let mut text = String::new();
    let mut shown = vec![false; nodes.len()];
    let has_parent = |index: usize| nodes.iter().any(|other| other.node.children.contains(&index));
    // Those still to be shown, the next one last.
    let mut next: Vec<(usize, usize)> =
        (0..nodes.len()).filter(|index| !has_parent(*index)).map(|index| (index, 0)).collect();
    while let Some((index, depth)) = next.pop() {
        let DraftNode { node, opened } = &nodes[index];
        let indent = 2 * depth.min(DEPTH_LIMIT);
        put(&mut text, format_args!("{:indent$}{}  {}", "", node.name, node.type_name));
        if std::mem::replace(&mut shown[index], true) {
            text.push_str("  (as above)\n");
            continue;
        }
        if let Some(opened) = opened {
            let fops = opened.module.fops().len();
            put(&mut text, format_args!("  {fops} fop{}", if fops == 1 { "" } else { "s" }));
        }
        text.push('\n');
        next.extend(node.children.iter().rev().map(|child| (*child, depth + 1)));
    }
    text
}

/// Whether the value of an option must not be shown.
pub fn is_secret(key: &str) -> bool {
    key == "password" || key.ends_with(".password") || key.ends_with("-password")
}

fn child_names<'a>(nodes: &'a [DraftNode], node: &Node) -> Vec<&'a str> {
    node.children.iter().map(|child| nodes[*child].node.name.as_str()).collect()
}

pub(super) fn put(text: &mut String, words: std::fmt::Arguments<'_>) {
    text.write_fmt(words).expect("a string takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::testing::draft;

    const TEXT: &str = "volume a\n type test/leaf\n option size 1\nend-volume\nvolume b\n type test/pass\n \
                        subvolumes a\nend-volume\nvolume c\n type test/pass\n option password s3cret\n option \
                        auth.login.x.password y\n subvolumes b a\nend-volume\n";

    #[test]
    fn the_log_shows_the_graph_with_numbered_lines_and_no_passwords() {
        let text = for_log(&draft(TEXT).nodes);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..3], ["Final graph:", RULE, "  1: volume a"]);
        assert_eq!(lines[4], "  3:     option size 1");
        assert!(
            text.contains(" 13:     option password ***\n 14:     option auth.login.x.password ***\n"),
            "{text}"
        );
        assert!(text.contains(" 15:     subvolumes b a\n 16: end-volume\n 17: \n"), "{text}");
        assert!(text.ends_with(RULE));
    }

    #[test]
    fn a_tree_shows_what_stands_below_two_parents_once() {
        let expected = "c  test/pass  0 fops\n  b  test/pass  0 fops\n    a  test/leaf  0 fops\n  a  test/leaf  (as above)\n";
        assert_eq!(tree(&draft(TEXT).nodes), expected);
    }
}
