//! What may follow on a command line: for the shell's Tab key, and for the prompt's.

use crate::command::Command;
use crate::options;

/// How a shell asks; the last word is the one that is being typed, and may be empty.
pub(crate) const ASK: &str = "--complete";

/// The script that has a shell ask.
pub(crate) fn script(shell: &str) -> Option<&'static str> {
    match shell {
        "bash" => Some(BASH),
        "zsh" => Some(ZSH),
        "fish" => Some(FISH),
        _ => None,
    }
}

const BASH: &str = r#"_gluster() {
    local IFS=$'\n'
    COMPREPLY=($("${COMP_WORDS[0]}" --complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
    [[ ${#COMPREPLY[@]} -eq 0 ]] && compopt -o default
}
complete -F _gluster gluster
"#;

const ZSH: &str = r#"#compdef gluster
local -a found
found=(${(f)"$("${words[1]}" --complete "${(@)words[2,CURRENT]}" 2>/dev/null)"})
if (( ${#found} )); then compadd -a found; else _files; fi
"#;

const FISH: &str = "complete -c gluster -f -a '(gluster --complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'\n";

/// The words that may stand in place of the last one. `volumes` is asked only where a volume may be named.
pub(crate) fn candidates(
    commands: &[&Command],
    words: &[&str],
    volumes: impl FnOnce() -> Vec<String>,
) -> Vec<String> {
    let (begun, before) = words.split_last().map_or(("", words), |(begun, before)| (*begun, before));
    let mut found: Vec<String> = if begun.starts_with('-') {
        options::ABOUT.iter().map(|(option, _)| options::begun(option).to_owned()).collect()
    } else {
        let before: Vec<&str> = before.iter().copied().filter(|word| !word.starts_with("--")).collect();
        following(commands, &before, volumes)
    };
    found.retain(|word| word.starts_with(begun));
    found.sort_unstable();
    found.dedup();
    found
}

fn following(commands: &[&Command], before: &[&str], volumes: impl FnOnce() -> Vec<String>) -> Vec<String> {
    let goes_on = |command: &&&Command| {
        let words: Vec<&str> = command.words().collect();
        words.len() > before.len() && words.starts_with(before)
    };
    let mut found: Vec<String> = commands
        .iter()
        .filter(goes_on)
        .filter_map(|command| command.words().nth(before.len()))
        .map(str::to_owned)
        .collect();
    let whole = |command: &&&Command| before.starts_with(&command.words().collect::<Vec<_>>());
    let Some(command) = commands.iter().filter(whole).max_by_key(|command| command.words().count()) else {
        return found;
    };
    let named = command.words().count();
    let given = &before[named..];
    let places: Vec<Place> = command.forms.iter().map(|form| Place::of(form.0, named)).collect();
    if given.is_empty() {
        if places.iter().any(|place| place.volume_first) {
            found.extend(volumes());
        }
        found.extend(places.iter().flat_map(|place| place.first.iter().cloned()));
    } else {
        let keywords = places.into_iter().flat_map(|place| place.keywords);
        found.extend(keywords.filter(|word| !given.contains(&word.as_str())));
    }
    found
}

/// What a form takes behind the words of its command.
struct Place {
    /// A volume may be named first.
    volume_first: bool,
    /// The keywords that may stand first.
    first: Vec<String>,
    /// All keywords.
    keywords: Vec<String>,
}

impl Place {
    fn of(form: &str, words: usize) -> Self {
        let rest = form.splitn(words + 1, ' ').nth(words).unwrap_or("");
        // The first place is one bracket, or one name.
        let first = rest.split_once("> ").map_or(rest, |(first, _)| first);
        let volume_first = first.to_ascii_uppercase().contains("<VOLNAME");
        let first = if volume_first || rest.starts_with(['{', '[']) { keywords(first) } else { Vec::new() };
        Self { volume_first, first, keywords: keywords(rest) }
    }
}

/// The words of a form that stand for themselves.
fn keywords(form: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut named = 0_usize;
    for c in form.chars() {
        match c {
            '<' => named += 1,
            '>' => {
                named = named.saturating_sub(1);
                plain.push(' ');
            }
            _ if named == 0 => plain.push(c),
            _ => {}
        }
    }
    let words = plain.split(|c: char| c.is_whitespace() || "[]{}()|,".contains(c));
    let stands_for_itself =
        |word: &&str| word.len() > 1 && word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    words.filter(stands_for_itself).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(line: &str) -> Vec<String> {
        let words: Vec<&str> = line.split(' ').collect();
        candidates(&crate::commands(), &words, || vec!["home".to_owned(), "web".to_owned()])
    }

    #[test]
    fn the_words_of_commands_come_one_by_one() {
        assert_eq!(after("vol"), ["volume"]);
        assert_eq!(after("volume st"), ["start", "statedump", "status", "stop"]);
        assert!(after("").contains(&"peer".to_owned()) && after("nosuch ").is_empty());
    }

    #[test]
    fn volumes_are_named_where_one_is_wanted() {
        assert_eq!(after("volume start "), ["home", "web"]);
        assert_eq!(after("volume info w"), ["web"]);
        assert_eq!(after("volume status a"), ["all"]);
        assert!(!after("volume start home ").contains(&"web".to_owned()));
    }

    #[test]
    fn keywords_follow_until_they_are_used() {
        assert_eq!(after("volume start home "), ["force"]);
        assert_eq!(after("volume profile home in"), ["incremental", "info"]);
        assert_eq!(after("volume profile home info in"), ["incremental"]);
        assert_eq!(after("volume barrier home "), ["disable", "enable"]);
    }

    #[test]
    fn options_are_known_anywhere() {
        assert_eq!(after("volume info --j"), ["--json"]);
        assert_eq!(after("--xml volume li"), ["list"]);
    }

    #[test]
    fn every_shell_has_a_script_that_asks() {
        for shell in ["bash", "zsh", "fish"] {
            assert!(script(shell).expect("it is known").contains(ASK));
        }
        assert_eq!(script("csh"), None);
    }
}
