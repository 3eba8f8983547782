//! Check: judges what a parsed volfile means, and gives the plan of its graph.
use std::collections::HashMap;

use super::ast::{Item, Volfile, Volume, Word};
use super::error::Fault;
use super::plan::{Node, Place, Plan, SetBy, Setting};
use crate::suggest;

/// The most faults that are shown for one file.
const FAULT_LIMIT: usize = 20;

/// Old names of translator types, and the names they have now.
const RENAMED: [(&str, &str); 5] = [
    ("cluster/afr", "cluster/replicate"),
    ("cluster/dht", "cluster/distribute"),
    ("cluster/ec", "cluster/disperse"),
    ("features/posix-locks", "features/locks"),
    ("performance/stat-prefetch", "performance/md-cache"),
];

/// Judges a parsed volfile.
/// # Errors
/// Every fault found, in file order.
pub fn check(file: &Volfile) -> Result<Plan, Vec<Fault>> {
    let mut faults = Vec::new();
    if file.volumes.is_empty() {
        faults.push(Fault::Empty);
    }
    let names = defined_names(file, &mut faults);
    let cycle = find_cycle(file, &names);
    for (place, volume) in file.volumes.iter().enumerate() {
        check_type(volume, &mut faults);
        check_subvolumes(file, place, &names, cycle.is_some(), &mut faults);
    }
    faults.extend(cycle);
    if faults.is_empty() {
        let nodes = file.volumes.iter().map(|volume| node(volume, &names)).collect();
        return Ok(Plan { nodes, ..Plan::default() });
    }
    faults.sort_by_key(|fault| fault.at().map(|at| at.start));
    faults.truncate(FAULT_LIMIT);
    Err(faults)
}

/// The name a translator type has now.
pub fn present_name(written: &str) -> &str {
    RENAMED.iter().find(|(old, _)| *old == written).map_or(written, |(_, now)| now)
}

fn defined_names<'a>(file: &'a Volfile, faults: &mut Vec<Fault>) -> HashMap<&'a str, usize> {
    let mut names = HashMap::with_capacity(file.volumes.len());
    for (place, volume) in file.volumes.iter().enumerate() {
        let first = *names.entry(volume.name.text.as_str()).or_insert(place);
        if first != place {
            let first = file.volumes[first].name.span.clone();
            faults.push(Fault::SameName { name: volume.name.clone(), first });
        }
    }
    names
}

fn check_type(volume: &Volume, faults: &mut Vec<Fault>) {
    let mut first = None;
    for item in &volume.items {
        let Item::Type { name, span } = item else { continue };
        match &first {
            None => first = Some(span.clone()),
            Some(first) => faults.push(twice(volume, "type", first, span)),
        }
        if !is_type(&name.text) {
            faults.push(Fault::BadType { name: name.clone() });
        }
    }
    if first.is_none() {
        faults.push(Fault::NoType { volume: volume.name.clone() });
    }
}

/// A type is a path below the plugin folder: lower-case words joined by `/`, nothing that climbs out.
fn is_type(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    text.len() <= 255 && text.split('/').all(|part| !part.is_empty() && part.chars().all(fits))
}

fn check_subvolumes(
    file: &Volfile,
    place: usize,
    names: &HashMap<&str, usize>,
    in_cycle: bool,
    faults: &mut Vec<Fault>,
) {
    let volume = &file.volumes[place];
    let mut lines = volume.items.iter().filter_map(|item| match item {
        Item::Subvolumes { span, .. } => Some(span),
        _ => None,
    });
    if let Some(first) = lines.next() {
        faults.extend(lines.map(|again| twice(volume, "subvolumes", first, again)));
    }
    let mut seen: HashMap<&str, &Word> = HashMap::new();
    for child in volume.subvolumes() {
        if let Some(first) = seen.insert(&child.text, child) {
            let (volume, name) = (volume.name.clone(), child.clone());
            faults.push(Fault::ChildTwice { volume, name, first: first.span.clone() });
            continue;
        }
        match names.get(child.text.as_str()) {
            _ if *child == volume.name => faults.push(Fault::Itself { name: child.clone() }),
            None => {
                let known = file.volumes[..place].iter().map(|v| v.name.text.as_str());
                let few = faults.len() < FAULT_LIMIT;
                let meant = if few { suggest::nearest(&child.text, known).map(str::to_owned) } else { None };
                faults.push(Fault::Undefined { volume: volume.name.clone(), name: child.clone(), meant });
            }
            // In a ring at least one child is always further down: the ring itself is the message then.
            Some(&at) if at > place && !in_cycle => {
                let defined = file.volumes[at].name.span.clone();
                faults.push(Fault::Below { volume: volume.name.clone(), name: child.clone(), defined });
            }
            Some(_) => {}
        }
    }
}

