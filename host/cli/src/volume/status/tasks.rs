//! What is done with a volume as a whole: rebalance, bricks that are taken away.

use super::RULE;
use crate::facts::Facts;
use crate::tree::{Element, element};

/// All of it under a title.
pub(super) fn text(facts: &Facts<'_>) -> String {
    format!("Task Status of Volume {}\n{RULE}{} \n", facts.str("volname"), lines(facts))
}

/// All of it as an element.
pub(super) fn element_of(facts: &Facts<'_>) -> Element {
    element("tasks").list("task", tasks(facts).iter().map(task_element))
}

/// What is done with the volume as a whole, one after the other.
fn tasks<'a>(facts: &Facts<'a>) -> Vec<Facts<'a>> {
    (0..facts.count("tasks")).map(|number| facts.below(format_args!("task{number}."))).collect()
}

/// The bricks that a task takes away.
fn bricks<'a>(task: &Facts<'a>) -> Vec<&'a str> {
    (1..=task.count("count")).map(|number| task.str(&format!("brick{number}"))).collect()
}

fn lines(facts: &Facts<'_>) -> String {
    let tasks = tasks(facts);
    if tasks.is_empty() {
        return "There are no active volume tasks\n".to_owned();
    }
    let line = |name: &str, value: &str| format!("{name:<20} : {value:<20}\n");
    let one = |task: &Facts<'_>| {
        let mut out = line("Task", task.str("type")) + &format!("{:<20} : {}\n", "ID", task.str("id"));
        let names = bricks(task);
        if !names.is_empty() {
            out += &format!("{:<20}\n", "Removed bricks:");
        }
        names.iter().for_each(|brick| out += &format!("{brick:<20}\n"));
        out + &line("Status", status_word(task))
    };
    tasks.iter().map(one).collect::<Vec<_>>().join(" \n")
}

fn status_word(task: &Facts<'_>) -> &'static str {
    match task.int("status") {
        0 => "not started",
        1 => "in progress",
        2 => "stopped",
        3 => "completed",
        4 => "failed",
        _ => "unknown",
    }
}

fn task_element(task: &Facts<'_>) -> Element {
    let status = element("task").leaf("type", task.str("type")).leaf("id", task.str("id"));
    let status = status.number("status", task.int("status")).leaf("statusStr", status_word(task));
    let names = bricks(task);
    if names.is_empty() {
        return status;
    }
    status.child(element("params").list("brick", names.iter().map(|brick| element("brick").text(brick))))
}
