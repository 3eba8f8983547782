//! Values of options: how each kind is written.
use crate::settings::XlatorOption;

/// Reads a yes or no in any of the incumbent's spellings.
pub(super) fn on_off(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "on" | "yes" | "true" | "enable" => Ok(true),
        "0" | "off" | "no" | "false" | "disable" => Ok(false),
        _ => Err("expected on, yes, true, enable, 1 or off, no, false, disable, 0".to_owned()),
    }
}

/// Reads `on`, `off` or `auto`, and gives the word as `mount/fuse` takes it.
pub(super) fn on_off_auto(text: &str) -> Result<String, String> {
    if text.eq_ignore_ascii_case("auto") {
        return Ok("auto".to_owned());
    }
    match on_off(text) {
        Ok(on) => Ok(if on { "on" } else { "off" }.to_owned()),
        Err(expected) => Err(format!("{expected}, or auto")),
    }
}

/// Reads a time in seconds, fractions allowed, and gives it back as written.
pub(super) fn seconds(text: &str) -> Result<String, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value >= 0.0 => Ok(text.to_owned()),
        _ => Err("expected seconds, such as 1 or 0.5".to_owned()),
    }
}

/// Reads `P` or `P,P2`.
pub(super) fn ports(text: &str) -> Result<Vec<u16>, String> {
    let ports: Result<Vec<u16>, _> = text.split(',').map(str::parse).collect();
    match ports {
        Ok(ports) if ports.len() <= 2 && !ports.contains(&0) => Ok(ports),
        _ => Err("expected a port, or two with a comma between them, each 1 to 65535".to_owned()),
    }
}

/// Reads `PATTERN.KEY=VALUE`, cut at the first dot and the first `=` after it.
pub(super) fn xlator_option(text: &str) -> Result<XlatorOption, String> {
    let cut = || {
        let (pattern, rest) = text.split_once('.')?;
        let (key, value) = rest.split_once('=')?;
        let whole = !pattern.is_empty() && !pattern.contains('=') && !key.is_empty() && !value.is_empty();
        whole.then(|| XlatorOption {
            pattern: pattern.to_owned(),
            key: key.to_owned(),
            value: value.to_owned(),
        })
    };
    cut().ok_or_else(|| "expected TRANSLATOR.OPTION=VALUE, none of them empty".to_owned())
}

/// Reads the transports a volfile may be fetched over.
pub(super) fn transport(text: &str) -> Result<String, String> {
    if text.split(',').all(|part| matches!(part, "socket" | "tcp" | "unix")) {
        Ok(text.to_owned())
    } else {
        Err("expected socket, tcp or unix".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_translator_option_is_cut_at_the_first_dot_and_the_first_equals_sign_after_it() {
        let option = xlator_option("*-posix.a.b=c=d.e").unwrap();
        assert_eq!((option.pattern.as_str(), option.key.as_str()), ("*-posix", "a.b"));
        assert_eq!(option.value, "c=d.e");
    }

    #[test]
    fn a_translator_option_with_a_part_missing_is_refused() {
        for bad in ["x", "x.y", "x.y=", ".y=z", "x.=z", "x=y", "x=y.z=1", ""] {
            assert!(xlator_option(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn yes_and_no_have_five_spellings_each() {
        assert!(["1", "ON", "Yes", "true", "enable"].iter().all(|word| on_off(word) == Ok(true)));
        assert!(["0", "OFF", "No", "false", "disable"].iter().all(|word| on_off(word) == Ok(false)));
        assert!(on_off("maybe").is_err() && on_off("").is_err());
    }

    #[test]
    fn a_time_is_a_number_of_seconds_that_is_not_negative() {
        assert_eq!(seconds("0.5").as_deref(), Ok("0.5"));
        assert!(["-1", "abc", "inf", "nan", ""].iter().all(|word| seconds(word).is_err()));
    }

    #[test]
    fn one_or_two_ports_are_taken() {
        assert_eq!(ports("49152"), Ok(vec![49152]));
        assert_eq!(ports("1,65535"), Ok(vec![1, 65535]));
        assert!(["0", "65536", "1,2,3", "", "a"].iter().all(|word| ports(word).is_err()));
    }
}
