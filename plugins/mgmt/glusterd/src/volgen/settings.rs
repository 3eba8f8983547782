//! What a volume sets, or what stands unless it sets it.

use super::graph::VolGraph;
use crate::options::{self, TABLE, parse_bool};
use crate::store::cluster_options::ClusterOptions;
use crate::user_xlators::plugins::Plugins;
use crate::volume::Volume;

/// Options of one volume over the cluster's and over the table's standing values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings<'a> {
    volume: &'a Volume,
    cluster: &'a ClusterOptions,
    plugins: Option<&'a dyn Plugins>,
}

impl<'a> Settings<'a> {
    pub(super) fn new(volume: &'a Volume, cluster: &'a ClusterOptions, plugins: &'a dyn Plugins) -> Self {
        Self { volume, cluster, plugins: Some(plugins) }
    }

    /// The same for a graph that user translators do not stand in.
    pub(super) fn without_user_xlators(self) -> Self {
        Self { plugins: None, ..self }
    }

    /// What names of user translators mean, in a graph that they stand in.
    pub(super) fn user_xlators(&self) -> Option<&'a dyn Plugins> {
        self.plugins
    }

    /// The value set on the volume.
    pub(super) fn set(&self, name: &str) -> Option<&'a str> {
        self.volume.options.get(name)
    }

    /// The value set on the volume or for the cluster, else the table's standing value.
    pub(super) fn value(&self, name: &str) -> Option<&'a str> {
        self.set(name).or_else(|| self.cluster.values.get(name)).or_else(|| options::standing_value(name))
    }

    /// Whether [`value`](Self::value) is a boolean word for on.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.value(name).and_then(parse_bool) == Some(true)
    }

    /// Writes every option of the table that has a value to the translators it is for.
    pub(super) fn apply(&self, graph: &mut VolGraph) {
        self.apply_with(graph, |_| None);
    }

    /// As [`apply`](Self::apply), where `over` answers with values that go before all others, also for options that are
    /// not written by themselves.
    pub(super) fn apply_with(&self, graph: &mut VolGraph, over: impl Fn(&str) -> Option<&'a str>) {
        for option in TABLE {
            let by_code = || over(option.name).map(|_| option.key.trim_start_matches('!'));
            let Some(key) = option.volfile_key().or_else(by_code) else { continue };
            let set = || self.set(option.name).or_else(|| self.cluster.values.get(option.name));
            let Some(value) = over(option.name).or_else(set).or(option.value) else { continue };
            for xlator in graph.of_kind_mut(option.xlator) {
                xlator.set(key, value);
            }
        }
    }
}
