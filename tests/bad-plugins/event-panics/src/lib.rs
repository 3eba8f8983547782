//! A translator that panics when an event does not carry what it expects.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

/// Trusts its child.
#[derive(Debug, Default)]
struct EventPanics;

#[xlator("bad/event-panics", unknown_fops = "pass")]
impl Xlator for EventPanics {
    fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
        if event.kind == EventKind::UPCALL {
            event.data.gfid("gfid").expect("every upcall names a file");
        }
        cx.pass_on(event);
    }
}
