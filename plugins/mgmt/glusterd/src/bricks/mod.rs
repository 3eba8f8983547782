//! Brick folders and brick processes of this node.
//!
//! * [`place`]: where a folder lies: its real path, file system, mount point
//! * [`check`]: whether a folder may become a brick, or its brick may start
//! * [`claim`]: marking a folder as a volume's
//! * [`command`]: the command line of a brick process
//! * [`runner`]: what operations ask of bricks, whoever runs them
//! * [`sharing`]: which bricks may live in one process
//! * [`processes`]: bricks as processes, and [`process`]: processes by their pid files

pub mod check;
pub mod claim;
pub mod command;
pub mod place;
pub mod process;
pub mod processes;
pub mod runner;
pub mod sharing;

/// What the system says about an error, without its number.
fn reason(errno: rustix::io::Errno) -> String {
    let text = std::io::Error::from(errno).to_string();
    match text.rfind(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}
