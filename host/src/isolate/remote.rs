//! The translator that stands in a graph for something in another process: in the host for the translator that runs
//! apart, in the translator's process for each of its children.
use std::sync::Arc;

use plugin_api::abi::host::Direction;
use plugin_api::abi::root::FopSlot;
use plugin_api::fop::{self, FopResult, FopType, kind};
use plugin_api::sdk::module::XlatorInfo;
use plugin_api::{
    Client, Declaration, Errno, Event, Frame, Handle, InitCx, InitError, NotifyCx, Xlator, for_each_fop,
};

use super::peer::{Peer, event_news};
use super::section::Section;

/// Stands for a translator in another process.
#[derive(Debug, Default)]
pub(super) struct Remote(To);

/// Where the calls go.
#[derive(Debug, Default)]
pub(super) enum To {
    /// Nowhere: it was not made for anything.
    #[default]
    Nobody,
    /// To the translator that runs apart.
    Section(Arc<Section>),
    /// From the translator to its child with this number.
    Child(Arc<Peer>, u32),
}

impl Remote {
    pub(super) fn new(to: To) -> Self {
        Self(to)
    }

    async fn call<F: FopType>(&self, frame: &Frame, args: F::Args) -> FopResult<F::Reply> {
        match &self.0 {
            To::Nobody => Err(Errno::ENOTCONN.into()),
            To::Section(section) => section.peer().await?.call::<F>(frame, 0, args).await,
            To::Child(peer, child) => peer.call::<F>(frame, *child, args).await,
        }
    }
}

macro_rules! remote {
    ($($(#[$doc:meta])* $code:literal $name:ident $args:ident $reply:ident,)*) => {
        impl Xlator for Remote {
            $(async fn $name(&self, frame: &Frame, args: fop::$args) -> FopResult<fop::$reply> {
                self.call::<kind::$name>(frame, args).await
            })*

            fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
                match &self.0 {
                    To::Section(section) => section.init(cx).map_err(InitError),
                    To::Nobody | To::Child(..) => Ok(()),
                }
            }

            fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
                match &self.0 {
                    To::Section(section) => section.reconfigure(cx.values()).map_err(InitError),
                    To::Nobody | To::Child(..) => Ok(()),
                }
            }

            fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
                match &self.0 {
                    To::Nobody => cx.pass_on(event),
                    To::Section(section) => section.notify(cx, event),
                    // What goes down goes to every child: the first one says it for all.
                    To::Child(peer, 0) => peer.tell_event(event_news(None, Direction::Down, event)),
                    To::Child(..) => {}
                }
            }

            fn client_disconnect(&self, _me: &Handle, client: &Client) {
                if let To::Section(section) = &self.0 {
                    section.client_gone(client);
                }
            }

            fn dump(&self, out: &mut String) {
                if let To::Section(section) = &self.0 {
                    section.dump(out);
                }
            }

            fn fini(&self) {
                if let To::Section(section) = &self.0 {
                    section.fini();
                }
            }
        }

        impl XlatorInfo for Remote {
            const FOPS: &'static [FopSlot] = &[$(plugin_api::sdk::later::$name::<Remote>()),*];

            fn declaration() -> Declaration {
                Declaration { type_name: "host/remote".into(), ..Declaration::default() }
            }
        }
    };
}

for_each_fop!(remote);

impl Drop for Remote {
    fn drop(&mut self) {
        if let To::Section(section) = &self.0 {
            section.leave();
        }
    }
}
