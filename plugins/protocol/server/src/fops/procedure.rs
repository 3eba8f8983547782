//! What every procedure does: decode, resolve, wind, encode.

use std::future::Future;
use std::sync::Arc;

use gluster_rpc::{Call, Reply};
use gluster_xdr::{Xdr, XdrError};
use plugin_api::fop::{FopError, FopType};
use plugin_api::{Errno, IoBuf, Payload};

use super::response::Response;
use crate::resolve::Caller;
use crate::session::Session;

/// The arguments of a procedure's fop.
pub(super) type Args<P> = <<P as Procedure>::Fop as FopType>::Args;

/// A request as it stands in the record of its call.
pub(super) trait Request: Sized + Send {
    /// Reads it; what is opaque in it shares the record.
    fn read(args: &IoBuf) -> Result<Self, XdrError>;
}

impl<T: Xdr + Send> Request for T {
    fn read(args: &IoBuf) -> Result<Self, XdrError> {
        gluster_xdr::decode(args)
    }
}

/// An answer of the graph that some procedure sends as an `R`.
pub(super) trait Answer<R>: Send {
    /// What the client is told, and what follows it uncopied.
    fn encode(self, caller: &mut Caller) -> impl Future<Output = Result<(R, Payload), FopError>> + Send;
}

/// A procedure of the program: what it asks for, and how that is put to the graph.
pub(super) trait Procedure: 'static {
    /// The fop it becomes.
    type Fop: FopType<Reply: Answer<Self::Response>>;
    /// What comes in.
    type Request: Request;
    /// What goes out.
    type Response: Response;

    /// Finds the objects that the request names.
    fn resolve(
        request: Self::Request,
        caller: &mut Caller,
    ) -> impl Future<Output = Result<Args<Self>, Errno>> + Send;
}

/// Serves one call.
pub(super) async fn serve<P: Procedure>(session: Arc<Session>, mut call: Call) -> Reply {
    let request = match P::Request::read(&call.args) {
        Ok(request) => request,
        Err(e) => return call.garbage_with(&e, &P::Response::failure(Errno::EINVAL.into())),
    };
    let server = session.server.clone();
    let identity = server.caller(std::mem::take(&mut call.identity), session.client.is_trusted()).await;
    let mut frame = server.handle.frame(identity);
    frame.set_client(Some(session.client.clone()));
    let mut caller = Caller { server, session, frame, fresh: None, tells_size: false };
    match run::<P>(request, &mut caller).await {
        Ok((response, payload)) => call.reply_with(&response, payload),
        Err(e) => call.reply(&P::Response::failure(e)),
    }
}

async fn run<P: Procedure>(
    request: P::Request,
    caller: &mut Caller,
) -> Result<(P::Response, Payload), FopError> {
    let args = P::resolve(request, caller).await?;
    let answer = caller.brick().wind::<P::Fop>(args).await?;
    answer.encode(caller).await
}

/// Declares procedures: name, request and response; the fop; and how the request becomes its arguments.
macro_rules! procedures {
    ($($(#[$doc:meta])* $name:ident($request:ident: $in:ty, $caller:ident) -> $out:ty, $fop:ident $body:block)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(super) struct $name;

        impl $crate::fops::procedure::Procedure for $name {
            type Fop = plugin_api::fop::kind::$fop;
            type Request = $in;
            type Response = $out;

            async fn resolve(
                $request: $in,
                $caller: &mut $crate::resolve::Caller,
            ) -> Result<$crate::fops::procedure::Args<Self>, plugin_api::Errno> {
                Ok($body)
            }
        }
    )*};
}
pub(super) use procedures;

/// Declares answers that are sent as they are, field by field.
macro_rules! plain_answers {
    ($($answer:ty => $response:ident |$a:ident, $caller:ident| { $($field:ident: $value:expr),* $(,)? })*) => {$(
        impl $crate::fops::procedure::Answer<$response> for $answer {
            async fn encode(
                self,
                $caller: &mut $crate::resolve::Caller,
            ) -> Result<($response, plugin_api::Payload), plugin_api::fop::FopError> {
                let $a = self;
                let _ = &$caller;
                Ok(($response { $($field: $value,)* ..$response::default() }, plugin_api::Payload::default()))
            }
        }
    )*};
}
pub(super) use plain_answers;
