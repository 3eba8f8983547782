//! Processes: those that serve a volume on this node, and an order for each of them.
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use gluster_xdr::brickop::{BrickOpReq, BrickOpRsp};
use gluster_xdr::record::LIMIT;
use plugin_api::{Dict, IoBuf};

use super::call::call;
use super::{ToolError, print};
use crate::rpc::control::{CONTROL, FAULTS, LATER, LINES, RELOAD};

/// Which processes are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Which {
    /// The bricks of one volume; of all where there is none.
    pub volume: Option<String>,
    /// Just the process that listens here.
    pub socket: Option<PathBuf>,
    /// Where the daemon keeps its pid files.
    pub run_directory: PathBuf,
}

/// What they are ordered to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Take the volfile and the plugins as they are now.
    Reload,
    /// Tell what is known of faults.
    Faults,
}

/// A process, by a name for people, and where it takes orders.
struct Process {
    name: String,
    socket: Result<PathBuf, String>,
}

/// Gives the order to each process and prints what each of them answers.
/// # Errors
/// There is no such process, or one of them could not do all that it was ordered to.
pub(super) fn order(order: Order, which: &Which) -> Result<(), ToolError> {
    let processes = find(which)?;
    let mut failed = 0;
    let mut text = String::new();
    for process in &processes {
        let answer = process.socket.clone().and_then(|socket| ask(&socket, order).map_err(|e| e.to_string()));
        let (lines, done) = match answer {
            Ok(answer) => told(order, &answer),
            Err(why) => (vec![why], false),
        };
        text += &format!("{}\n", process.name);
        lines.iter().for_each(|line| text += &format!("  {line}\n"));
        failed += usize::from(!done);
    }
    print(&text)?;
    if failed == 0 { Ok(()) } else { Err(ToolError::NotAllDone { failed, count: processes.len() }) }
}

/// The lines of an answer, and whether everything was done.
fn told(order: Order, answer: &BrickOpRsp) -> (Vec<String>, bool) {
    if answer.op_ret != 0 {
        return (vec![answer.op_errstr.clone()], false);
    }
    let output = &answer.output;
    let count = usize::try_from(output.int(LINES).unwrap_or(0)).unwrap_or(0).min(LIMIT);
    let lines = (0..count).map_while(|at| output.str(&format!("line{at}"))).map(str::to_owned);
    let mut lines: Vec<_> = lines.collect();
    if lines.is_empty() {
        lines.push(if order == Order::Reload { "nothing changed" } else { "no translator" }.to_owned());
    }
    (lines, output.int(LATER).unwrap_or(0) == 0)
}

fn find(which: &Which) -> Result<Vec<Process>, ToolError> {
    if let Some(socket) = &which.socket {
        return Ok(vec![Process { name: socket.display().to_string(), socket: Ok(socket.clone()) }]);
    }
    let volumes = which.run_directory.join("vols");
    let mut found = Vec::new();
    for folder in folders(&volumes, which.volume.as_deref()) {
        let volume = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for pid_file in files(&folder) {
            let brick = pid_file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            found.push(Process { name: format!("{volume} {brick}"), socket: socket_of(&pid_file) });
        }
    }
    if found.is_empty() {
        return Err(ToolError::NoProcess { volume: which.volume.clone(), folder: volumes });
    }
    Ok(found)
}

fn folders(volumes: &Path, volume: Option<&str>) -> Vec<PathBuf> {
    if let Some(volume) = volume {
        // A name, not a way out of the folder.
        let plain = !volume.is_empty() && !volume.contains('/') && !volume.starts_with('.');
        return if plain { vec![volumes.join(volume)] } else { Vec::new() };
    }
    let mut folders: Vec<_> =
        fs::read_dir(volumes).into_iter().flatten().flatten().map(|e| e.path()).collect();
    folders.sort();
    folders
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "pid")).collect();
    files.sort();
    files
}

/// Where the process of a pid file takes orders, as its command line says.
fn socket_of(pid_file: &Path) -> Result<PathBuf, String> {
    let pid = fs::read_to_string(pid_file).map_err(|error| format!("{}: {error}", pid_file.display()))?;
    let pid: u32 = pid.trim().parse().map_err(|_| format!("{}: no process number", pid_file.display()))?;
    let command = fs::read(format!("/proc/{pid}/cmdline")).map_err(|_| "does not run".to_owned())?;
    let mut words = command.split(|byte| *byte == 0);
    words.find(|word| *word == b"-S");
    let socket = words.next().filter(|word| !word.is_empty());
    // The number may be another program's by now.
    let socket = socket.ok_or_else(|| format!("process {pid} takes no orders: it was started without -S"))?;
    Ok(PathBuf::from(std::ffi::OsStr::from_bytes(socket)))
}

fn ask(socket: &Path, order: Order) -> io::Result<BrickOpRsp> {
    let procedure = match order {
        Order::Reload => RELOAD,
        Order::Faults => FAULTS,
    };
    let op = i32::try_from(procedure).unwrap_or_default();
    let request = BrickOpReq {
        op,
        input: IoBuf::from(gluster_xdr::dict::encode(&Dict::new())),
        ..BrickOpReq::default()
    };
    call(socket, CONTROL, procedure, &request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn which(folder: &Path, volume: Option<&str>) -> Which {
        Which { volume: volume.map(str::to_owned), socket: None, run_directory: folder.to_owned() }
    }

    #[test]
    fn processes_are_found_by_their_pid_files_and_those_that_are_gone_are_told() {
        let run = tempfile::tempdir().unwrap();
        let folder = run.path().join("vols/v");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("h-b1.pid"), format!("{}\n", std::process::id())).unwrap();
        fs::write(folder.join("h-b2.pid"), "x").unwrap();
        let found = find(&which(run.path(), Some("v"))).unwrap();
        let told: Vec<_> = found.iter().map(|process| (&*process.name, process.socket.clone())).collect();
        assert!(told[0].1.as_ref().unwrap_err().ends_with("takes no orders: it was started without -S"));
        assert_eq!(told[0].0, "v h-b1");
        assert!(told[1].1.as_ref().unwrap_err().ends_with("no process number"));
        assert_eq!(find(&which(run.path(), None)).unwrap().len(), 2);
    }

    #[test]
    fn a_volume_without_processes_or_with_a_path_for_a_name_is_an_error() {
        let run = tempfile::tempdir().unwrap();
        for volume in ["v", "../vols", ""] {
            let told = find(&which(run.path(), Some(volume))).err().map(|error| error.to_string());
            assert!(told.is_some_and(|words| words.starts_with("no process serves")), "{volume}");
        }
    }
}
