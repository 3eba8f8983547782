//! What processes tell about their inside: memory, connections, inodes, descriptors, calls.

use super::row::Row;
use crate::facts::Facts;
use crate::said::Said;
use crate::tree::{Element, element};

/// The line between processes.
const RULE: &str = "----------------------------------------------\n";

/// What malloc tells about its arenas: the key below `mallinfo.`, as the text names it.
const MALLOC: [(&str, &str); 10] = [
    ("arena", "Arena"),
    ("ordblks", "Ordblks"),
    ("smblks", "Smblks"),
    ("hblks", "Hblks"),
    ("hblkhd", "Hblkhd"),
    ("usmblks", "Usmblks"),
    ("fsmblks", "Fsmblks"),
    ("uordblks", "Uordblks"),
    ("fordblks", "Fordblks"),
    ("keepcost", "Keepcost"),
];

/// The lists of an inode table.
const LISTS: [&str; 3] = ["active", "lru", "purge"];

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    Memory,
    Clients,
    Inodes,
    Descriptors,
    Calls,
}

impl Inside {
    /// A part for each process that runs. Services are titled by their name, bricks by where they are.
    pub(super) fn text(self, facts: &Facts<'_>, rows: &[Row<'_>], of_service: bool) -> Said {
        let volume = facts.str("volname");
        let mut said = Said::out(match self {
            Self::Memory => format!("Memory status for volume : {volume}\n{RULE}"),
            Self::Clients => format!("Client connections for volume {volume}\n{RULE}"),
            Self::Inodes => format!("Inode tables for volume {volume}\n{RULE}"),
            Self::Descriptors => format!("FD tables for volume {volume}\n{RULE}"),
            Self::Calls => format!("Pending calls for volume {volume}\n{RULE}"),
        });
        for row in rows {
            let (host, path) = (row.host(), row.path());
            let (title, name) = match of_service {
                true => (format!("{host} : {path}\n"), host),
                false => (format!("Brick : {host}:{path}\n"), "Brick"),
            };
            said.out += &title;
            if row.is_online() {
                self.part(&row.facts, &mut said);
            } else {
                said.out += &format!("{name} is offline\n");
            }
            said.out += RULE;
        }
        if matches!(self, Self::Memory | Self::Clients) {
            said.out.push('\n');
        }
        said
    }

    fn part(self, facts: &Facts<'_>, said: &mut Said) {
        said.out += &match self {
            Self::Memory => memory(facts),
            Self::Clients => clients(facts),
            Self::Inodes => inodes(facts),
            Self::Descriptors => return descriptors(facts, said),
            Self::Calls => calls(facts),
        };
    }

    /// The same in a node's element.
    pub(super) fn add(self, node: Element, row: &Row<'_>) -> Element {
        let facts = &row.facts;
        node.child(match self {
            Self::Memory => element("memStatus").child(memory_element(facts)).child(element("mempool")),
            Self::Clients => clients_element(facts),
            Self::Inodes => connections_element("inodeStatus", facts, inodes_element),
            Self::Descriptors => connections_element("fdStatus", facts, descriptors_element),
            Self::Calls => calls_element(facts),
        })
    }
}

fn memory(facts: &Facts<'_>) -> String {
    let malloc = facts.below("mallinfo.");
    let line =
        |(key, name): &(&str, &str)| malloc.number(key).map(|number| format!("{name:<8} : {number}\n"));
    format!("Mallinfo\n--------\n{} \n", MALLOC.iter().filter_map(line).collect::<String>())
}

fn memory_element(facts: &Facts<'_>) -> Element {
    let malloc = facts.below("mallinfo.");
    MALLOC.iter().fold(element("mallinfo"), |tree, (key, _)| match malloc.number(key) {
        Some(number) => tree.number(key, number),
        None => tree,
    })
}

/// The connections that a process tells of.
fn each<'a>(facts: &Facts<'a>, count: &str, prefix: &str) -> Vec<Facts<'a>> {
    (0..facts.count(count)).map(|number| facts.below(format_args!("{prefix}{number}."))).collect()
}

fn clients(facts: &Facts<'_>) -> String {
    let count = facts.int("clientcount");
    let mut out = format!("Clients connected : {count}\n");
    if count == 0 {
        return out;
    }
    let row = |cells: [&str; 4]| {
        let [host, read, written, version] = cells;
        format!("{host:<48} {read:>15} {written:>15} {version:>15}\n")
    };
    out += &row(["Hostname", "BytesRead", "BytesWritten", "OpVersion"]);
    out += &row(["--------", "---------", "------------", "---------"]);
    for client in each(facts, "clientcount", "client") {
        let [read, written, version] =
            ["bytesread", "byteswrite", "opversion"].map(|key| client.int(key).to_string());
        out += &row([client.str("hostname"), &read, &written, &version]);
    }
    out
}

fn clients_element(facts: &Facts<'_>) -> Element {
    let Some(count) = facts.number("clientcount") else { return element("clientsStatus") };
    let client = |client: &Facts<'_>| {
        let tree = element("client").leaf("hostname", client.str("hostname"));
        let tree = tree.number("bytesRead", client.int("bytesread"));
        tree.number("bytesWrite", client.int("byteswrite")).number("opVersion", client.int("opversion"))
    };
    let clients = each(facts, "clientcount", "client");
    element("clientsStatus").number("clientCount", count).list("client", clients.iter().map(client))
}

