//! The closest known name to one that is not known.

use super::TABLE;

/// A question that proposes the closest option names, or nothing when none is near.
///
/// The part after the first dot is compared when the part before it is a known one, else the whole name. What is much
/// longer than any name is like none, and is not compared: the work grows with it.
#[must_use]
pub fn did_you_mean(typed: &str) -> Option<String> {
    if typed.len() > LONGEST {
        return None;
    }
    let closest = |candidates: &mut dyn Iterator<Item = &'static str>, typed: &str| {
        candidates.map(|name| (distance(typed, name), name)).min_by_key(|(d, _)| *d)
    };
    let (section, short) = typed.split_once('.').unwrap_or(("", typed));
    let known = TABLE.iter().any(|o| o.name.split_once('.').is_some_and(|(s, _)| s == section));
    let names: &mut dyn Iterator<Item = &'static str> = &mut TABLE.iter().map(|o| o.name);
    let best = if known {
        let in_section = |name: &&'static str| name.split_once('.').is_some_and(|(s, _)| s == section);
        closest(&mut names.filter(in_section), typed)
    } else if section.is_empty() {
        let by_short =
            |o: &'static super::VolumeOption| Some((distance(short, o.name.split_once('.')?.1), o.name));
        TABLE.iter().filter_map(by_short).min_by_key(|(d, _)| *d)
    } else {
        closest(names, typed)
    };
    best.filter(|(distance, _)| *distance <= typed.len()).map(|(_, name)| format!("Did you mean {name}?"))
}

/// Bytes of the longest name that is compared.
const LONGEST: usize = 256;

/// How many letters have to be put in, taken out or changed.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let next = (diagonal + usize::from(x != *y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], next);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_answered_with_the_name_meant() {
        for (typed, meant) in [
            ("performance.cach-size", "performance.cache-size"),
            ("nosuch.option", "auth.allow"),
            ("ping-timout", "network.ping-timeout"),
        ] {
            assert_eq!(did_you_mean(typed).unwrap(), format!("Did you mean {meant}?"), "{typed}");
        }
    }

    #[test]
    fn a_name_that_is_longer_than_any_is_like_none() {
        assert_eq!(did_you_mean(&"x".repeat(1 << 20)), None);
    }
}
