//! User translators: each right above its place, or where the translator that it names would be.

use super::graph::VolGraph;
use super::settings::Settings;
use crate::user_xlators::places::{Place, Side};
use crate::user_xlators::{placed, plugins};
use crate::volume::Volume;

/// Stacks those that stand over `over`, the last set lowest.
pub(super) fn over(graph: &mut VolGraph, volume: &Volume, settings: &Settings<'_>, side: Side, over: &str) {
    let Some(installed) = settings.user_xlators() else { return };
    let here = |place: Place| place.side == side && place.over == over;
    for placed in placed(volume).filter(|placed| here(placed.place)) {
        let type_name = plugins::type_of(installed, placed.name);
        let xlator = graph.stack(&type_name, format!("{}-{}", volume.name, placed.name));
        for (key, value) in placed.options {
            xlator.set(key, value);
        }
    }
}
