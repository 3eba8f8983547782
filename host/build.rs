//! Compiles the volfile grammar.
fn main() {
    println!("cargo::rerun-if-changed=src/volfile/grammar.lalrpop");
    lalrpop::Configuration::new()
        .use_cargo_dir_conventions()
        .process()
        .expect("the grammar is part of this crate and compiles");
}
