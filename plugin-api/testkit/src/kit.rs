//! Puts a graph together: a translator, its options, what lies below it.

use std::collections::HashMap;
use std::marker::PhantomData;

use abi_stable::std_types::ROption;
use plugin_api::abi::graph::{Part, StartError};
use plugin_api::abi::root::XlatorModuleRef;
use plugin_api::options::OptionValues;
use plugin_api::sdk::module::{XlatorInfo, xlator_module};

use crate::bench::{Bench, Planned};
use crate::{Fake, host};

/// A translator that is to be tried, and what lies below it.
#[derive(Debug)]
pub struct Testkit<X> {
    module: XlatorModuleRef,
    name: Option<String>,
    options: Vec<(String, String)>,
    settings: HashMap<String, String>,
    children: Vec<Child>,
    alone: bool,
    fault_limit: u64,
    kind: PhantomData<fn() -> X>,
}

/// In the place of a translator's type: it comes from a library that the test has opened.
#[derive(Debug)]
pub struct Loaded;

/// What may be a child: a [`Fake`], or another translator with children of its own.
pub trait Below: Into<Child> {}

impl Below for Fake {}
impl<X> Below for Testkit<X> {}

/// A child, whatever it is.
#[doc(hidden)]
#[derive(Debug)]
pub enum Child {
    Fake(Fake),
    Kit(Box<Testkit<Loaded>>),
}

impl From<Fake> for Child {
    fn from(fake: Fake) -> Self {
        Self::Fake(fake)
    }
}

impl<X> From<Testkit<X>> for Child {
    fn from(kit: Testkit<X>) -> Self {
        Self::Kit(Box::new(Testkit { kind: PhantomData, ..kit.of_any() }))
    }
}

impl<X: XlatorInfo> Testkit<X> {
    /// The translator `X`, called `test`.
    #[must_use]
    pub fn new() -> Self {
        Self::with(xlator_module::<X>())
    }
}

impl<X: XlatorInfo> Default for Testkit<X> {
    fn default() -> Self {
        Self::new()
    }
}

impl Testkit<Loaded> {
    /// The translator of a library that was attached to the host of [`attach`](crate::attach).
    #[must_use]
    pub fn loaded(module: XlatorModuleRef) -> Self {
        Self::with(module)
    }
}

impl<X> Testkit<X> {
    fn with(module: XlatorModuleRef) -> Self {
        host::attach();
        Self {
            module,
            name: None,
            options: Vec::new(),
            settings: HashMap::new(),
            children: Vec::new(),
            alone: false,
            fault_limit: 0,
            kind: PhantomData,
        }
    }

    fn of_any(self) -> Testkit<Loaded> {
        let Self { module, name, options, settings, children, alone, fault_limit, .. } = self;
        Testkit { module, name, options, settings, children, alone, fault_limit, kind: PhantomData }
    }

    /// Its name in the volfile. Without one it is `test`, and the children of `a` are `a-0`, `a-1` …
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// One option, as a volfile would have it.
    #[must_use]
    pub fn option(mut self, key: &str, value: &str) -> Self {
        self.options.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Several options.
    #[must_use]
    pub fn options(self, pairs: &[(&str, &str)]) -> Self {
        pairs.iter().fold(self, |kit, (key, value)| kit.option(key, value))
    }

    /// A setting of the process, which `init` may ask for.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// One more child. Where none is given, a [`Fake::new`] lies below.
    #[must_use]
    pub fn child(mut self, child: impl Below) -> Self {
        self.children.push(child.into());
        self
    }

    /// Nothing lies below: it is a leaf.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// After so many panics the translators of the graph are marked down; without it, never.
    #[must_use]
    pub fn fault_limit(mut self, limit: u64) -> Self {
        self.fault_limit = limit;
        self
    }

    /// Starts the graph: `init` from the top down, then PARENT_UP.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    #[track_caller]
    pub fn start(self) -> Bench {
        self.try_start().unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`start`](Self::start), for translators that ought to refuse. Options are checked as a host checks them.
    ///
    /// # Errors
    /// The translator that did not start, and why.
    pub fn try_start(self) -> Result<Bench, StartError> {
        let (settings, fault_limit) = (self.settings.clone(), self.fault_limit);
        let mut plan = Planned::default();
        let test = self.of_any().plan("test", &mut plan)?;
        host::with_settings(settings, || Bench::start(plan, test, fault_limit))
    }

    /// Adds what lies below and then itself, and answers where it is.
    fn plan(self, name: &str, plan: &mut Planned) -> Result<usize, StartError> {
        let name = self.name.unwrap_or_else(|| name.to_owned());
        let children =
            if self.children.is_empty() && !self.alone { vec![Fake::new().into()] } else { self.children };
        let children = children.into_iter().enumerate().map(|(at, child)| {
            let name = format!("{name}-{at}");
            match child {
                Child::Fake(fake) => Ok(plan.add_fake(name, fake)),
                Child::Kit(kit) => kit.plan(&name, plan),
            }
        });
        let children = children.collect::<Result<_, _>>()?;
        check(self.module, &self.options).map_err(|why| StartError { xlator: name.clone(), why })?;
        let values: OptionValues =
            self.options.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        Ok(plan.add(Part { name, module: self.module, children }, values))
    }
}

/// Holds options against the declaration.
pub(crate) fn check(module: XlatorModuleRef, options: &[(String, String)]) -> Result<(), String> {
    let declared = module.declare().options;
    for (key, value) in options {
        let decl = declared.find(key).ok_or_else(|| format!("option `{key}` is not declared"))?;
        decl.check(value).map_err(|expected| format!("option `{key}` is `{value}`, expected {expected}"))?;
    }
    let given = |key: &str| options.iter().any(|(given, _)| given == key);
    let missing = |decl: &&plugin_api::options::OptionDecl| {
        decl.required
            && decl.default == ROption::RNone
            && !decl.keys.iter().any(|key| key.contains('*') || given(key))
    };
    match declared.0.iter().find(missing) {
        Some(decl) => Err(format!("option `{}` is needed", decl.keys[0])),
        None => Ok(()),
    }
}
