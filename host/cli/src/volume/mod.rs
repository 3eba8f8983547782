//! The `volume` commands.

mod bitrot;
mod bricks;
mod create;
mod heal;
mod info;
mod life;
mod moves;
mod options;
mod profile;
mod quota;
mod status;
mod top;
mod upkeep;

use crate::command::Command;

pub(crate) use life::names;

/// All of them.
pub(crate) const COMMANDS: &[Command] = &[
    bitrot::BITROT,
    bricks::ADD,
    bricks::REPLACE,
    bricks::RESET_BRICK,
    create::CREATE,
    info::INFO,
    heal::HEAL,
    life::DELETE,
    life::LIST,
    life::START,
    life::STOP,
    moves::REBALANCE,
    moves::REMOVE,
    options::GET,
    options::RESET,
    options::SET,
    profile::PROFILE,
    quota::INODE_QUOTA,
    quota::QUOTA,
    status::STATUS,
    top::TOP,
    upkeep::BARRIER,
    upkeep::CLEAR_LOCKS,
    upkeep::LOG,
    upkeep::STATEDUMP,
    upkeep::SYNC,
];
