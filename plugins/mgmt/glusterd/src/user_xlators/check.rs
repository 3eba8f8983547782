//! What may be set for user translators: an installed one, in a place that it declares, with options that it declares.

use super::places::{Place, legal};
use super::plugins::{Plugins, resolve};
use super::{Key, options_of, placed};
use crate::ops::shown;
use crate::options::edit::Refusal;
use crate::store::cluster_options::ClusterOptions;
use crate::volgen::names_given_twice;
use crate::volume::Volume;
use abi_stable::std_types::{ROption, RString};
use plugin_api::Declaration;
use plugin_api::options::OptionDecl;

/// Checks one value, whatever else the volume sets.
///
/// # Errors
/// Nothing is installed by that name, or it may not stand there, or it takes no such option or value.
pub fn one(plugins: &dyn Plugins, option: &str, key: Key<'_>, value: &str) -> Result<(), Refusal> {
    let refuse = |text: String| Err(Refusal(format!("{option}: {text}")));
    let found = resolve(plugins, key.name()).map_err(|why| why.to_string());
    let declared = match found.and_then(|type_name| plugins.declaration(&type_name)) {
        Ok(declared) => declared,
        Err(why) => return refuse(why),
    };
    let checked = match key {
        Key::Place(_) => check_place(&declared, value),
        Key::Option(_, key) => check_option(plugins, &declared, key, value),
    };
    checked.or_else(refuse)
}

fn check_place(declared: &Declaration, value: &str) -> Result<(), String> {
    let type_name = &declared.type_name;
    let Some(legal) = legal(declared.positions) else {
        return Err(format!("{type_name} stands in neither brick nor client graphs"));
    };
    match Place::parse(value) {
        None => Err(format!("`{}` is no place: {type_name} may stand {legal}", shown(value))),
        Some(place) if declared.positions & place.side.position() == 0 => {
            Err(format!("{type_name} does not go there: it may stand {legal}"))
        }
        Some(_) => Ok(()),
    }
}

fn check_option(plugins: &dyn Plugins, declared: &Declaration, key: &str, value: &str) -> Result<(), String> {
    let hosts = plugins.of_the_host();
    let Some(option) = declared.options.find(key).or_else(|| hosts.find(key)) else {
        let known = declared.options.0.iter().chain(hosts.0.iter()).filter_map(|option| option.keys.first());
        let known: Vec<&str> = known.map(RString::as_str).collect();
        return Err(format!(
            "{} has no option `{}`: it has {}",
            declared.type_name,
            shown(key),
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        ));
    };
    // The volfile has it as one word.
    if value.contains([' ', '\t', '"', '\\', '#', '`']) || value.chars().any(char::is_control) {
        return Err(format!(
            "`{}` cannot stand in a volfile: one word without quotes was expected",
            shown(value)
        ));
    }
    option.check(value).map_err(|expected| format!("`{}` was given, expected {expected}", shown(value)))
}

/// Checks a volume as it would be, beside what it was: every user translator that `touched` names has what it cannot do
/// without, and none takes a name that its graph has already.
///
/// # Errors
/// One lacks an option, or stands in another's name.
pub fn whole(
    plugins: &dyn Plugins,
    cluster: &ClusterOptions,
    volume: &Volume,
    touched: &[&str],
) -> Result<(), Refusal> {
    for xlator in placed(volume).filter(|xlator| touched.contains(&xlator.name)) {
        let Ok(declared) = resolve(plugins, xlator.name)
            .map_err(|_| ())
            .and_then(|t| plugins.declaration(&t).map_err(|_| ()))
        else {
            continue; // it was there when it was placed, and its brick will say what is missing
        };
        if let Some(option) = lacking(&declared, &xlator.options) {
            let (name, key) = (xlator.name, &option.keys[0]);
            return Err(Refusal(format!(
                "{} needs option {key} ({}): set user.xlator.{name}.{key} before, or in the same command",
                declared.type_name, option.help
            )));
        }
        if let Some(twice) = names_given_twice(volume, cluster, plugins).first() {
            return Err(Refusal(format!(
                "user.xlator.{}: a graph of {} has a translator {twice} already",
                xlator.name, volume.name
            )));
        }
    }
    Ok(())
}

/// An option that the translator does not start without, and that is not given.
fn lacking<'a>(declared: &'a Declaration, given: &[(&str, &str)]) -> Option<&'a OptionDecl> {
    let is_given = |option: &OptionDecl| given.iter().any(|(key, _)| option.names(key));
    let needed = |option: &&OptionDecl| {
        let is_family = option.keys.first().is_none_or(|key| key.contains('*'));
        option.required && option.default == ROption::RNone && !is_family && !is_given(option)
    };
    declared.options.0.iter().find(needed)
}

/// The options that go when one is reset: a translator's place takes all of its options along.
///
/// # Errors
/// It is not set, or its translator, which stays, cannot do without it.
pub fn reset(
    plugins: &dyn Plugins,
    volume: &Volume,
    option: &str,
    key: Key<'_>,
) -> Result<Vec<String>, Refusal> {
    let is_set = volume.options.get(option).is_some();
    match key {
        Key::Place(name) => {
            let mut going: Vec<String> = options_of(volume, name)
                .into_iter()
                .map(|(key, _)| format!("{}{name}.{key}", super::PREFIX))
                .collect();
            going.extend(is_set.then(|| option.to_owned()));
            if going.is_empty() {
                return Err(Refusal(format!("Option {} is not set on {}", shown(option), volume.name)));
            }
            Ok(going)
        }
        Key::Option(..) if !is_set => {
            Err(Refusal(format!("Option {} is not set on {}", shown(option), volume.name)))
        }
        Key::Option(name, _) => {
            let mut without = volume.clone();
            without.options.remove(option);
            whole(plugins, &ClusterOptions::default(), &without, &[name])?;
            Ok(vec![option.to_owned()])
        }
    }
}
