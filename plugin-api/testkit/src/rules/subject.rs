//! The translator that the rules are held against, and how a graph of it is made.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use abi_stable::std_types::ROption;
use plugin_api::abi::graph::StartError;
use plugin_api::abi::root::XlatorModuleRef;
use plugin_api::fop::{Lookup, kind};
use plugin_api::options::{OptionDecl, OptionKind};
use plugin_api::sdk::module::{XlatorInfo, xlator_module};
use plugin_api::{Declaration, Dict, FileType, Gfid, Inode, Loc};

use super::{Outcome, Rule, Size, Verdict};
use crate::{Bench, Fake, Testkit};

/// In the value of an option: a folder that is empty when the rule begins and is gone after it.
const SCRATCH: &str = "{scratch}";

/// A translator, with the options that it needs.
#[derive(Debug)]
pub struct Subject {
    module: XlatorModuleRef,
    declaration: Declaration,
    options: Vec<(String, String)>,
    scratch: Scratch,
    leaf: OnceLock<bool>,
}

impl Subject {
    /// The translator of a library that was attached to the host of [`attach`](crate::attach).
    #[must_use]
    pub fn loaded(module: XlatorModuleRef) -> Self {
        let declaration = module.declare();
        Self { module, declaration, options: Vec::new(), scratch: Scratch::default(), leaf: OnceLock::new() }
    }

    /// The translator `X`.
    #[must_use]
    pub fn of<X: XlatorInfo>() -> Self {
        Self::loaded(xlator_module::<X>())
    }

    /// An option that it needs; `{scratch}` in its value becomes a folder for this check alone.
    #[must_use]
    pub fn option(mut self, key: &str, value: &str) -> Self {
        self.options.push((key.to_owned(), value.to_owned()));
        self
    }

    /// What it declares.
    #[must_use]
    pub fn declaration(&self) -> &Declaration {
        &self.declaration
    }

    /// The numbers of the fops that it writes.
    pub fn fops(&self) -> impl Iterator<Item = u32> {
        self.module.fops().into_iter().map(|slot| slot.code)
    }

    /// The options of its graphs: what was given, and a folder for every path that it cannot start without.
    ///
    /// # Errors
    /// An option that is needed and was not given.
    pub fn settled(&self) -> Result<Vec<(String, String)>, String> {
        let mut options = Vec::new();
        for (key, value) in &self.options {
            let value = if value.contains(SCRATCH) {
                value.replace(SCRATCH, &self.scratch.folder()?.display().to_string())
            } else {
                value.clone()
            };
            options.push((key.clone(), value));
        }
        for decl in &self.declaration.options.0 {
            let key = decl.keys[0].as_str();
            if !is_missing(decl, &self.options) {
                continue;
            }
            if decl.kind != OptionKind::PATH {
                return Err(format!("option `{key}` is needed ({}): --option {key}=VALUE", decl.help));
            }
            let folder = self.scratch.folder()?.join(key);
            std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
            options.push((key.to_owned(), folder.display().to_string()));
        }
        Ok(options)
    }

    /// The options of its graphs with some changed. Empty when they cannot be settled, which a start has told before.
    pub(crate) fn settled_with(&self, changed: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut options = self.settled().unwrap_or_default();
        options.retain(|(key, _)| !changed.iter().any(|(given, _)| given == key));
        options.extend(changed.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        options
    }

    /// Starts a graph of it over `child`, or alone when it is a leaf. `options` go before its own.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(&self, child: &Fake, options: &[(&str, &str)]) -> Result<Bench, StartError> {
        if self.is_leaf() { self.start_alone(options) } else { self.start_over(child, options) }
    }

    fn kit(&self, options: &[(&str, &str)]) -> Result<Testkit<crate::Loaded>, StartError> {
        let settled = self.settled().map_err(|why| StartError { xlator: "test".into(), why })?;
        let others = settled.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let others = others.filter(|(key, _)| !options.iter().any(|(given, _)| given == key));
        let all: Vec<(&str, &str)> = others.chain(options.iter().copied()).collect();
        Ok(Testkit::loaded(self.module).options(&all))
    }

    fn start_over(&self, child: &Fake, options: &[(&str, &str)]) -> Result<Bench, StartError> {
        self.kit(options)?.child(child.clone()).try_start()
    }

    fn start_alone(&self, options: &[(&str, &str)]) -> Result<Bench, StartError> {
        self.kit(options)?.alone().try_start()
    }

    /// Whether it answers by itself: a store, not a filter. Tried once, by asking for the root over a child that would
    /// have to be asked.
    pub fn is_leaf(&self) -> bool {
        *self.leaf.get_or_init(|| {
            let lookup = self.fops().any(|code| plugin_api::fop::name(code) == Some("lookup"));
            if !lookup {
                return false;
            }
            let child = Fake::memory();
            let Ok(bench) = self.start_over(&child, &[]).or_else(|_| self.start_alone(&[])) else {
                return false;
            };
            let loc = Loc::of(Inode::new(Gfid::ROOT, FileType::Directory));
            let answer = bench.ask::<kind::lookup>(Lookup { loc, xdata: Dict::new() }, crate::SOON);
            bench.stop();
            let _ = bench.take_faults();
            matches!(answer, Some(Ok(_))) && child.calls().is_empty()
        })
    }

    /// Holds it to one rule, or fails the test with what was found.
    ///
    /// # Panics
    /// When it does not keep the rule, or there is none of that name.
    #[track_caller]
    pub fn assert_kept(&self, rule: &str, seed: u64) {
        let found = Rule::find(rule).unwrap_or_else(|| panic!("there is no rule `{rule}`"));
        let Outcome { verdict, findings, .. } = found.check(self, seed, Size::Quick, &|_| {});
        match verdict {
            Verdict::Kept | Verdict::Skipped(_) => {}
            Verdict::CannotRun(why) => panic!("rule {rule}: {why}"),
            Verdict::Broken => {
                let findings: Vec<_> = findings.iter().map(ToString::to_string).collect();
                panic!("rule {rule}, seed {seed}:\n  {}", findings.join("\n  "))
            }
        }
    }
}

fn is_missing(decl: &OptionDecl, given: &[(String, String)]) -> bool {
    decl.required
        && decl.default == ROption::RNone
        && !decl
            .keys
            .iter()
            .any(|key| key.contains('*') || given.iter().any(|(given, _)| given == key.as_str()))
}

/// A folder that is made when it is first asked for and goes with its owner.
#[derive(Debug, Default)]
struct Scratch(OnceLock<PathBuf>);

impl Scratch {
    fn folder(&self) -> Result<&Path, String> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        if let Some(folder) = self.0.get() {
            return Ok(folder);
        }
        let name = format!("plugin-check-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        Ok(self.0.get_or_init(|| folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(folder) = self.0.get() {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}
