//! The `volume` commands.

mod bricks;
mod create;
mod info;
mod life;
mod moves;
mod options;
mod status;
mod upkeep;

use crate::command::Command;

/// All of them.
pub(crate) const COMMANDS: &[Command] = &[
    bricks::ADD,
    bricks::REPLACE,
    bricks::RESET_BRICK,
    create::CREATE,
    info::INFO,
    life::DELETE,
    life::LIST,
    life::START,
    life::STOP,
    moves::REBALANCE,
    moves::REMOVE,
    options::GET,
    options::RESET,
    options::SET,
    status::STATUS,
    upkeep::BARRIER,
    upkeep::HEAL,
    upkeep::LOG,
    upkeep::STATEDUMP,
    upkeep::SYNC,
];
