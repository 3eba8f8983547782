//! The CLI's program: everything on the unix socket, what only looks on TCP.

use super::on_blocking_thread;
use crate::daemon::Daemon;
use crate::net;
use crate::ops::engine::refused;
use crate::ops::{self, INTERNAL, Refusal, Request, run, unsupported};
use crate::queries;
use gluster_rpc::{Call, Program, Reply};
use gluster_xdr::cli::{
    CLI, CLI_READ_ONLY, CliProc, CliReq, CliRsp, FsmLogReq, FsmLogRsp, GetwdReq, GetwdRsp, ListFriendsReq,
    MountReq, MountRsp, UmountReq, UmountRsp,
};
use plugin_api::{Dict, Errno, IoBuf};
use std::sync::Arc;

/// The program on one of the two listeners.
#[derive(Debug)]
pub struct Cli {
    daemon: Arc<Daemon>,
    is_full: bool,
}

impl Cli {
    /// All of it, for the unix socket.
    #[must_use]
    pub fn full(daemon: Arc<Daemon>) -> Self {
        Self { daemon, is_full: true }
    }

    /// What changes nothing, for TCP.
    #[must_use]
    pub fn read_only(daemon: Arc<Daemon>) -> Self {
        Self { daemon, is_full: false }
    }

    async fn answer(&self, call: &Call, procedure: CliProc) -> Result<Reply, Reply> {
        Ok(match procedure {
            CliProc::ListFriends => {
                let request = call.arguments::<ListFriendsReq>()?;
                call.reply(&queries::peers::answer(&self.daemon, &request))
            }
            CliProc::Getwd => {
                call.arguments::<GetwdReq>()?;
                let wd = self.daemon.config.paths.work.display().to_string();
                call.reply(&GetwdRsp { op_ret: 0, op_errno: 0, wd })
            }
            CliProc::Mount => {
                call.arguments::<MountReq>()?;
                // No label is set up for anybody: mountbroker is not served.
                call.reply(&MountRsp { op_ret: -1, op_errno: Errno::ENOENT.raw(), path: IoBuf::new() })
            }
            CliProc::Umount => {
                call.arguments::<UmountReq>()?;
                call.reply(&UmountRsp { op_ret: -1, op_errno: Errno::ENOENT.raw() })
            }
            CliProc::FsmLog => {
                call.arguments::<FsmLogReq>()?;
                let fsm_log = Dict::new().with("count", 0);
                call.reply(&FsmLogRsp { fsm_log, ..FsmLogRsp::default() })
            }
            _ => {
                let request = call.arguments::<CliReq>()?.dict;
                let daemon = self.daemon.clone();
                let done = on_blocking_thread(async move { execute(&daemon, procedure, request).await });
                let broken =
                    || Refusal { errno: INTERNAL, text: "internal error; see the daemon's log".into() };
                call.reply(&done.await.unwrap_or_else(|| refused(broken(), Dict::new())))
            }
        })
    }
}

impl Program for Cli {
    fn program(&self) -> gluster_xdr::Program {
        if self.is_full { CLI } else { CLI_READ_ONLY }
    }

    async fn call(&self, call: Call) -> Reply {
        use CliProc::{GetNextVolume, Getspec, PmapPortbybrick, RenameVolume, StatusAll, TopVolume};
        match CliProc::from_number(call.procedure) {
            // Numbers that no daemon has ever answered.
            None | Some(GetNextVolume | RenameVolume | Getspec | PmapPortbybrick | TopVolume | StatusAll) => {
                call.no_such_procedure()
            }
            Some(procedure) if !self.is_full && !procedure.is_read_only() => call.no_such_procedure(),
            Some(procedure) => self.answer(&call, procedure).await.into(),
        }
    }

    fn is_unprivileged(&self, procedure: u32) -> bool {
        CliProc::from_number(procedure).is_some_and(CliProc::is_unprivileged)
    }
}

/// Does what is asked, and notes the command with its outcome.
async fn execute(daemon: &Daemon, procedure: CliProc, request: Dict) -> CliRsp {
    let command = Request(&request).command().map(str::to_owned);
    let reply = dispatch(daemon, procedure, request).await;
    let reply = reply.unwrap_or_else(|refusal| refused(refusal, Dict::new()));
    // Looking at options is no command that anybody wants to find later.
    if let Some(command) = command.filter(|_| procedure != CliProc::GetVolOpt) {
        let is_done = reply.op_ret == 0;
        let is_told = !is_done || procedure == CliProc::Probe;
        daemon.note(&command, is_done, if is_told { &reply.op_errstr } else { "" });
    }
    reply
}

