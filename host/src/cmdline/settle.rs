//! Settle: from options as written to settings, with every default and every refusal.
use std::path::{Path, PathBuf, absolute};
use std::time::Duration;

use super::args::{BasicArgs, HostArgs, PrintArgs};
use super::{CmdlineError, Request, Tool};
use crate::install;
use crate::settings::{
    BrickSettings, Insertions, LogSettings, Mode, MountSettings, Settings, VolfileServer, VolfileSource,
};

/// The file whose presence asks for TLS on management connections.
const SECURE_ACCESS: &str = "/var/lib/glusterd/secure-access";

/// Who was called, and how.
#[derive(Debug)]
pub(super) struct Origin {
    pub program: String,
    pub command_line: String,
}

/// Turns the options into what is asked for.
pub(super) fn settle(args: HostArgs, mode: Mode, origin: Origin) -> Result<Request, CmdlineError> {
    if let Some(text) = print_and_exit(&args.print, &origin)? {
        return Ok(Request::Tool(Tool::Print(text)));
    }
    refuse_unbuilt(&args)?;
    refuse_wrong_mode(&args, mode)?;
    let volfile = volfile_source(&args, mode)?;
    let mount_point = args.mount.mount_point.as_deref().map(full_path).transpose()?;
    let HostArgs { basic, advanced, process, mortar, mount, .. } = args;
    let log = LogSettings {
        file: log_file(&basic, process.debug, mode, &volfile, mount_point.as_deref())?,
        level: if process.debug { crate::logging::Level::Debug } else { basic.log_level },
        msg_id: basic.log_format == "with-msg-id",
        local_time: basic.localtime_logging,
    };
    let mount_options = mount.options();
    let device = crate::mount::device(&volfile, mount.subdir_mount.as_deref());
    let mut notes = Vec::new();
    if mount_point.is_none() && !mount_options.is_empty() {
        let names: Vec<&str> = mount_options.iter().map(|(key, _)| key.as_str()).collect();
        notes.push(format!("without a mount point these mount options do nothing: {}", names.join(", ")));
    }
    Ok(Request::Serve(Box::new(Settings {
        mode,
        program: origin.program,
        command_line: origin.command_line,
        volfile,
        volume_name: advanced.volume_name,
        xlator_options: advanced.xlator_option,
        log,
        daemonize: !process.no_daemon && !process.debug,
        pid_file: process.pid_file.as_deref().map(full_path).transpose()?,
        socket_file: process.socket_file.as_deref().map(full_path).transpose()?,
        process_name: process.process_name,
        brick: BrickSettings {
            name: process.brick_name,
            ports: process.brick_port.unwrap_or_default(),
            multiplex: process.brick_mux,
        },
        client_pid: process.client_pid,
        user_map_root: process.user_map_root,
        oom_score_adj: mount.oom_score_adj,
        run_id: process.run_id,
        mem_accounting: process.mem_accounting && !process.no_mem_accounting,
        global_timer_wheel: process.global_timer_wheel.unwrap_or(false),
        global_threading: process.global_threading.unwrap_or(false),
        insert: Insertions {
            worm: advanced.worm,
            acl: advanced.acl,
            mac_compat: advanced.mac_compat.unwrap_or(false),
            aux_gfid: advanced.aux_gfid_mount.unwrap_or(false),
        },
        mount: mount_point.map(|point| MountSettings {
            options: [("mountpoint", point.display().to_string()), ("fsname", device)]
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .chain(advanced.acl.then(|| ("acl".to_owned(), "on".to_owned())))
                .chain(mount_options)
                .collect(),
            point,
        }),
        plugin_dirs: plugin_dirs(mortar.plugin_dir),
        init_timeout: Duration::from_secs(mortar.init_timeout),
        client_binary: mortar.client_binary,
        fault_limit: mortar.fault_limit,
        frame_timeout: Duration::from_secs(mortar.frame_timeout),
        stall_limit: Duration::from_secs(mortar.stall_limit),
        notes,
    })))
}

/// The folders searched for plugins: those named, those of the environment, the installed one.
pub(super) fn plugin_dirs(named: Vec<PathBuf>) -> Vec<PathBuf> {
    let environment = std::env::var_os("MORTAR_PLUGIN_DIR").unwrap_or_default();
    named
        .into_iter()
        .chain(std::env::split_paths(&environment).filter(|path| !path.as_os_str().is_empty()))
        .map(|path| absolute(&path).unwrap_or(path))
        .chain(install::plugin_dir())
        .collect()
}

