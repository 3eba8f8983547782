//! A walk as a program of this machine: mounted, run, run again when the brick was not ready for it, unmounted.

use super::mount::Temporary;
use super::runner::Walk;
use crate::below::Below;
use crate::bricks::process::Process;
use plugin_api::rt;
use rustix::process::{Pid, Signal};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// How often the brick may have been told too late, and how long it gets each time.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_secs(1);
/// How often it is looked whether the walk is still wanted.
const LOOK: Duration = Duration::from_secs(1);
/// The mark is this long.
const MARK: usize = 64;

/// Walks to the end, or until somebody else is to.
pub(super) async fn run(walk: Walk, plugin_dirs: &str) -> Result<(), String> {
    let spoken = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let folder = walk.pidfile.parent().expect("a pid file lies in a folder");
    std::fs::create_dir_all(folder).map_err(|error| spoken(folder, error))?;
    let log = walk.mount.iter().skip_while(|word| *word != "-l").nth(1).map(Path::new);
    if let Some(logs) = log.and_then(Path::parent) {
        std::fs::create_dir_all(logs).map_err(|error| spoken(logs, error))?;
    }
    let mount = Temporary::new(walk.mount.clone(), plugin_dirs).await?;
    let walked = again_and_again(&walk, mount.point()).await;
    mount.end().await;
    walked
}

/// A brick reads its new volfile by itself; a walk that was there before is done again.
async fn again_and_again(walk: &Walk, point: &Path) -> Result<(), String> {
    for _ in 0..TRIES {
        if !once(walk, point).await? {
            return Ok(());
        }
        let mark = Below::open(&walk.root, "/").and_then(|root| root.attribute::<MARK>(&walk.mark));
        if mark.is_ok() == walk.leaves_mark {
            return Ok(());
        }
        rt::sleep(PAUSE).await;
    }
    Err(format!("{}: the brick does not know that quota was switched", walk.root.display()))
}

/// Whether it came to its end.
async fn once(walk: &Walk, point: &Path) -> Result<bool, String> {
    let (program, words) = walk.program.split_first().expect("a walk names its program");
    let mut command = Command::new(program);
    command.args(words).current_dir(point);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("{}: {error}", program.display()))?;
    let own = child.id().to_string();
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process has a number");
    let is_named = || std::fs::read_to_string(&walk.pidfile).is_ok_and(|text| text.trim() == own);
    let written = std::fs::write(&walk.pidfile, format!("{own}\n"));
    let mut is_wanted = written.is_ok();
    if let Ok(process) = Process::open(pid) {
        while is_wanted && !process.ended_within(LOOK).await {
            is_wanted = is_named();
        }
        if !is_wanted {
            process.signal(Signal::KILL);
        }
    }
    child.wait().map_err(|error| format!("{}: {error}", program.display()))?;
    Ok(is_wanted)
}
