//! Evolve: a running graph becomes that of a new draft, in place: by other options, another build of a plugin, or a
//! translator put in or taken out. What cannot be done leaves it as it is.
use std::sync::PoisonError;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use plugin_api::abi::graph::{Evolution, Next, Origin, Part, Retiring, StartError};
use plugin_api::options::OptionValues;

use super::activate::{names, not_started, part, set_budget, tops};
use super::matching::{Match, matching};
use super::reconfigure::Taken;
use super::section::{Section, values};
use super::{Draft, DraftNode, GraphError, Running, dump, root};
use crate::loader::Build;
use crate::logging::{self, Level};

/// Calls that began before a translator was taken out may take this long before it is told to stop; it then answers those
/// that are left.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a new draft did to a running graph.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Options that are in force now, as `volume: key`.
    pub now: Vec<String>,
    /// Options that take effect when the process is started again, as `volume: key`.
    pub later: Vec<String>,
    /// Translators of which another build serves now.
    pub replaced: Vec<Replaced>,
    /// Translators of which another build is there that takes over when the process is started again.
    pub waiting: Vec<Replaced>,
    /// Volumes that were put in.
    pub added: Vec<String>,
    /// Volumes that were taken out.
    pub removed: Vec<String>,
    /// Volumes that have other subvolumes than before, and so begin anew.
    pub rewired: Vec<String>,
    /// How long the translators took that were made and started, and the switch.
    pub took: Duration,
}

/// A translator of which there is another build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// The volume.
    pub volume: String,
    /// Its type.
    pub type_name: String,
    /// The build that served.
    pub from: Build,
    /// The build that lies in the plugin folder.
    pub to: Build,
}

impl Changed {
    /// What this and another graph took.
    #[must_use]
    pub fn and(mut self, other: Changed) -> Changed {
        self.now.extend(other.now);
        self.later.extend(other.later);
        self.replaced.extend(other.replaced);
        self.waiting.extend(other.waiting);
        self.added.extend(other.added);
        self.removed.extend(other.removed);
        self.rewired.extend(other.rewired);
        self.took += other.took;
        self
    }

    /// Whether everything is as it was.
    pub fn is_nothing(&self) -> bool {
        *self == Changed { took: self.took, ..Changed::default() }
    }
}

impl Running {
    /// Makes the graph that of `draft`, which has no faults. Calls go on meanwhile.
    ///
    /// Blocks as long as the translators do.
    /// # Errors
    /// A difference that cannot be made in place, a translator that does not start, or one that refuses its new options:
    /// those above it keep theirs, all else is as it was.
    pub fn take(&self, draft: Draft) -> Result<Changed, GraphError> {
        let _alone = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.nodes();
        let mut new = draft.nodes;
        let Match { origins, waiting } =
            matching(&old, &new).map_err(|difference| GraphError::Topology { difference })?;
        let replaced = |index: usize, at: usize| replaced(&old[at], &new[index]);
        let mut changed = Changed::default();
        for (index, origin) in origins.iter().enumerate() {
            match origin {
                Origin::Kept(at) if waiting.contains(&index) => changed.waiting.push(replaced(index, *at)),
                Origin::Kept(_) => {}
                Origin::Replaces(at) => match replaced(index, *at) {
                    same if same.from == same.to => changed.rewired.push(same.volume),
                    other => changed.replaced.push(other),
                },
                Origin::New => changed.added.push(new[index].node.name.clone()),
            }
        }
        let name_of = |node: &DraftNode| node.node.name.clone();
        let stays = |name: &String| new.iter().any(|node| node.node.name == *name);
        changed.removed = old.iter().map(name_of).filter(|name| !stays(name)).collect();
        let begun = Instant::now();
        let other_shape =
            !changed.removed.is_empty() || origins.iter().any(|origin| !matches!(origin, Origin::Kept(_)));
        let evolution = if other_shape { Some(self.prepare(&old, &new, &origins)?) } else { None };
        self.reconfigure_kept(&old, &mut new, &origins, &waiting, &mut changed)?;
        self.drain_leaving(&old, &origins)?;
        match evolution {
            Some(evolution) => {
                self.switch(evolution, new);
                changed.took = begun.elapsed();
            }
            None => self.put_nodes(new),
        }
        Ok(changed)
    }