fn inodes(facts: &Facts<'_>) -> String {
    let connections = each(facts, "conncount", "conn");
    let is_one_of_many = connections.len() > 1;
    let one = |(number, connection): (usize, &Facts<'_>)| {
        let table = connection.below("itable.");
        let title = if is_one_of_many { format!("Connection {}:\n", number + 1) } else { String::new() };
        let lines = [
            ("LRU limit     ", "lru_limit"),
            ("Active Inodes ", "active_size"),
            ("LRU Inodes    ", "lru_size"),
            ("Purge Inodes  ", "purge_size"),
        ];
        let line = |(name, key): &(&str, &str)| table.number(key).map(|size| format!("{name}: {size}\n"));
        format!("{title}{} \n", lines.iter().filter_map(line).collect::<String>())
    };
    connections.iter().enumerate().map(one).collect()
}

fn connections_element(name: &str, facts: &Facts<'_>, one: fn(&Facts<'_>) -> Element) -> Element {
    let tree = element(name).number("connections", facts.int("conncount"));
    tree.list("connection", each(facts, "conncount", "conn").iter().map(one))
}

fn inodes_element(connection: &Facts<'_>) -> Element {
    let table = connection.below("itable.");
    let inode = |inode: Facts<'_>| {
        let tree = element("inode").leaf("gfid", inode.str("gfid"));
        let tree = tree.number("nLookup", inode.int("nlookup")).number("ref", inode.int("ref"));
        tree.number("iaType", inode.int("ia_type"))
    };
    LISTS.iter().fold(element("connection"), |tree, list| {
        let Some(size) = table.number(&format!("{list}_size")) else { return tree };
        let tree = tree.number(&format!("{list}Size"), size);
        let told = each(&table, &format!("{list}_size"), list).into_iter().filter(|inode| inode.has("gfid"));
        let inodes: Vec<Element> = told.map(inode).collect();
        if inodes.is_empty() { tree } else { tree.child(element(list).list("inode", inodes)) }
    })
}

fn descriptors(facts: &Facts<'_>, said: &mut Said) {
    for (number, connection) in each(facts, "conncount", "conn").iter().enumerate() {
        let table = connection.below("fdtable.");
        let (refs, most, free) = (table.int("refcount"), table.int("maxfds"), table.int("firstfree"));
        said.out += &format!("Connection {}:\n", number + 1);
        said.out += &format!("RefCount = {refs}  MaxFDs = {most}  FirstFree = {free}\n");
        if table.int("openfds") == 0 {
            said.err += "No open fds\n";
        } else {
            let row = |cells: [&str; 4]| cells.map(|cell| format!("{cell:<19}")).join(" ") + "\n";
            said.out += &row(["FD Entry", "PID", "RefCount", "Flags"]);
            said.out += &row(["--------", "---", "--------", "-----"]);
            for (entry, open) in open(&table) {
                let [pid, refs, flags] = ["pid", "refcount", "flags"].map(|key| open.int(key).to_string());
                said.out += &row([&entry.to_string(), &pid, &refs, &flags]);
            }
        }
        said.out += " \n";
    }
}

/// The descriptors of a table with their places in it.
fn open<'a>(table: &Facts<'a>) -> Vec<(usize, Facts<'a>)> {
    let entries = each(table, "maxfds", "fdentry").into_iter().enumerate();
    entries.filter(|(_, entry)| entry.has("pid")).collect()
}

fn descriptors_element(connection: &Facts<'_>) -> Element {
    let table = connection.below("fdtable.");
    let tree = element("fdTable").number("refCount", table.int("refcount"));
    let tree = tree.number("maxFds", table.int("maxfds")).number("firstFree", table.int("firstfree"));
    let tree = tree.number("openFds", table.int("openfds"));
    let fd = |(place, open): (usize, Facts<'_>)| {
        let tree = element("fd").number("entry", place + 1).number("pid", open.int("pid"));
        tree.number("refCount", open.int("refcount")).number("flags", open.int("flags"))
    };
    element("connection").child(tree.list("fd", open(&table).into_iter().map(fd)))
}

fn calls(facts: &Facts<'_>) -> String {
    let Some(count) = facts.number("callpool.count") else { return String::new() };
    let mut out = format!("Pending calls: {count}\n");
    for (number, stack) in each(facts, "callpool.count", "callpool.stack").iter().enumerate() {
        out += &format!("Call Stack{}\n", number + 1);
        for (name, key) in [
            ("UID   ", "uid"),
            ("GID   ", "gid"),
            ("PID   ", "pid"),
            ("Unique", "unique"),
            ("Frames", "count"),
        ] {
            out += &format!(" {name} : {}\n", stack.int(key));
        }
        (1..=stack.count("count")).for_each(|frame| out += &format!(" Frame {frame}\n"));
        out += " \n";
    }
    out
}

fn calls_element(facts: &Facts<'_>) -> Element {
    let stack = |stack: &Facts<'_>| {
        let tree = element("callStack").number("uid", stack.int("uid")).number("gid", stack.int("gid"));
        let tree = tree.number("pid", stack.int("pid")).number("unique", stack.int("unique"));
        let tree = tree.number("frameCount", stack.int("count"));
        tree.list("callFrame", (0..stack.count("count")).map(|_| element("callFrame")))
    };
    let stacks = each(facts, "callpool.count", "callpool.stack");
    let tree = element("callpoolStatus").number("count", facts.int("callpool.count"));
    tree.list("callStack", stacks.iter().map(stack))
}
