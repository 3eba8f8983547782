//! Isolate: a translator that nobody trusts runs in a process of its own, over shared memory.
//!
//! A section of a volfile that says `option isolate yes` gets a stand-in in the host's graph: same name, same
//! declaration, same fops. Its library is never opened here.
//!
//! - [`shm`], [`ring`], [`port`]: sealed memory that both processes map, two rings of records in it, a bell for who sleeps
//! - [`message`], [`mirror`], [`pending`]: what is said, the objects it is about, the calls that wait for answers
//! - [`peer`], [`serve`], [`remote`]: one end of the conversation, the same code in both processes
//! - [`section`], [`keeper`]: the host's side, and who starts the process and starts it again
//! - [`worker`]: the translator's side
mod keeper;
mod message;
mod mirror;
mod peer;
mod pending;
mod port;
mod remote;
mod ring;
mod section;
mod serve;
mod shm;
mod worker;

use std::sync::Arc;

use plugin_api::Declaration;
use plugin_api::abi::root::{FopSlot, XlatorModuleRef};
use plugin_api::sdk::module::{StandIn, XlatorInfo, stand_in};

use remote::{Remote, To};
use section::Section;

pub use section::Library;
pub use worker::{Inherited, run as run_worker};

/// What a graph tells the stand-in beside the translator's own options: the bytes that its library may hold.
pub const MEMORY_LIMIT: &str = "isolate.memory-limit";

/// The host's own program, the build that runs, whatever lies in its place by now.
pub const OWN_PROGRAM: &str = "/proc/self/exe";

/// What stands in for the translator in a library, and the library's version. Each instance gets a process of its own.
///
/// Blocks until a process has said what the translator is.
/// # Errors
/// A sentence: why it cannot be used.
pub fn open(library: Library) -> Result<(XlatorModuleRef, String), String> {
    let library = Arc::new(library);
    let hello = keeper::describe(library.clone())?;
    let implemented = |slot: &&FopSlot| hello.fops.contains(&slot.code);
    let fops = Remote::FOPS.iter().filter(implemented).copied().collect();
    let maker = Maker { library, declaration: hello.declaration };
    Ok((stand_in(maker, hello.known_fops, fops), hello.version))
}

/// Makes the stand-in.
struct Maker {
    library: Arc<Library>,
    declaration: Declaration,
}

impl StandIn<Remote> for Maker {
    fn declaration(&self) -> Declaration {
        self.declaration.clone()
    }

    fn make(&self) -> Option<Remote> {
        let (section, commands) = Section::new(self.library.clone());
        keeper::keep(section.clone(), commands).ok()?;
        Some(Remote::new(To::Section(section)))
    }
}
