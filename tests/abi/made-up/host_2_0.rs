//! The host of a made-up 2.0: refuses what 1.x built, with the version to use.

mod loader;

use loader::Loader;

fn main() {
    let folder = std::env::args().nth(1).expect("a folder of plugins");
    let loader = Loader::new(folder.into());
    for (name, found) in [("abi/scramble-deny", "1.0.0"), ("abi/newer", "1.1.0")] {
        let refused = loader.xlator(name).expect_err("another major").to_string();
        let says = format!("built for plugin-api {found}, this host speaks 2.0; rebuild it with plugin-api 2.x");
        assert!(refused.ends_with(&says), "{refused}");
    }
    loader.xlator("abi/two").unwrap_or_else(|error| panic!("its own: {error}"));
}
