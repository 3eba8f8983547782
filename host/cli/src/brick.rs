//! Bricks and hosts as a person writes them: `HOST:/PATH`.

use std::net::Ipv6Addr;

/// The host and the path of a brick; the path begins with a slash.
pub(crate) fn parts(word: &str) -> Option<(&str, &str)> {
    let at = word.rfind(":/").filter(|&at| at > 0)?;
    Some((&word[..at], &word[at + 1..]))
}

/// Bricks that a volume is to get.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct NewBricks {
    /// Each as `host:/path`, without repeated or trailing slashes.
    pub(crate) names: Vec<String>,
    /// What is odd about them, for standard error; the daemon decides.
    pub(crate) notes: String,
}

impl NewBricks {
    /// Checks bricks as they are given.
    ///
    /// # Errors
    /// The reason why one of them cannot be a new brick.
    pub(crate) fn of(words: &[&str]) -> Result<Self, String> {
        let mut bricks = Self::default();
        for word in words {
            let brick = bricks.checked(word)?;
            if bricks.names.contains(&brick) {
                return Err(format!("Found duplicate exports {brick}"));
            }
            bricks.names.push(brick);
        }
        Ok(bricks)
    }

    fn checked(&mut self, word: &str) -> Result<String, String> {
        let (host, path) = parts(word).ok_or_else(|| format!("Wrong {}", wrong_type(word)))?;
        if host == "localhost" || host == "127.0.0.1" || host.starts_with("0.") {
            return Err("Please provide a valid hostname/ip other than localhost, 127.0.0.1 or loopback address (0.0.0.0 \
                        to 0.255.255.255)."
                .to_owned());
        }
        if !is_host(host) {
            self.notes += &format!("internet address '{host}' does not conform to standards\n");
        }
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        Ok(format!("{host}:/{}", parts.join("/")))
    }

    /// All in one text, as the daemon takes them: a blank before each and one at the end.
    pub(crate) fn joined(&self) -> String {
        format!(" {} ", self.names.join(" "))
    }

    /// How many there are.
    pub(crate) fn count(&self) -> i64 {
        i64::try_from(self.names.len()).unwrap_or(i64::MAX)
    }
}

/// What is said of a word that is no brick, without its first word.
pub(crate) fn wrong_type(word: &str) -> String {
    format!("brick type: {word}, use <HOSTNAME>:<export-dir-abs-path>")
}

/// Checks that a word is a brick.
///
/// # Errors
/// What to say if it is none.
pub(crate) fn check(word: &str) -> Result<&str, String> {
    parts(word).map(|_| word).ok_or_else(|| format!("wrong {}", wrong_type(word)))
}

/// Whether a name can be that of a host: an address, or labels of letters, digits and hyphens.
pub(crate) fn is_host(name: &str) -> bool {
    let address = name.split_once('%').map_or(name, |(address, _)| address);
    if address.parse::<Ipv6Addr>().is_ok() {
        return true;
    }
    let name = name.strip_prefix('.').unwrap_or(name);
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let label = |label: &str| {
        let bytes = label.as_bytes();
        let ends = [bytes.first(), bytes.last()];
        ends.iter().all(|end| end.is_some_and(u8::is_ascii_alphanumeric))
            && bytes.iter().all(|&byte| inner(byte))
    };
    name.len() <= 256 && name.split('.').all(label)
}

/// The number that a word begins with, or 0.
pub(crate) fn leading_number(word: &str) -> i64 {
    let end =
        word.char_indices().find(|(at, letter)| !(letter.is_ascii_digit() || (*at == 0 && *letter == '-')));
    word[..end.map_or(word.len(), |(at, _)| at)].parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brick_is_a_host_and_an_absolute_path() {
        assert_eq!(parts("h:/a:/b"), Some(("h:/a", "/b")));
        assert_eq!(parts("fe80::1:/b"), Some(("fe80::1", "/b")));
        for wrong in ["h:a", "/a", ":/a", "h:", "a"] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_path_of_a_new_brick_has_no_slash_too_many() {
        let bricks = NewBricks::of(&["h:/b/../c//d/", "h:/"]).expect("both are bricks");
        assert_eq!((bricks.joined().as_str(), bricks.count()), (" h:/b/../c/d h:/ ", 2));
        assert_eq!(NewBricks::of(&["h:/a", "h:/a/"]), Err("Found duplicate exports h:/a".to_owned()));
        assert!(NewBricks::of(&["0.1.2.3:/b"]).expect_err("no host").starts_with("Please provide"));
        assert!(
            NewBricks::of(&["h_h:/b"])
                .expect("the daemon decides")
                .notes
                .starts_with("internet address 'h_h'")
        );
    }

    #[test]
    fn host_names_are_labels_and_addresses_are_too() {
        for good in ["a.b.c", "1.2.3.4", "256.1.1.1", "::1", "fe80::1%eth0", ".a", "1"] {
            assert!(is_host(good), "{good}");
        }
        for bad in ["", "a..b", "a.", "-a", "a-", "a_b", "a.-b", "a-.b", "::g", "a:b", "*", "h/h"] {
            assert!(!is_host(bad), "{bad}");
        }
    }

    #[test]
    fn a_number_may_have_a_tail() {
        let read = ["3x", "-2", "x", "", "99999999999999999999"].map(leading_number);
        assert_eq!(read, [3, -2, 0, 0, 0]);
    }
}
