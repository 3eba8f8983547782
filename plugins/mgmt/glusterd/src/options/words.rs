//! Booleans, sizes, times and percentages as people write them.

/// `on`, `yes`, `true`, `enable`, `1` and their opposites, in any case.
#[must_use]
pub fn parse_bool(text: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is(&["on", "yes", "true", "enable", "1"]) {
        Some(true)
    } else if is(&["off", "no", "false", "disable", "0"]) {
        Some(false)
    } else {
        None
    }
}

/// A whole number, decimal, `0x…` or octal `0…`. There is no `-0`, as in the incumbent.
#[must_use]
pub fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if !digits.as_bytes().first()?.is_ascii_digit() {
        return None;
    }
    let number = match digits {
        _ if digits.starts_with("0x") || digits.starts_with("0X") => i64::from_str_radix(&digits[2..], 16),
        _ if digits.len() > 1 && digits.starts_with('0') => i64::from_str_radix(&digits[1..], 8),
        _ => digits.parse(),
    }
    .ok()?;
    match (negative, number) {
        (true, 0) => None,
        (true, _) => Some(-number),
        (false, _) => Some(number),
    }
}

/// Units of sizes, in the order of their power of 1024.
const SIZE_UNITS: [[&str; 2]; 5] = [["KB", "K"], ["MB", "M"], ["GB", "G"], ["TB", "T"], ["PB", "P"]];

/// Bytes: a number, which may have a fraction, and `B`, `KB`, `MB`, `GB`, `TB` or `PB` (powers of 1024), in any case.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let power = match unit {
        "" | "B" | "b" => 0,
        _ => {
            let at = |names: &[&str; 2]| names.iter().any(|name| name.eq_ignore_ascii_case(unit));
            10 * (SIZE_UNITS.iter().position(at)? + 1)
        }
    };
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(1 << power);
    }
    let fraction: f64 = number.parse().ok()?;
    let bytes = fraction * (1_u64 << power) as f64;
    // A double holds whole numbers up to 2^53 exactly; more than that is not written with a fraction.
    (bytes < 9_007_199_254_740_992.0).then(|| to_u64(bytes))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // the caller has checked the range
fn to_u64(number: f64) -> u64 {
    number as u64
}

/// Seconds: numbers with `s`, `m` or `min`, `h`, `d`, `w` in a row, each unit at most once; a bare number is seconds.
#[must_use]
pub fn parse_time(text: &str) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let (mut rest, mut total) = (text, 0_u64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().ok()?;
        let tail = &rest[digits..];
        let unit = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let seconds = match &tail[..unit] {
            "" | "s" | "sec" => 1,
            "m" | "min" => 60,
            "h" | "hr" => 3600,
            "d" | "days" => 86_400,
            "w" | "wk" => 604_800,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(seconds)?)?;
        rest = &tail[unit..];
    }
    Some(total)
}

/// A percentage: a number with or without `%`.
#[must_use]
pub fn parse_percent(text: &str) -> Option<f64> {
    let number = text.strip_suffix('%').unwrap_or(text);
    if !number.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_powers_of_1024() {
        for (text, bytes) in
            [("5", 5), ("64MB", 64 << 20), ("1.5kb", 1536), ("2T", 2 << 40), ("0", 0), ("10B", 10)]
        {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
        for bad in ["", "abc", "-1", "5XB", "MB", "99999999999999999999", "16384PB", "1.2.3"] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_add_up() {
        for (text, seconds) in [("5", 5), ("2min", 120), ("1h30m", 5400), ("1w", 604_800)] {
            assert_eq!(parse_time(text), Some(seconds), "{text}");
        }
        for bad in ["", "abc", "-1", "5x", "m"] {
            assert_eq!(parse_time(bad), None, "{bad}");
        }
    }

    #[test]
    fn whole_numbers_are_read_in_three_bases() {
        for (text, number) in [("10", 10), ("-1", -1), ("0x1f", 31), ("0755", 493), ("0", 0)] {
            assert_eq!(parse_int(text), Some(number), "{text}");
        }
        for bad in
            ["", "-", "abc", "1.5", "64MB", "99999999999999999999", "08", "- 1", "--1", "0x", "-0", "-0x0"]
        {
            assert_eq!(parse_int(bad), None, "{bad}");
        }
    }
}
