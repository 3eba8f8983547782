//! Rule `load`: options change, clients go and the graph stops in the middle of work.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use plugin_api::{Client, EventKind};

use super::Rule;
use super::options::values;
use super::trial::{Kept, Trial};
use super::work::{is_fault, round};
use crate::{Caller, Fake, Random};

pub(super) const RULE: Rule = Rule {
    name: "load",
    about: "four callers at work while options change, clients disconnect, events storm and the graph stops: every fop is \
            answered",
    check,
};

const CALLERS: u64 = 4;

fn check(trial: &mut Trial<'_>) -> Kept {
    let rounds = trial.size.pick(2, 10);
    let time = trial.size.pick(Duration::from_millis(300), Duration::from_secs(2));
    for number in 0..rounds {
        trial.step(format!("callers at work, round {number}"));
        let child = Fake::memory();
        child.stop_noting();
        let bench = trial.start(&child)?;
        let changes = changes(trial);
        let (over, done) = (AtomicBool::new(false), AtomicU64::new(0));
        let seed = trial.random.number();
        let mut random = Random::new(seed);
        let found: Vec<String> = thread::scope(|scope| {
            let work = |number: u64| {
                let (bench, over, done) = (&bench, &over, &done);
                move || {
                    let mut random = Random::new(seed ^ number);
                    while !over.load(Ordering::Relaxed) {
                        let client = Client::new(&format!("client-{number}"), "here:1", true);
                        let caller = Caller::new(bench, random.number()).from_client(&client);
                        if let Err((what, failed)) = round(&caller, &format!("load-{number}"))
                            && is_fault(&failed)
                        {
                            return Some(format!("{what}: {failed}"));
                        }
                        done.fetch_add(1, Ordering::Relaxed);
                        bench.disconnect(&client);
                    }
                    None
                }
            };
            let callers: Vec<_> = (0..CALLERS).map(|number| scope.spawn(work(number))).collect();
            let end = Instant::now() + time;
            while Instant::now() < end && !callers.iter().any(thread::ScopedJoinHandle::is_finished) {
                if !changes.is_empty() {
                    // A refusal is told by another rule.
                    let _ = bench.change(&changes[random.index(changes.len())]);
                }
                bench.send_up(&EventKind::CHILD_UP.into());
                bench.disconnect(&Client::new("a stranger", "there:1", false));
                thread::sleep(Duration::from_millis(random.below(5)));
            }
            bench.stop();
            thread::sleep(Duration::from_millis(5));
            over.store(true, Ordering::Relaxed);
            callers.into_iter().filter_map(|caller| caller.join().expect("a caller does not panic")).collect()
        });
        found.into_iter().for_each(|what| trial.found(what));
        if done.load(Ordering::Relaxed) == 0 {
            trial.found("in all this time no caller came through a round");
        }
        trial.finish(bench);
        if trial.is_enough() {
            break;
        }
    }
    Ok(())
}

/// The subject's options, with each value that one of them may change to.
fn changes(trial: &Trial<'_>) -> Vec<Vec<(String, String)>> {
    let declared = &trial.subject.declaration().options.0;
    let changing = declared.iter().filter(|option| option.reconfigurable && !option.keys[0].contains('*'));
    let pairs = changing
        .flat_map(|option| values(option).into_iter().map(|value| (option.keys[0].to_string(), value)));
    pairs.map(|(key, value)| trial.subject.settled_with(&[(&key, &value)])).collect()
}
