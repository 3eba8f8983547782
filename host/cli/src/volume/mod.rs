//! The `volume` commands.

mod create;
mod info;
mod life;
mod options;
mod status;

use crate::command::Command;

/// All of them.
pub(crate) const COMMANDS: &[Command] = &[
    create::CREATE,
    info::INFO,
    life::DELETE,
    life::LIST,
    life::START,
    life::STOP,
    options::GET,
    options::RESET,
    options::SET,
    status::STATUS,
];
