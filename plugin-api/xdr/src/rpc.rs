//! ONC RPC: the headers of calls and replies.

use plugin_api::IoBuf;

pub use crate::auth::{AuthError, Credential, Groups, MAX_CREDENTIAL, RawAuth};
use crate::{Fault, Program, Reader, Writer, Xdr, XdrError};

const CALL: u32 = 0;
const REPLY: u32 = 1;
const RPC_VERSION: u32 = 2;
const ACCEPTED: u32 = 0;
const DENIED: u32 = 1;

/// A call or a reply.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Somebody asks.
    Call(Call),
    /// Somebody answers.
    Reply(Reply),
}

/// A call as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// What the reply has to repeat.
    pub xid: u32,
    /// The program.
    pub program: u32,
    /// Its version.
    pub version: u32,
    /// The procedure.
    pub procedure: u32,
    /// Who asks, not yet read: [`Credential::from_raw`].
    pub auth: RawAuth,
    /// The arguments.
    pub args: IoBuf,
}

/// A reply as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The call's.
    pub xid: u32,
    /// Whether the call was executed.
    pub status: Status,
    /// The results; empty unless the status is a success.
    pub body: IoBuf,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Status {
    /// It was executed.
    #[error("success")]
    Success,
    /// The program is not served here.
    #[error("the program is not served here")]
    ProgUnavail,
    /// The program is served in other versions.
    #[error("the program is served in versions {low} to {high}")]
    ProgMismatch {
        /// The lowest; glusterd and bricks say 0.
        low: u32,
        /// The highest; glusterd and bricks say 0.
        high: u32,
    },
    /// The program has no such procedure.
    #[error("the program has no such procedure")]
    ProcUnavail,
    /// The arguments, or the header, are none.
    #[error("the arguments cannot be decoded")]
    GarbageArgs,
    /// The server is in trouble.
    #[error("the server could not execute it")]
    SystemErr,
    /// The caller is refused.
    #[error("the caller is refused (auth status {auth})")]
    Denied {
        /// Why: `auth_stat` of ONC RPC, 0 where the incumbent gives no reason.
        auth: u32,
    },
}

