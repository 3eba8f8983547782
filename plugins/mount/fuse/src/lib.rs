//! `mount/fuse`: the top of a client's graph. The kernel's requests become fops, the answers replies.
//!
//! What is where: [`options`] and `mounting` set it up; `reader` has the threads that read requests; `ops` turns them into
//! fops, with `fs` for what they share, `nodes` and `files` for what the kernel knows by number; `wire` is its protocol.
#![forbid(unsafe_code)]

mod crowd;
mod files;
mod folders;
mod fs;
mod groups;
mod mounting;
mod names;
mod nodes;
mod notices;
mod ops;
pub mod options;
mod reader;
mod traffic;
mod wire;

use std::sync::Arc;

use plugin_api::prelude::*;
use plugin_api::upcall;

use crate::fs::Fs;
use crate::mounting::Mounted;
use crate::options::Settings;
use crate::traffic::Traffic;

/// The translator.
#[derive(Debug, Default)]
pub struct MountFuse {
    fs: Option<Arc<Fs>>,
}

#[xlator(
    "mount/fuse",
    positions = "client, brick",
    replace = "restart",
    unknown_fops = "pass",
    doc = "mounts the graph below it, and turns the kernel's requests into file operations"
)]
impl Xlator for MountFuse {
    fn options() -> Options {
        options::declared()
    }

    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        if cx.child_count() != 1 {
            let (name, found) = (cx.name(), cx.child_count());
            return Err(InitError(format!(
                "{name} has {found} subvolumes, expected the one that is mounted"
            )));
        }
        let settings = Settings::read(cx)?;
        let traffic = match &settings.dump {
            Some(path) => Traffic::into_file(path)
                .map_err(|error| InitError(format!("dump-fuse: {}: {error}", path.display())))?,
            None => Traffic::default(),
        };
        let mounted = Mounted::new(&settings)?;
        log!(Info, xl: cx.name(), "mounted", point = settings.point.display());
        self.fs = Some(Arc::new(Fs::new(cx.handle(), settings, mounted, traffic)));
        Ok(())
    }

    fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
        let Some(fs) = &self.fs else { return cx.pass_on(event) };
        match event.kind {
            // Requests wait in the kernel until it is known whether there is somebody to ask.
            EventKind::CHILD_UP | EventKind::CHILD_DOWN if fs.begin() => begin(fs.clone()),
            EventKind::UPCALL => out_of_date(fs, &event.data),
            EventKind::AUTH_FAILED => {
                log!(Error, xl: cx.me().name(), "a brick refused the sign-in");
                rt::stop(libc::EACCES);
            }
            _ => {}
        }
        cx.pass_on(event);
    }

    fn dump(&self, out: &mut String) {
        let Some(fs) = &self.fs else { return };
        let (point, nodes) = (fs.settings.point.display(), fs.nodes.len());
        let (files, folders) = (fs.files.len(), fs.folders.len());
        out.push_str(&format!(
            "mountpoint={point}\nnodes={nodes}\nopen-files={files}\nopen-folders={folders}\n"
        ));
        // The incumbent's words, by which scripts know them: the root and what is open is active.
        let (limit, active) = (fs.crowd.limit(), 1 + (files + folders).min(nodes));
        let readdirp = u8::from(fs.settings.readdirp);
        out.push_str(&format!(
            "use_readdirp={readdirp}\nitable.lru_limit={limit}\nitable.active_size={active}\nitable.lru_size={}\n",
            nodes + 1 - active
        ));
    }

    fn fini(&self) {
        if let Some(fs) = &self.fs {
            fs.leave();
            fs.mounted.unmount();
            fs.notices.end();
        }
    }
}

/// Makes the root known below, then serves; where there is no root the requests say so.
fn begin(fs: Arc<Fs>) {
    rt::spawn(async move {
        if let Err(error) = fs.look_up_root().await {
            log!(Warn, xl: fs.name, "the root cannot be looked up", why = error);
        }
        if let Err(error) = reader::start(&fs) {
            log!(Error, xl: fs.name, "requests cannot be read", why = error);
            rt::stop(1);
        }
    });
}

/// Somebody else has changed a file.
fn out_of_date(fs: &Fs, data: &Dict) {
    if data.int(upcall::KIND) == Some(upcall::kind::CACHE_INVALIDATION)
        && let Some(gfid) = data.gfid(upcall::GFID)
    {
        fs.changed();
        if let Some(node) = fs.nodes.number(gfid) {
            fs.notices.add(node);
        }
    }
}
