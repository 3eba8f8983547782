//! The quota daemon's graph: all volumes with limits side by side, each as its clients see it.

use super::cluster::{self, Trust};
use super::graph::VolGraph;
use super::settings::Settings;
use crate::store::cluster_options::ClusterOptions;
use crate::user_xlators::plugins::Plugins;
use crate::volume::Volume;

/// The text of `quotad.vol` for these volumes.
#[must_use]
pub fn volfile(volumes: &[Volume], options: &ClusterOptions, plugins: &dyn Plugins) -> String {
    let mut whole = VolGraph::default();
    for volume in volumes {
        whole.append(graph(volume, &Settings::new(volume, options, plugins).without_user_xlators()));
    }
    let names: Vec<String> = volumes.iter().map(|volume| volume.name.clone()).collect();
    let top = whole.add("features/quotad", "quotad", names.clone());
    for name in &names {
        // The translator calls the volume's name its id.
        top.set(format!("{name}.volume-id"), name);
    }
    whole.to_string()
}

/// One volume, whose top has its name.
fn graph(volume: &Volume, settings: &Settings<'_>) -> VolGraph {
    let mut graph = VolGraph::default();
    let clients = cluster::clients(&mut graph, volume, settings, Trust::Trusted);
    let sets = cluster::sets(&mut graph, volume, clients);
    cluster::distribute(&mut graph, volume, settings, sets);
    settings.apply(&mut graph);
    let top = graph.top_mut().expect("distribute was added");
    top.name.clone_from(&volume.name);
    graph
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brick::Brick;
    use crate::user_xlators::plugins::NoPlugins;
    use crate::volume::{Credentials, VolumeKind};
    use uuid::Uuid;

    #[test]
    fn each_volume_stands_under_its_name_below_the_aggregator() {
        let volume = |name: &str| {
            let mut volume = Volume::new(name, Uuid::nil(), VolumeKind::Distribute, Credentials::generate());
            let id = format!("{name}-client-0");
            volume.bricks.push(Brick::new(Uuid::nil(), "h", "/b", &id));
            volume
        };
        let text = volfile(&[volume("a"), volume("b")], &ClusterOptions::default(), &NoPlugins);
        assert!(text.contains("volume b\n    type cluster/distribute\n"), "{text}");
        let top = "volume quotad\n    type features/quotad\n    option b.volume-id b\n    option a.volume-id a\n    \
                   subvolumes a b\nend-volume\n";
        assert!(text.ends_with(top), "{text}");
    }
}
