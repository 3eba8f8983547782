//! The graphs of the two processes of bit-rot detection: this node's bricks of all volumes that have it, side by side.

use super::cluster::{self, Trust};
use super::graph::VolGraph;
use super::settings::Settings;
use crate::services::bitrot::Part;
use crate::store::cluster_options::ClusterOptions;
use crate::user_xlators::plugins::Plugins;
use crate::volume::Volume;
use uuid::Uuid;

/// The text of the volfile for these volumes, as far as they lie on this node.
#[must_use]
pub fn volfile(
    part: Part,
    volumes: &[Volume],
    node: Uuid,
    options: &ClusterOptions,
    plugins: &dyn Plugins,
) -> String {
    let here: Vec<Volume> = volumes.iter().map(|volume| part_of(volume, node)).collect();
    let bricks: usize = here.iter().map(|volume| volume.bricks.len()).sum();
    let mut whole = VolGraph::default();
    let mut tops = Vec::new();
    for volume in here.iter().filter(|volume| !volume.bricks.is_empty()) {
        let settings = Settings::new(volume, options, plugins).without_user_xlators();
        let mut graph = VolGraph::default();
        let clients = cluster::clients(&mut graph, volume, &settings, Trust::Trusted);
        // The scrubber is asked by this name.
        let name = format!("{}-bit-rot-0", volume.name);
        let value = |name| settings.value(name).unwrap_or_default();
        let top = graph.add("features/bit-rot", name.as_str(), clients);
        match part {
            Part::Signer => {
                top.set("brick-count", bricks)
                    .set("expiry-time", value("features.expiry-time"))
                    .set("signer-threads", value("features.signer-threads"));
            }
            Part::Scrubber => {
                let is_paused = settings.set("features.scrub") == Some("pause");
                top.set("scrubber", "true")
                    .set("scrub-throttle", value("features.scrub-throttle"))
                    .set("scrub-freq", value("features.scrub-freq"))
                    .set_some("scrub-state", is_paused.then_some("pause"));
            }
        }
        whole.append(graph);
        tops.push(name);
    }
    whole.add("debug/io-stats", part.name(), tops).set("log-level", "INFO").set("threads", "16");
    whole.to_string()
}

/// The volume as if it had no bricks elsewhere.
fn part_of(volume: &Volume, node: Uuid) -> Volume {
    let mut part = volume.clone();
    part.bricks.retain(|brick| brick.node == node);
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brick::Brick;
    use crate::user_xlators::plugins::NoPlugins;
    use crate::volume::{Credentials, VolumeKind};

    fn volume(name: &str, nodes: &[Uuid]) -> Volume {
        let mut volume = Volume::new(name, Uuid::nil(), VolumeKind::Distribute, Credentials::generate());
        for (n, node) in nodes.iter().enumerate() {
            volume.bricks.push(Brick::new(*node, "h", &format!("/b{n}"), &format!("{name}-client-{n}")));
        }
        volume
    }

    #[test]
    fn the_processes_look_after_this_nodes_bricks_as_those_of_glusterfs_10() {
        let (own, other) = (Uuid::nil(), Uuid::max());
        let mut paused = volume("w", &[own]);
        paused.options.set("features.scrub", "pause");
        let volumes = [volume("v", &[own, other, own]), paused, volume("x", &[other])];
        let text = |part| volfile(part, &volumes, own, &ClusterOptions::default(), &NoPlugins);
        let signer = text(Part::Signer);
        let whole = "volume v-bit-rot-0\n    type features/bit-rot\n    option signer-threads 4\n    option expiry-time 120\n    \
                     option brick-count 3\n    subvolumes v-client-0 v-client-2\nend-volume\n";
        assert!(signer.contains(whole), "{signer}");
        assert!(!signer.contains("x-client"), "{signer}");
        let top = "volume bitd\n    type debug/io-stats\n    option threads 16\n    option log-level INFO\n    \
                   subvolumes v-bit-rot-0 w-bit-rot-0\nend-volume\n";
        assert!(signer.ends_with(top), "{signer}");
        let scrubber = text(Part::Scrubber);
        let paused = "volume w-bit-rot-0\n    type features/bit-rot\n    option scrub-state pause\n    option scrub-freq biweekly\n    \
                      option scrub-throttle lazy\n    option scrubber true\n    subvolumes w-client-0\nend-volume\n";
        assert!(scrubber.contains(paused), "{scrubber}");
        assert!(!scrubber.contains("option scrub-state pause\n    option scrub-freq biweekly\n    option scrub-throttle lazy\n    option scrubber true\n    subvolumes v-"));
    }
}