/// A record that is no call and no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rpc header: {0}")]
pub struct HeaderError(#[from] pub XdrError);

impl Message {
    /// Reads the header of a record.
    /// # Errors
    /// When it is none; a server answers with [`encode_garbage`].
    pub fn decode(record: &IoBuf) -> Result<Self, HeaderError> {
        let r = &mut Reader::new(record);
        let xid = u32::get(r)?;
        match u32::get(r)? {
            CALL => Ok(Self::Call(get_call(xid, r)?)),
            REPLY => Ok(Self::Reply(get_reply(xid, r)?)),
            other => Err(XdrError::from(Fault::UnknownTag(other.into())).at("message type").into()),
        }
    }
}

fn get_call(xid: u32, r: &mut Reader<'_>) -> Result<Call, XdrError> {
    let version = u32::get(r)?;
    if version != RPC_VERSION {
        return Err(XdrError::from(Fault::UnknownTag(version.into())).at("rpc version"));
    }
    let (program, version, procedure) = (u32::get(r)?, u32::get(r)?, u32::get(r)?);
    let auth = get_auth(r).map_err(|e| e.at("credential"))?;
    get_auth(r).map_err(|e| e.at("verifier"))?;
    Ok(Call { xid, program, version, procedure, auth, args: r.rest() })
}

fn get_auth(r: &mut Reader<'_>) -> Result<RawAuth, XdrError> {
    Ok(RawAuth { flavour: u32::get(r)?, body: r.shared_opaque(MAX_CREDENTIAL)? })
}

fn get_reply(xid: u32, r: &mut Reader<'_>) -> Result<Reply, XdrError> {
    let status = match u32::get(r)? {
        ACCEPTED => {
            get_auth(r).map_err(|e| e.at("verifier"))?;
            get_accepted(r)?
        }
        DENIED => match u32::get(r)? {
            0 => Status::ProgMismatch { low: u32::get(r)?, high: u32::get(r)? },
            _ => Status::Denied { auth: u32::get(r)? },
        },
        other => return Err(XdrError::from(Fault::UnknownTag(other.into())).at("reply status")),
    };
    let body = if status == Status::Success { r.rest() } else { IoBuf::new() };
    Ok(Reply { xid, status, body })
}

fn get_accepted(r: &mut Reader<'_>) -> Result<Status, XdrError> {
    Ok(match u32::get(r)? {
        0 => Status::Success,
        1 => Status::ProgUnavail,
        2 => Status::ProgMismatch { low: u32::get(r)?, high: u32::get(r)? },
        3 => Status::ProcUnavail,
        4 => Status::GarbageArgs,
        5 => Status::SystemErr,
        other => return Err(XdrError::from(Fault::UnknownTag(other.into())).at("accept status")),
    })
}

/// How a call says who asks.
#[derive(Debug, Clone, Copy)]
pub enum Caller<'a> {
    /// Nobody: callbacks of a server to its clients.
    None,
    /// Version 2 (390039): everything but file operations.
    V2(&'a Credential),
    /// Version 3 (390040): protocol/client to a brick.
    V3(&'a Credential),
}

/// Writes the header of a call; the arguments follow.
pub fn put_call(w: &mut Writer, xid: u32, program: Program, procedure: u32, caller: Caller<'_>) {
    for word in [xid, CALL, RPC_VERSION, program.number, program.version, procedure] {
        word.put(w);
    }
    match caller {
        Caller::None => w.raw(&[0; 8]),
        Caller::V2(credential) => credential.put(false, w),
        Caller::V3(credential) => credential.put(true, w),
    }
    w.raw(&[0; 8]);
}

/// Writes the header of a reply; results follow a success, and the incumbent's also follow garbage arguments.
///
/// The verifier is none, as every client's is.
pub fn put_reply(w: &mut Writer, xid: u32, status: Status) {
    xid.put(w);
    REPLY.put(w);
    if let Status::Denied { auth } = status {
        return [DENIED, 1, auth].iter().for_each(|word| word.put(w));
    }
    w.raw(&[0; 12]);
    let code = match status {
        Status::Success => 0u32,
        Status::ProgUnavail => 1,
        Status::ProgMismatch { .. } => 2,
        Status::ProcUnavail => 3,
        Status::GarbageArgs => 4,
        Status::SystemErr | Status::Denied { .. } => 5,
    };
    code.put(w);
    if let Status::ProgMismatch { low, high } = status {
        low.put(w);
        high.put(w);
    }
}

/// A whole call with a version 2 credential, without its record mark.
pub fn encode_call<T: Xdr>(
    xid: u32,
    program: Program,
    procedure: u32,
    who: &Credential,
    args: &T,
) -> Vec<u8> {
    let mut w = Writer::default();
    put_call(&mut w, xid, program, procedure, Caller::V2(who));
    args.put(&mut w);
    w.into_bytes()
}

/// A whole successful reply, without its record mark.
pub fn encode_reply<T: Xdr>(xid: u32, results: &T) -> Vec<u8> {
    let mut w = Writer::default();
    put_reply(&mut w, xid, Status::Success);
    results.put(&mut w);
    w.into_bytes()
}

/// What a record whose header cannot be read is answered with.
#[must_use]
pub fn encode_garbage() -> Vec<u8> {
    let mut w = Writer::default();
    put_reply(&mut w, 0, Status::GarbageArgs);
    w.into_bytes()
}

/// Why a reply gave no results.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// The call was not executed.
    #[error(transparent)]
    Status(#[from] Status),
    /// The record is no reply, or its results are none.
    #[error(transparent)]
    Xdr(#[from] XdrError),
    /// The record is a call: callbacks of the server travel on the same connection and are never answered.
    #[error("a call of program {program}, a reply was expected")]
    Call {
        /// The program called.
        program: u32,
    },
}

impl From<HeaderError> for ReplyError {
    fn from(e: HeaderError) -> Self {
        Self::Xdr(e.0)
    }
}

/// The results in a record, and the xid of the call they answer.
/// # Errors
/// When the record is no reply, or says why there are no results.
pub fn decode_reply<T: Xdr>(record: &IoBuf) -> Result<(u32, T), ReplyError> {
    match Message::decode(record)? {
        Message::Reply(Reply { xid, status: Status::Success, body }) => Ok((xid, crate::decode(&body)?)),
        Message::Reply(Reply { status, .. }) => Err(status.into()),
        Message::Call(call) => Err(ReplyError::Call { program: call.program }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PROGRAM: Program = Program::new(1_238_463, 2, "GlusterD svc cli");

    fn reply(status: Status) -> Vec<u8> {
        let mut w = Writer::default();
        put_reply(&mut w, 9, status);
        w.into_bytes()
    }

    #[test]
    fn a_call_has_the_bytes_of_the_incumbents_command_line() {
        let bytes = encode_call(2, PROGRAM, 26, &Credential::default(), &0i32);
        let words: Vec<u32> =
            bytes.chunks_exact(4).map(|w| u32::from_be_bytes(w.try_into().unwrap())).collect();
        let head = [2, 0, 2, 1_238_463, 2, 26, 390_039, 24, 0, 0, 0, 0, 4, 0, 0, 0, 0];
        assert_eq!(words, head);
    }

    #[test]
    fn refusals_have_the_words_seen_on_the_wire() {
        let words = |bytes: Vec<u8>| -> Vec<u32> {
            bytes.chunks_exact(4).map(|w| u32::from_be_bytes(w.try_into().unwrap())).collect()
        };
        assert_eq!(words(reply(Status::ProgUnavail)), [9, 1, 0, 0, 0, 1]);
        assert_eq!(words(reply(Status::ProgMismatch { low: 0, high: 0 })), [9, 1, 0, 0, 0, 2, 0, 0]);
        assert_eq!(words(reply(Status::ProcUnavail)), [9, 1, 0, 0, 0, 3]);
        assert_eq!(words(reply(Status::Denied { auth: 0 })), [9, 1, 1, 1, 0]);
        assert_eq!(words(encode_garbage()), [0, 1, 0, 0, 0, 4]);
    }

    #[test]
    fn every_status_comes_back_as_it_was_sent() {
        for status in [
            Status::Success,
            Status::ProgUnavail,
            Status::ProgMismatch { low: 1, high: 3 },
            Status::ProcUnavail,
            Status::GarbageArgs,
            Status::SystemErr,
            Status::Denied { auth: 5 },
        ] {
            let record = IoBuf::from(reply(status));
            let back = Message::decode(&record).unwrap();
            assert_eq!(back, Message::Reply(Reply { xid: 9, status, body: IoBuf::new() }));
        }
    }

    #[test]
    fn a_credential_above_four_hundred_bytes_and_another_rpc_version_are_no_header() {
        let mut w = Writer::default();
        for word in [1u32, 0, 2, 1, 1, 1, 390_039, 404] {
            word.put(&mut w);
        }
        w.raw(&[0; 420]);
        assert!(Message::decode(&IoBuf::from(w.into_bytes())).is_err());
        let mut version_3 = encode_call(1, PROGRAM, 1, &Credential::default(), &0u32);
        version_3[11] = 3;
        assert!(Message::decode(&IoBuf::from(version_3)).is_err());
    }

    #[test]
    fn a_header_that_is_cut_anywhere_is_refused() {
        let whole = encode_call(1, PROGRAM, 1, &Credential::default(), &0u32);
        for end in 0..whole.len() - 4 {
            assert!(Message::decode(&IoBuf::copy_from_slice(&whole[..end])).is_err(), "{end} bytes");
        }
    }

    proptest! {
        #[test]
        fn no_record_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            if let Ok(Message::Call(call)) = Message::decode(&IoBuf::from(bytes)) {
                let _ = Credential::from_raw(&call.auth);
            }
        }
    }
}
