//! The host binary: the start-up as a table of contents.
use std::process::ExitCode;

use host::cmdline::{self, Request};
use host::ctx::Ctx;
use host::dispatch::Pools;
use host::process::{self, Parent};
use host::report::{self, StartError};
use host::{globals, isolate, logging, mount, tools};

fn main() -> ExitCode {
    let program = cmdline::program_name();
    run().unwrap_or_else(|error| report::failure(&program, &error))
}

fn run() -> Result<ExitCode, StartError> {
    globals::init(); //                                               1 what is truly process-wide
    let settings = match cmdline::parse(std::env::args_os())? {
        Request::Serve(settings) => *settings, //                     2 command line, and the mode from our name
        Request::Isolated(inherited) => return Ok(isolate::run_worker(inherited)),
        Request::Tool(tool) => return tools::run(tool).map(|()| ExitCode::SUCCESS).map_err(StartError::from),
    };
    let ctx = Ctx::new(settings); //                                  3 context
    logging::init(&ctx.settings.log)?; //                             4 logging, written in place: no thread yet
    report::first_lines(&ctx);
    mount::prepare(&ctx).map_err(StartError::from).inspect_err(report::log)?; // 5 mount (client processes only)
    let parent = process::daemonize(&ctx.settings) //                 6 no thread exists above this line
        .map_err(StartError::from)
        .inspect_err(report::log)?;
    serve(&ctx, &parent).inspect_err(|error| report::failed_start(&parent, error))
}

fn serve(ctx: &Ctx, parent: &Parent) -> Result<ExitCode, StartError> {
    let mut pools = Pools::start(ctx)?; //                            7 event pool, signals, services for plugins
    let volumes = pools.init(ctx)?; //                                8 volfile, construct, prepare, activate
    parent.report_ready(); //                                           the shell's `$?` is true only now
    Ok(pools.dispatch(volumes)) //                                    9 until a signal; then drain, fini, leave
}
