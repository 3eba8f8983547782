//! The host binary: the start-up as a table of contents.
use std::process::ExitCode;

use host::cmdline::{self, Request};
use host::ctx::Ctx;
use host::process::{self, Parent};
use host::report::{self, StartError};
use host::{globals, logging, mount, tools, volumes};

fn main() -> ExitCode {
    let program = cmdline::program_name();
    run().unwrap_or_else(|error| report::failure(&program, &error))
}

fn run() -> Result<ExitCode, StartError> {
    globals::init(); //                                               1 what is truly process-wide
    let settings = match cmdline::parse(std::env::args_os())? {
        Request::Serve(settings) => *settings, //                     2 command line, and the mode from our name
        Request::Tool(tool) => return tools::run(tool).map(|()| ExitCode::SUCCESS).map_err(StartError::from),
    };
    let ctx = Ctx::new(settings); //                                  3 context
    logging::init(&ctx.settings.log)?; //                             4 logging, written in place: no thread yet
    report::first_lines(&ctx);
    mount::prepare(&ctx).inspect_err(report::log)?; //                5 mount (client processes only)
    let parent = process::daemonize(&ctx.settings) //                 6 no thread exists above this line
        .map_err(StartError::from)
        .inspect_err(report::log)?;
    serve(&ctx, &parent).inspect_err(|error| report::failed_start(&parent, error))
}

fn serve(ctx: &Ctx, _parent: &Parent) -> Result<ExitCode, StartError> {
    // 7 memory pools, event pool, signals
    let _plan = volumes::plan(ctx)?; //                               8 volfile, construct, prepare, activate
    // 9 event dispatch until a signal
    Err(StartError::Volumes(volumes::VolumesError::Unbuilt { what: "a graph that serves" }))
}
