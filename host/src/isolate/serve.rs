//! Serving calls: bytes become a fop of its kind, the fop is wound, its answer becomes bytes.
use std::sync::Arc;

use plugin_api::carry::{CarryError, Unpack};
use plugin_api::fop::{FopType, kind};
use plugin_api::{Client, Errno, Handle, Identity, for_each_fop};

use super::message::Call;
use super::mirror::Used;
use super::peer::{Peer, Serving};

/// Begins the work, once it is known what the call has named.
pub(super) type Start = Box<dyn FnOnce(Used) -> Serving + Send>;

macro_rules! by_code {
    ($($(#[$doc:meta])* $code:literal $name:ident $args:ident $reply:ident,)*) => {
        /// The work that a call asks for: winding it to a child of `place`.
        pub(super) fn serving(
            peer: &Arc<Peer>,
            place: &Handle,
            call: Call,
            from: &mut Unpack<'_>,
        ) -> Result<Start, CarryError> {
            match call.code {
                $($code => wound::<kind::$name>(peer, place, call, from),)*
                found => Err(CarryError::Value { what: "fop", found: found.into() }),
            }
        }

        /// The work of telling a caller that its call is not served.
        pub(super) fn refusal(
            peer: &Arc<Peer>,
            id: u64,
            code: u32,
            errno: Errno,
        ) -> Result<Serving, CarryError> {
            match code {
                $($code => Ok(refused::<kind::$name>(peer, id, errno)),)*
                found => Err(CarryError::Value { what: "fop", found: found.into() }),
            }
        }
    };
}

for_each_fop!(by_code);

fn wound<F: FopType>(
    peer: &Arc<Peer>,
    place: &Handle,
    call: Call,
    from: &mut Unpack<'_>,
) -> Result<Start, CarryError> {
    let identity = from.take::<Identity>()?;
    let client = from.take::<Option<Client>>()?;
    let args = from.take::<F::Args>()?;
    let mut frame = place.frame(identity);
    frame.set_client(client);
    frame.set_deadline(call.deadline);
    let child = usize::try_from(call.child).unwrap_or(usize::MAX);
    let peer = peer.clone();
    Ok(Box::new(move |used| {
        Box::pin(async move {
            let result = frame.child_at(child).wind::<F>(args).await;
            // What the call has named is let go before it is looked at what is kept of it.
            drop(frame);
            peer.answer(call.id, result, used).await;
        })
    }))
}

fn refused<F: FopType>(peer: &Arc<Peer>, id: u64, errno: Errno) -> Serving {
    let peer = peer.clone();
    Box::pin(async move { peer.answer::<F::Reply>(id, Err(errno.into()), Used::default()).await })
}