    /// The next graph with its new translators started.
    fn prepare(
        &self,
        old: &[DraftNode],
        new: &[DraftNode],
        origins: &[Origin],
    ) -> Result<Evolution, GraphError> {
        let parts = new.iter().map(|node| part(node).expect("a draft without faults has opened every type"));
        let mut next: Vec<_> =
            origins.iter().zip(parts).map(|(origin, part)| Next { origin: *origin, part }).collect();
        let above = Part { name: root::NAME.to_owned(), module: root::module(), children: tops(new) };
        if self.graph.children(old.len()).len() != above.children.len() {
            return Err(GraphError::Topology {
                difference: "another number of volumes stands at the top".to_owned(),
            });
        }
        next.push(Next { origin: Origin::Kept(old.len()), part: above });
        let evolution = self.graph.evolve(next).map_err(|error| not_started(new, error))?;
        for index in evolution.fresh().collect::<Vec<_>>() {
            evolution.set_fault_limit(index, Section::of(&new[index]).fault_limit);
        }
        self.start_fresh(evolution, new)
    }

    /// Starts what is new, the top first, on a thread of its own: one that hangs keeps that thread, and what was made.
    fn start_fresh(&self, evolution: Evolution, new: &[DraftNode]) -> Result<Evolution, GraphError> {
        enum Word {
            Started,
            Failed(StartError),
            All(Evolution),
        }
        let fresh: Vec<(usize, OptionValues)> =
            evolution.fresh().map(|index| (index, values(&new[index]))).collect();
        let order: Vec<usize> = fresh.iter().map(|(index, _)| *index).collect();
        let (say, words) = mpsc::channel();
        thread::Builder::new()
            .name("init".to_owned())
            .spawn(move || {
                for (index, values) in fresh {
                    let word = match evolution.init(index, &values) {
                        Ok(()) => Word::Started,
                        // What was started before is stopped when the evolution goes, which is here.
                        Err(error) => return drop(say.send(Word::Failed(error))),
                    };
                    if say.send(word).is_err() {
                        return;
                    }
                }
                // Where nobody waits any more it comes back, and stops what it started.
                let _ = say.send(Word::All(evolution));
            })
            .map_err(GraphError::Thread)?;
        let mut next = order.iter();
        loop {
            match (words.recv_timeout(self.init_timeout), next.as_slice().first()) {
                (Ok(Word::Started), _) => drop(next.next()),
                (Ok(Word::Failed(error)), _) => return Err(not_started(new, error)),
                (Ok(Word::All(evolution)), _) => return Ok(evolution),
                (Err(_), index) => {
                    let (volume, type_name) = index.map(|index| names(new, *index)).unwrap_or_default();
                    return Err(GraphError::Hangs {
                        volume,
                        type_name,
                        seconds: self.init_timeout.as_secs(),
                    });
                }
            }
        }
    }

    /// Gives those that stay their new options, the top first.
    fn reconfigure_kept(
        &self,
        old: &[DraftNode],
        new: &mut [DraftNode],
        origins: &[Origin],
        waiting: &[usize],
        changed: &mut Changed,
    ) -> Result<(), GraphError> {
        let mut taken = Taken::default();
        for index in (0..new.len()).rev() {
            let Origin::Kept(at) = origins[index] else { continue };
            if waiting.contains(&index) {
                // It goes on as the build that it is.
                new[index].opened.clone_from(&old[at].opened);
            }
            self.reconfigure(at, &old[at].node, &new[index], &mut taken)?;
            self.put_options(at, &new[index]);
        }
        (changed.now, changed.later) = (taken.now, taken.later);
        Ok(())
    }

    /// What those that leave have acknowledged lies below them before calls go around them.
    fn drain_leaving(&self, old: &[DraftNode], origins: &[Origin]) -> Result<(), GraphError> {
        let leaves = |at: &usize| !origins.contains(&Origin::Kept(*at));
        let leaving: Vec<usize> = (0..old.len()).filter(leaves).collect();
        let drained = leaving.iter().try_for_each(|at| self.drain(*at, &old[*at]));
        if drained.is_err() {
            leaving.iter().for_each(|at| self.resume(*at, &old[*at]));
        }
        drained
    }

    fn switch(&self, evolution: Evolution, new: Vec<DraftNode>) {
        let retiring = {
            let mut nodes = self.nodes.write().unwrap_or_else(PoisonError::into_inner);
            logging::block(Level::Info, &dump::for_log(&new));
            *nodes = new;
            let retiring = evolution.switch();
            nodes.iter().for_each(|node| set_budget(&self.graph, node));
            retiring
        };
        retire(retiring);
    }

    fn put_nodes(&self, new: Vec<DraftNode>) {
        *self.nodes.write().unwrap_or_else(PoisonError::into_inner) = new;
    }

    fn put_options(&self, at: usize, node: &DraftNode) {
        let mut nodes = self.nodes.write().unwrap_or_else(PoisonError::into_inner);
        nodes[at].node.options.clone_from(&node.node.options);
    }
}

fn replaced(old: &DraftNode, new: &DraftNode) -> Replaced {
    let build =
        |node: &DraftNode| node.opened.as_ref().map(|opened| opened.build.clone()).unwrap_or_default();
    Replaced {
        volume: new.node.name.clone(),
        type_name: new.node.type_name.clone(),
        from: build(old),
        to: build(new),
    }
}

