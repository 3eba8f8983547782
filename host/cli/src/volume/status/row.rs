//! A process of a volume, as a reply tells of it.

use crate::facts::Facts;
use crate::tree::{Element, element};

/// A process of a volume: a brick, or a service.
pub(super) struct Row<'a> {
    pub(super) facts: Facts<'a>,
    pub(super) is_brick: bool,
}

impl<'a> Row<'a> {
    pub(super) fn host(&self) -> &'a str {
        self.facts.str("hostname")
    }

    pub(super) fn path(&self) -> &'a str {
        self.facts.str("path")
    }

    pub(super) fn is_online(&self) -> bool {
        self.facts.int("status") == 1
    }

    /// A number that a process has only while it runs, or N/A.
    fn while_online(&self, number: Option<i64>) -> String {
        number.filter(|_| self.is_online()).map_or_else(|| "N/A".to_owned(), |number| number.to_string())
    }

    pub(super) fn port(&self) -> String {
        self.while_online(self.facts.number("port").filter(|&port| port > 0))
    }

    pub(super) fn rdma_port(&self) -> String {
        self.while_online(self.facts.number("rdma_port").filter(|&port| self.is_brick || port > 0))
    }

    pub(super) fn pid(&self) -> String {
        self.while_online(self.facts.number("pid").filter(|&pid| pid >= 0))
    }

    pub(super) fn element(&self) -> Element {
        let (port, rdma) =
            (self.port(), self.while_online(self.facts.number("rdma_port").filter(|&port| port > 0)));
        element("node")
            .leaf("hostname", self.host())
            .leaf("path", self.path())
            .leaf("peerid", self.facts.str("peerid"))
            .number("status", self.facts.int("status"))
            .leaf("port", &port)
            .child(element("ports").leaf("tcp", &port).leaf("rdma", rdma))
            .number("pid", self.facts.number("pid").unwrap_or(-1))
    }
}

/// The rows that the reply holds; an index without a host is a node that did not answer.
pub(super) fn rows<'a>(facts: &Facts<'a>) -> Vec<Row<'a>> {
    let last_brick = facts.number("brick-index-max").unwrap_or(-1);
    let last = last_brick.saturating_add(facts.count("other-count")).min(facts.most());
    let row =
        |index: i64| Row { facts: facts.below(format_args!("brick{index}.")), is_brick: index <= last_brick };
    (0..=last).map(row).filter(|row| row.facts.has("hostname")).collect()
}