async fn dispatch(daemon: &Daemon, procedure: CliProc, mut request: Dict) -> Result<CliRsp, Refusal> {
    Ok(match procedure {
        CliProc::CreateVolume => {
            let operation = ops::create::Create::new(daemon, &mut request)?;
            run(daemon, operation, request).await
        }
        CliProc::StartVolume => run(daemon, ops::start::Start::new(&request)?, request).await,
        CliProc::StopVolume => run(daemon, ops::stop::Stop::new(&request)?, request).await,
        CliProc::DeleteVolume => run(daemon, ops::delete::Delete::new(&request)?, request).await,
        CliProc::SetVolume => match queries::help::Form::of(&request) {
            Some(form) => queries::help::answer(form, request, &*daemon.plugins),
            None => run(daemon, ops::set::Set::new(&request)?, request).await,
        },
        CliProc::ResetVolume => run(daemon, ops::reset::Reset::new(&request)?, request).await,
        CliProc::StatusVolume => run(daemon, ops::status::Status::new(&request)?, request).await,
        CliProc::LogRotate => {
            let operation = ops::log_rotate::LogRotate::new(&mut request)?;
            run(daemon, operation, request).await
        }
        CliProc::StatedumpVolume => run(daemon, ops::statedump::Statedump::new(&request)?, request).await,
        CliProc::BarrierVolume => run(daemon, ops::barrier::Barrier::new(&request)?, request).await,
        CliProc::ClrlocksVolume => run(daemon, ops::clear_locks::ClearLocks::new(&request)?, request).await,
        CliProc::ProfileVolume => run(daemon, ops::profile::Profile::new(&request)?, request).await,
        CliProc::AddBrick => run(daemon, ops::add_brick::AddBrick::new(daemon, &request)?, request).await,
        CliProc::DefragVolume => match ops::rebalance_status::RebalanceStatus::read(&request)? {
            Some(status) => run(daemon, status, request).await,
            None => run(daemon, ops::rebalance::Start::new(&request)?, request).await,
        },
        CliProc::RemoveBrick => {
            run(daemon, ops::remove_brick::RemoveBrick::new(daemon, &request)?, request).await
        }
        CliProc::ReplaceBrick | CliProc::ResetBrick => {
            run(daemon, ops::swap_brick::SwapBrick::new(daemon, &request)?, request).await
        }
        CliProc::HealVolume => match ops::heal::read(daemon, &mut request) {
            Ok(ops::heal::Wanted::Ask(heal)) => run(daemon, heal, request).await,
            Ok(ops::heal::Wanted::Switch(set)) => run(daemon, set, request).await,
            // The CLI looks for the order in the answer, too.
            Err(refusal) => refused(refusal, request),
        },
        CliProc::Quota => ops::quota::answer(daemon, request).await?,
        CliProc::Bitrot => ops::bitrot::answer(daemon, request).await?,
        CliProc::GetVolume => queries::info::answer(daemon, &request)?,
        CliProc::ListVolume => queries::list::answer(daemon),
        CliProc::GetVolOpt => match queries::option_values::answer(daemon, request.clone()) {
            Ok(reply) => reply,
            Err(refusal) => refused(refusal, request),
        },
        CliProc::UuidGet => {
            let dict = Dict::new().with("uuid", daemon.node.to_string());
            CliRsp { dict, ..CliRsp::default() }
        }
        CliProc::GetState => queries::state_file::answer(daemon, request).await?,
        CliProc::UuidReset => return Err(uuid_reset(daemon)),
        CliProc::Probe => probe(daemon, &request)?,
        CliProc::Deprobe => return Err(detach(daemon, &request)?),
        other => return Err(unsupported(name_of(other))),
    })
}

/// What people call what they asked for.
fn name_of(procedure: CliProc) -> &'static str {
    match procedure {
        CliProc::SyncVolume => "volume sync",
        CliProc::GsyncSet => "geo-replication",
        CliProc::CopyFile => "copy file",
        CliProc::SysExec => "execute",
        CliProc::Snap => "snapshot",
        CliProc::Ganesha => "nfs-ganesha",
        CliProc::AttachTier | CliProc::Tier | CliProc::RemoveTierBrick | CliProc::AddTierBrick => "tier",
        other => other.name(),
    }
}

fn uuid_reset(daemon: &Daemon) -> Refusal {
    let state = daemon.state();
    if !state.volumes.is_empty() {
        return Refusal::at_once("volumes are already present in the cluster. Resetting uuid is not allowed");
    }
    if !state.peers.is_empty() {
        return Refusal::at_once(
            "trusted storage pool has been already formed. Please detach this peer from the pool and reset its uuid.",
        );
    }
    unsupported("uuid reset")
}

/// `op_errno` of a probe: the name is this node's.
const PROBE_LOCALHOST: i32 = 1;

fn probe(daemon: &Daemon, request: &Dict) -> Result<CliRsp, Refusal> {
    let host = Request(request).text("hostname")?;
    if is_ourselves(daemon, host) {
        let op_errstr = "Probe on localhost not needed".to_owned();
        return Ok(CliRsp { op_ret: 0, op_errno: PROBE_LOCALHOST, op_errstr, dict: Dict::new() });
    }
    match net::addresses(host) {
        Ok(found) if !found.is_empty() => Err(unsupported("peer probe of another node")),
        _ => Err(Refusal {
            errno: Errno::ENOTCONN.raw(),
            text: "Probe returned with Transport endpoint is not connected".to_owned(),
        }),
    }
}

fn detach(daemon: &Daemon, request: &Dict) -> Result<Refusal, Refusal> {
    const LOCALHOST: i32 = 1;
    const NOT_FRIEND: i32 = 2;
    let host = Request(request).text("hostname")?;
    if is_ourselves(daemon, host) {
        return Ok(Refusal { errno: LOCALHOST, text: format!("{} is localhost", ops::shown(host)) });
    }
    let is_known = daemon.state().peers.iter().any(|peer| peer.hostnames.iter().any(|name| name == host));
    if is_known {
        return Ok(unsupported("peer detach"));
    }
    Ok(Refusal { errno: NOT_FRIEND, text: format!("{} is not part of cluster", ops::shown(host)) })
}

/// With an address of its own, only that one is the node's: several nodes may share a machine.
fn is_ourselves(daemon: &Daemon, host: &str) -> bool {
    match &daemon.config.bind_address {
        None => net::is_local_host(host),
        Some(own) => {
            let ours = net::addresses(own).unwrap_or_default();
            net::addresses(host).is_ok_and(|theirs| theirs.iter().any(|address| ours.contains(address)))
        }
    }
}