fn print_and_exit(print: &PrintArgs, origin: &Origin) -> Result<Option<String>, CmdlineError> {
    let folder = |path: PathBuf| Ok(Some(format!("{}\n", path.display())));
    let installed = || install::plugin_dir().unwrap_or_else(|| PathBuf::from("/usr/lib/mortar"));
    for (option, file) in
        [("--print-exports", &print.print_exports), ("--print-netgroups", &print.print_netgroups)]
    {
        if file.is_some() {
            let why = "this build has no NFS server, so it cannot judge the file";
            return Err(CmdlineError::Refused { option, why: why.to_owned() });
        }
    }
    if print.version {
        Ok(Some(super::version()))
    } else if print.usage {
        let program = &origin.program;
        Ok(Some(format!(
            "Usage: {program} [OPTION...] --volfile-server=SERVER --volfile-id=KEY [MOUNT-POINT]\n  \
             or:  {program} [OPTION...] --volfile=VOLFILE [MOUNT-POINT]\n"
        )))
    } else if print.print_xlatordir {
        folder(installed().join("xlator"))
    } else if print.print_logdir {
        folder(install::LOG_DIR.into())
    } else if print.print_statedumpdir {
        folder(install::STATEDUMP_DIR.into())
    } else if print.print_libexecdir {
        folder(installed())
    } else {
        Ok(None)
    }
}

/// Options whose whole point would be lost if they were only recorded.
fn refuse_unbuilt(args: &HostArgs) -> Result<(), CmdlineError> {
    let refuse = |option, why: &str| Err(CmdlineError::Refused { option, why: why.to_owned() });
    if args.basic.logger == "syslog" {
        return refuse("--logger=syslog", "this build writes log files only; use --logger=gluster-log");
    }
    match args.advanced.secure_mgmt {
        Some(true) => {
            return refuse("--secure-mgmt", "this build has no TLS, and management would go in the clear");
        }
        None if Path::new(SECURE_ACCESS).exists() => {
            let why = "the file asks for TLS on management connections, which this build has not; remove it, \
                       or say --secure-mgmt=off";
            return refuse(SECURE_ACCESS, why);
        }
        _ => {}
    }
    if let Some(engine) = args.process.io_engine.as_deref().filter(|engine| *engine != "legacy") {
        let why = format!("there is no I/O engine `{engine}`; this build has `legacy`");
        return Err(CmdlineError::Refused { option: "--io-engine", why });
    }
    Ok(())
}

fn refuse_wrong_mode(args: &HostArgs, mode: Mode) -> Result<(), CmdlineError> {
    let refuse = |option, why: &str| Err(CmdlineError::Refused { option, why: why.to_owned() });
    if args.process.brick_mux && mode != Mode::Server {
        return refuse("--brick-mux", "only a brick process, glusterfsd, takes several bricks");
    }
    if args.mount.mount_point.is_some() && mode != Mode::Client {
        return refuse("MOUNT-POINT", "only a client, glusterfs, mounts");
    }
    Ok(())
}

fn volfile_source(args: &HostArgs, mode: Mode) -> Result<VolfileSource, CmdlineError> {
    if !args.basic.volfile_server.is_empty() {
        return volfile_server(args).map(VolfileSource::Server);
    }
    if let Some(path) = &args.basic.volfile {
        return Ok(VolfileSource::File(full_path(path)?));
    }
    let path = PathBuf::from(mode.default_volfile());
    match path.metadata() {
        Ok(_) => Ok(VolfileSource::File(path)),
        Err(source) => Err(CmdlineError::NoVolfile { path, source }),
    }
}

fn volfile_server(args: &HostArgs) -> Result<VolfileServer, CmdlineError> {
    let Some(id) = args.advanced.volfile_id.as_deref().filter(|id| !id.is_empty()) else {
        let why = "a volfile server needs the key of the volfile too: give --volfile-id=KEY".to_owned();
        return Err(CmdlineError::Refused { option: "--volfile-server", why });
    };
    let gfproxy = |id: &str| format!("gfproxy-client/{}", id.trim_start_matches('/'));
    Ok(VolfileServer {
        servers: args.basic.volfile_server.clone(),
        id: if args.advanced.thin_client { gfproxy(id) } else { id.to_owned() },
        port: args.advanced.volfile_server_port,
        transport: args.advanced.volfile_server_transport.clone(),
        attempts: args.advanced.volfile_max_fetch_attempts,
        strict: args.advanced.volfile_check,
    })
}

/// The log file: as given, else named after the daemon, the mount point, the volfile or its server.
fn log_file(
    basic: &BasicArgs,
    debug: bool,
    mode: Mode,
    volfile: &VolfileSource,
    mount_point: Option<&Path>,
) -> Result<Option<PathBuf>, CmdlineError> {
    let dashed = |path: &Path| path.to_string_lossy().trim_start_matches('/').replace('/', "-");
    if debug {
        return Ok(None);
    }
    if let Some(path) = &basic.log_file {
        return if path == Path::new("-") { Ok(None) } else { full_path(path).map(Some) };
    }
    let name = match (mode, mount_point, volfile) {
        (Mode::Management, ..) => "glusterd".to_owned(),
        (_, Some(point), _) => dashed(point),
        (_, None, VolfileSource::File(path)) => dashed(path),
        (_, None, VolfileSource::Server(server)) => {
            let first = server.servers.first().map(String::as_str).unwrap_or_default();
            dashed(Path::new(&format!("{first}-{}-{}", server.id, std::process::id())))
        }
    };
    Ok(Some(Path::new(install::LOG_DIR).join(format!("{name}.log"))))
}

/// The path from the root: the daemon leaves the folder it was started in.
fn full_path(path: &Path) -> Result<PathBuf, CmdlineError> {
    absolute(path).map_err(CmdlineError::WorkingFolder)
}