/// The first ring of at least two volumes, if there is one.
fn find_cycle(file: &Volfile, names: &HashMap<&str, usize>) -> Option<Fault> {
    const NEW: u8 = 0;
    const OPEN: u8 = 1;
    const DONE: u8 = 2;
    let children: Vec<Vec<(usize, &Word)>> = file
        .volumes
        .iter()
        .map(|volume| volume.subvolumes().filter_map(|c| Some((*names.get(c.text.as_str())?, c))).collect())
        .collect();
    let mut state = vec![NEW; file.volumes.len()];
    for start in 0..file.volumes.len() {
        // The path walked so far, each volume with how many of its children have been seen.
        let mut path: Vec<(usize, usize)> = Vec::new();
        if state[start] == NEW {
            state[start] = OPEN;
            path.push((start, 0));
        }
        while let Some((at, next)) = path.last_mut() {
            let at = *at;
            let Some(&(child, _)) = children[at].get(*next) else {
                state[at] = DONE;
                path.pop();
                continue;
            };
            *next += 1;
            if state[child] == OPEN && child != at {
                let first = path.iter().position(|(on, _)| *on == child)?;
                let link = |&(on, seen): &(usize, usize)| {
                    (file.volumes[on].name.clone(), children[on][seen - 1].1.clone())
                };
                return Some(Fault::Cycle { links: path[first..].iter().map(link).collect() });
            }
            if state[child] == NEW {
                state[child] = OPEN;
                path.push((child, 0));
            }
        }
    }
    None
}

fn twice(volume: &Volume, keyword: &'static str, first: &super::Span, at: &super::Span) -> Fault {
    Fault::Twice { volume: volume.name.clone(), keyword, first: first.clone(), at: at.clone() }
}

fn node(volume: &Volume, names: &HashMap<&str, usize>) -> Node {
    let written_type = volume.type_name().expect("a volume without a type was refused above");
    let mut options: Vec<Setting> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (key, value) in volume.options() {
        let place = *places.entry(&key.text).or_insert(options.len());
        let by = SetBy::Volfile { key: key.span.clone(), value: value.span.clone() };
        let setting = Setting { key: key.text.clone(), value: value.text.clone(), by };
        match options.get_mut(place) {
            Some(option) => *option = setting,
            None => options.push(setting),
        }
    }
    Node {
        name: volume.name.text.clone(),
        type_name: present_name(&written_type.text).to_owned(),
        written_type: written_type.text.clone(),
        options,
        children: volume.subvolumes().map(|child| names[child.text.as_str()]).collect(),
        place: Some(Place { name: volume.name.span.clone(), type_name: written_type.span.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volfile::parse;

    fn volume(name: &str, children: &str) -> String {
        let line = if children.is_empty() { String::new() } else { format!(" subvolumes {children}\n") };
        format!("volume {name}\n type debug/trace\n{line}end-volume\n")
    }

    fn faults(text: &str) -> Vec<Fault> {
        check(&parse(text).unwrap()).unwrap_err()
    }

    #[test]
    fn children_are_linked_in_order_and_options_are_settled() {
        let text = volume("a", "")
            + &volume("b", "")
            + "volume t\n type cluster/afr\n option k 1\n option l 2\n option k 3\n subvolumes b a\nend-volume\n";
        let plan = check(&parse(&text).unwrap()).unwrap();
        let top = plan.nodes.last().unwrap();
        assert_eq!(top.children, [1, 0]);
        assert_eq!((top.type_name.as_str(), top.written_type.as_str()), ("cluster/replicate", "cluster/afr"));
        let options: Vec<_> = top.options.iter().map(|o| (o.key.as_str(), o.value.as_str())).collect();
        assert_eq!(options, [("k", "3"), ("l", "2")]);
    }

    #[test]
    fn a_ring_is_one_fault_that_names_each_step() {
        let text = volume("a", "c") + &volume("b", "a") + &volume("c", "b");
        let found = faults(&text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].to_string(), "the volumes form a cycle: a -> c -> b -> a");
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let mut text = volume("v0", "");
        for n in 1..20_000 {
            text += &volume(&format!("v{n}"), &format!("v{}", n - 1));
        }
        assert_eq!(check(&parse(&text).unwrap()).unwrap().nodes.len(), 20_000);
    }

    #[test]
    fn every_fault_is_found_at_once_in_file_order() {
        let text = volume("a", "nope")
            + "volume b\nend-volume\n"
            + &volume("b", "b")
            + &volume("c", "a a d")
            + &volume("d", "");
        let words: Vec<String> = faults(&text).iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                "volume `a` wants subvolume `nope`, which is not defined",
                "volume `b` has no type",
                "volume `b` is defined twice",
                "volume `b` has itself as a subvolume",
                "volume `c` has subvolume `a` twice",
                "volume `c` wants subvolume `d`, which is defined only further down",
            ]
        );
    }

    #[test]
    fn a_type_never_leads_out_of_the_plugin_folder() {
        for bad in ["../x", "/etc/x", "a//b", "a/../b", "A/b", "a/b.so"] {
            let text = format!("volume a\n type {bad}\nend-volume\n");
            assert!(matches!(faults(&text)[..], [Fault::BadType { .. }]), "{bad}");
        }
        assert!(is_type("meta") && is_type("features/bit-rot"));
    }
}
