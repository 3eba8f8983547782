//! The programs of GlusterFS: their numbers, versions and names.

/// An ONC RPC program in one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Program {
    /// The program's number.
    pub number: u32,
    /// Its version.
    pub version: u32,
    /// The name that the dump program lists.
    pub name: &'static str,
}

impl Program {
    /// A program.
    #[must_use]
    pub const fn new(number: u32, version: u32, name: &'static str) -> Self {
        Self { number, version, name }
    }

    /// The same program under the name that another listener gives it.
    #[must_use]
    pub const fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }
}
