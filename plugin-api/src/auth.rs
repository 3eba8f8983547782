//! Authenticators: plugins that vote on a client's sign-in.

use abi_stable::StableAbi;
use abi_stable::std_types::{RStr, RString};

use crate::Dict;
use crate::options::OptionValues;

/// A vote. One rejection rejects; without it, one acceptance accepts; without either, the client is rejected.
#[repr(u8)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vote {
    /// Yes.
    Accept,
    /// No.
    Reject,
    /// Not for this authenticator to say.
    DontCare,
}

/// Who signs in. Frozen but for [`more`](Self::more).
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Default)]
pub struct Applicant {
    /// The brick's name.
    pub brick: RString,
    /// Where from: `host:port`, or the path of a unix socket.
    pub peer: RString,
    /// The name in its certificate; empty without TLS.
    pub tls_name: RString,
    /// The request of SETVOLUME.
    pub request: Dict,
    /// What later versions of plugin-api tell, by key; empty in 1.0.
    pub more: Dict,
}

/// What an authenticator implements; `export_auth!` makes it the library's root.
pub trait Authenticator: 'static {
    /// The name in `auth.<name>.*`.
    const NAME: &'static str;

    /// Votes on `who`, by the options of the brick's protocol/server.
    fn vote(options: &OptionValues, who: &Applicant) -> Vote;
}

/// The functions of an authenticator plugin.
#[repr(C)]
#[derive(StableAbi, Debug)]
#[sabi(kind(Prefix(prefix_ref = AuthModuleRef)))]
#[sabi(missing_field(panic))]
pub struct AuthModule {
    /// The name in `auth.<name>.*`.
    pub name: RStr<'static>,
    /// Votes; a panic rejects.
    #[sabi(last_prefix_field)]
    pub vote: extern "C" fn(options: &OptionValues, who: &Applicant) -> Vote,
}