/// Stops what was taken out, once the calls that began before have ended or have had their time.
fn retire(retiring: Retiring) {
    if retiring.is_empty() || retiring.is_empty_within(Duration::ZERO) {
        return;
    }
    let waiter = thread::Builder::new().name("retire".to_owned()).spawn(move || {
        let ended = retiring.is_empty_within(PATIENCE);
        tracing::debug!(translators = ?retiring, ended, "stopping what was taken out of the graph");
    });
    if let Err(error) = waiter {
        // The closure is gone, and what it held is stopped already.
        tracing::warn!(%error, "no thread to wait for calls on");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::activate::{Start, activate};
    use crate::graph::testing::{draft, heard, rebuilt};

    fn volfile(name: &str, leaf: &str, top: &str) -> String {
        format!(
            "volume {name}1\n type test/leaf\n{leaf}end-volume\nvolume {name}2\n type test/leaf\n{top} \
             subvolumes {name}1\nend-volume\n"
        )
    }

    async fn running(text: &str) -> Running {
        let start = Start { init_timeout: Duration::from_secs(10), fault_limit: 0 };
        activate(draft(text), start).await.unwrap()
    }

    fn options(changed: Changed) -> (Vec<String>, Vec<String>) {
        (changed.now, changed.later)
    }

    #[tokio::test]
    async fn only_who_has_new_options_hears_of_them_the_top_first() {
        let running = running(&volfile("rc", " option size 1\n", "")).await;
        let changed = running.take(draft(&volfile("rc", " option size 1\n", ""))).unwrap();
        assert!(changed.is_nothing());
        let new = volfile("rc", " option size 2\n", " option fixed x\n");
        let changed = running.take(draft(&new)).unwrap();
        assert_eq!(options(changed), (vec!["rc1: size".into()], vec!["rc2: fixed".into()]));
        assert_eq!(heard("rc")[3..], ["reconfigure 4KB rc2", "reconfigure 2 rc1"]);
        assert_eq!(running.nodes()[0].node.option("size"), Some("2"));
    }

    #[tokio::test]
    async fn an_option_that_is_gone_falls_back_to_its_default() {
        let running = running(&volfile("gone", " option size 1\n", "")).await;
        running.take(draft(&volfile("gone", "", ""))).unwrap();
        assert_eq!(heard("gone")[3..], ["reconfigure 4KB gone1"]);
    }

    #[tokio::test]
    async fn a_refused_change_leaves_the_old_options_and_is_tried_again() {
        let running = running(&volfile("rf", " option size 1\n", "")).await;
        let bad = volfile("rf", " option size 13\n", "");
        for _ in 0..2 {
            let error = running.take(draft(&bad)).unwrap_err();
            assert_eq!(
                error.to_string(),
                "volume `rf1`, type test/leaf, does not take its new options: 13 brings bad luck"
            );
            assert_eq!(running.nodes()[0].node.option("size"), Some("1"));
        }
    }

    #[tokio::test]
    async fn what_cannot_be_done_in_place_is_refused_with_the_difference() {
        let text = "volume tp1\n type test/holds\nend-volume\nvolume tp2\n type test/pass\n subvolumes tp1\nend-volume\n";
        let running = running(text).await;
        let refused = |text: &str| running.take(draft(text)).unwrap_err().to_string();
        let other = text.replacen("test/holds", "test/leaf", 1);
        assert!(refused(&other).contains("volume `tp1` was of type test/holds and is of type test/leaf"));
        let higher = text.replacen("test/holds", "test/holds\n subvolumes tp0", 1);
        let higher = format!("volume tp0\n type test/leaf\nend-volume\n{higher}");
        assert!(refused(&higher).contains("volume `tp1` has other subvolumes"));
        let without = volfile("tp", "", "").replace("tp1", "tp3");
        assert!(refused(&without).contains("volume `tp1` is gone"));
        let two_tops = text.replace(" subvolumes tp1\n", "");
        assert!(refused(&two_tops).contains("another number of volumes stands at the top"));
        assert_eq!(heard("tp"), ["init tp2", "init tp1", "event 1 tp2"]);
    }

    #[tokio::test]
    async fn one_whose_subvolumes_change_begins_anew_above_those_that_stay() {
        let leaf = |n: u32| format!("volume ad{n}\n type test/leaf\nend-volume\n");
        let above =
            |below: &str| format!("volume ad-all\n type test/pass\n subvolumes {below}\nend-volume\n");
        let top = "volume ad-top\n type test/pass\n subvolumes ad-all\nend-volume\n";
        let two = leaf(1) + &leaf(2) + &above("ad1 ad2") + top;
        let three = leaf(1) + &leaf(2) + &leaf(3) + &above("ad1 ad2 ad3") + top;
        let running = running(&two).await;
        let before = heard("ad").len();
        let changed = running.take(draft(&three)).unwrap();
        assert_eq!((changed.added, changed.rewired), (vec!["ad3".to_owned()], vec!["ad-all".to_owned()]));
        assert_eq!(running.graph().children(3), [0, 1, 2]);
        let after = heard("ad").split_off(before);
        assert_eq!(after, ["init ad-all", "init ad3", "event 1 ad-all", "fini ad-all"]);
        let changed = running.take(draft(&(leaf(1) + &leaf(3) + &above("ad1 ad3") + top))).unwrap();
        assert_eq!((changed.removed, changed.rewired), (vec!["ad2".to_owned()], vec!["ad-all".to_owned()]));
        assert_eq!(running.graph().children(2), [0, 1]);
    }

    #[tokio::test]
    async fn another_build_takes_the_place_of_the_running_one() {
        let text = volfile("nb", "", "");
        let running = running(&text).await;
        let changed = running.take(rebuilt(&text, "b")).unwrap();
        let replaced: Vec<_> = changed.replaced.iter().map(|one| (&*one.volume, &*one.to.id)).collect();
        assert_eq!(replaced, [("nb1", "b"), ("nb2", "b")]);
        let after = heard("nb")[3..].to_vec();
        assert_eq!(after, ["init nb2", "init nb1", "event 1 nb2", "fini nb2", "fini nb1"]);
        assert!(running.take(rebuilt(&text, "b")).unwrap().is_nothing(), "it is the running one now");
    }

    #[tokio::test]
    async fn a_translator_is_put_into_a_chain_and_taken_out_again() {
        let running = running(&volfile("ch", "", "")).await;
        let longer = volfile("ch", "", "")
            .replace("subvolumes ch1", "subvolumes ch-new")
            .replace("volume ch2", "volume ch-new\n type test/pass\n subvolumes ch1\nend-volume\nvolume ch2");
        let changed = running.take(draft(&longer)).unwrap();
        assert_eq!((changed.added, changed.removed), (vec!["ch-new".to_owned()], vec![]));
        assert_eq!(running.graph().children(2), [1]);
        let changed = running.take(draft(&volfile("ch", "", ""))).unwrap();
        assert_eq!((changed.added, changed.removed), (vec![], vec!["ch-new".to_owned()]));
        assert_eq!(heard("ch")[3..], ["init ch-new", "event 1 ch-new", "fini ch-new"]);
    }

    #[tokio::test]
    async fn one_that_holds_calls_back_lets_them_go_before_it_is_taken_out() {
        let held = volfile("hb", "", "").replace("subvolumes hb1", "subvolumes hb-late");
        let late = "volume hb-late\n type test/late\n option pass-through off\n subvolumes hb1\nend-volume\nvolume hb2";
        let running = running(&held.replace("volume hb2", late)).await;
        let before = heard("hb").len();
        running.take(draft(&volfile("hb", "", ""))).unwrap();
        assert_eq!(heard("hb").split_off(before), ["pass-through on hb-late", "fini hb-late"]);
        running.take(draft(&held.replace("volume hb2", late))).unwrap();
        let before = heard("hb").len();
        running.stop();
        assert_eq!(heard("hb")[before], "pass-through on hb-late");
    }

    #[tokio::test]
    async fn a_new_translator_that_does_not_start_leaves_the_graph_as_it_was() {
        let text = "volume ns1\n type test/leaf\nend-volume\nvolume ns2\n type test/pass\n subvolumes ns1\nend-volume\n";
        let running = running(text).await;
        let above =
            |type_name: &str| format!("{text}volume ns3\n type {type_name}\n subvolumes ns2\nend-volume\n");
        let error = running.take(draft(&above("test/refuses"))).unwrap_err();
        assert_eq!(error.to_string(), "volume `ns3`, type test/refuses, does not start: not today");
        assert_eq!(running.tops(), [1]);
        let changed = running.take(draft(&above("test/pass"))).unwrap();
        assert_eq!(changed.added, ["ns3"]);
        assert_eq!(running.tops(), [2]);
    }

    #[tokio::test]
    async fn a_new_translator_that_hangs_is_named_and_the_graph_serves_on() {
        let text = "volume nh1\n type test/leaf\nend-volume\n";
        let start = Start { init_timeout: Duration::from_millis(50), fault_limit: 0 };
        let running = activate(draft(text), start).await.unwrap();
        let hangs = format!("{text}volume nh2\n type test/hangs\n subvolumes nh1\nend-volume\n");
        let error = running.take(draft(&hangs)).unwrap_err().to_string();
        assert!(error.starts_with("volume `nh2`, type test/hangs, has been starting for 0 s"), "{error}");
        assert_eq!(running.nodes().len(), 1);
    }
}
