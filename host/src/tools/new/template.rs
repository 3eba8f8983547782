//! The template's files, as they lie in `plugin-api/template`, under the names of another translator.
use super::name::Name;
use super::source::Source;

macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("../../../../plugin-api/template/", $path))
    };
}

/// Path and text of every file.
const FILES: [(&str, &str); 5] = [
    ("Cargo.toml", template!("Cargo.toml")),
    (".gitignore", template!("gitignore")),
    ("README.md", template!("README.md")),
    ("src/lib.rs", template!("src/lib.rs")),
    ("write-cap.vol", template!("write-cap.vol")),
];

/// How the template writes its two dependencies.
const PLUGIN_API: &str = "{ path = \"..\" }";
const TESTKIT: &str = "{ path = \"../testkit\" }";

/// Path and text of every file of a new crate.
pub(super) fn files(name: &Name, source: &Source) -> Vec<(String, String)> {
    let rename = |text: &str| {
        text.replace("features/write-cap", &name.to_string())
            .replace("features-write-cap", &name.package())
            .replace("features_write_cap", &name.module())
            .replace("WriteCap", &name.camel())
            .replace("write-cap", name.short())
    };
    let file = |(path, text): &(&str, &str)| {
        let text = match *path {
            "Cargo.toml" => {
                rename(text).replace(PLUGIN_API, &source.plugin_api()).replace(TESTKIT, &source.testkit())
            }
            _ => rename(text),
        };
        (rename(path), text)
    };
    FILES.iter().map(file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_under_its_own_names_is_the_template() {
        let name = Name::parse("features/write-cap").unwrap();
        let version = Source::Version("1.0".to_owned());
        for ((path, text), (template, original)) in files(&name, &version).iter().zip(FILES) {
            assert_eq!(path, template);
            if template == "Cargo.toml" {
                assert!(
                    text.contains("\nplugin-api = \"1.0\"\n")
                        && text.contains("\nplugin-testkit = \"1.0\"\n")
                );
            } else {
                assert_eq!(text, original);
            }
        }
    }
}
