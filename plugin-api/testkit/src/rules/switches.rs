//! Rule `switches`: a graph that is gone leaves nothing behind.

use std::time::{Duration, Instant};

use super::Rule;
use super::faults::wait;
use super::trial::{End, Kept, Trial};
use super::work::round;
use crate::{Alive, Caller, Fake};

pub(super) const RULE: Rule = Rule {
    name: "switches",
    about: "graph after graph is made, used and dropped: frames, inodes, descriptors, payloads and memory come back",
    check,
};

/// Bytes that may stay of a graph: allocators round, and tables grow by doubling.
const SPARE: u64 = 64;
/// What may stay in all, whatever the count: caches that fill once.
const ONCE: u64 = 256 * 1024;
/// In so many laps memory is looked at: what a graph leaves behind makes each of them grow, and a cache that fills once,
/// such as that of a thread which had nothing to do before, only one.
const LAPS: u64 = 4;
/// So many times the laps there are at most, where each has left something.
const MOST: u64 = 4;
/// Longest time for all of it: stores wait for their threads.
const TIME: Duration = Duration::from_secs(60);

fn check(trial: &mut Trial<'_>) -> Kept {
    let (warm_up, switches) = trial.size.pick((10, 60), (100, 1000));
    let begun = Instant::now();
    trial.step("the first graphs");
    for _ in 0..warm_up {
        switch(trial)?;
    }
    let before = settled();
    let (mut done, mut marks) = (0, vec![before.memory]);
    trial.step(format!("{switches} graphs, one after the other"));
    // What fills slowly, such as the caches of a pool's threads, is full at some time: it gets more laps to show it.
    let goes_on = |done: u64, marks: &[u64]| {
        let unsure = || grows_on(marks, switches / LAPS) && is_too_much(grown(&before), done);
        begun.elapsed() < TIME && (done < switches || (done < MOST * switches && unsure()))
    };
    while goes_on(done, &marks) {
        for _ in 0..switches / LAPS {
            switch(trial)?;
            done += 1;
            if trial.is_enough() {
                return Err(End::Found);
            }
        }
        marks.push(settled().memory);
    }
    if done < switches {
        trial.note(format!("{done} graphs in {} s, of {switches}", TIME.as_secs()));
    }
    let back = wait(|| Alive::now().is_no_more_than(&before));
    // What ends on other threads takes its memory along a little later.
    let flat = !grows_on(&marks, switches / LAPS) || wait(|| !is_too_much(grown(&before), done));
    trial.step(format!("after {done} graphs"));
    if !back {
        trial.found(format!("before there were {before}, now {}", settled()));
    }
    if !flat {
        let grown = grown(&before);
        trial.found(format!("{grown} bytes of memory stay, {} of each graph", grown / done.max(1)));
    }
    Ok(())
}

/// By how much memory has grown since then.
fn grown(before: &Alive) -> u64 {
    Alive::now().memory.saturating_sub(before.memory)
}

/// Whether every lap of so many graphs has left something.
fn grows_on(marks: &[u64], graphs: u64) -> bool {
    marks.windows(2).all(|lap| lap[1].saturating_sub(lap[0]) > graphs * SPARE)
}

/// Whether so many graphs may not leave so much.
fn is_too_much(grown: u64, graphs: u64) -> bool {
    grown > ONCE.min(graphs * 1024) && grown > graphs * SPARE
}

/// What is alive once what is on its way out has gone: threads of the last graph may still be ending.
fn settled() -> Alive {
    let mut least = Alive::now();
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(5));
        let now = Alive::now();
        if now.memory < least.memory {
            least = now;
        }
    }
    least
}

fn switch(trial: &mut Trial<'_>) -> Kept {
    let child = Fake::memory();
    let bench = trial.start(&child)?;
    let caller = Caller::new(&bench, trial.random.number());
    let _ = round(&caller, "switches");
    // One file stays open until after the graph has stopped, as a client's does.
    let open = caller.create(&caller.root(), "open").ok();
    let _ = caller.unlink(&caller.root(), "open");
    drop(caller);
    bench.stop();
    drop(open);
    trial.finish(bench);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_graph_leaves_is_told_from_what_fills_once() {
        assert!(grows_on(&[0, 20_000, 40_000, 60_000, 80_000], 15));
        assert!(!grows_on(&[0, 500, 70_000, 70_500, 71_000], 15), "a cache was filled in one lap");
        assert!(is_too_much(80_000, 60) && !is_too_much(50_000, 60));
    }
}
