//! Credentials of a call: who asks, in each of the flavours that GlusterFS accepts.

use plugin_api::{Identity, IoBuf, LkOwner};

use crate::{Fault, Reader, Writer, Xdr, XdrError};

/// No credential.
pub const AUTH_NONE: u32 = 0;
/// The credential of ordinary ONC RPC.
pub const AUTH_SYS: u32 = 1;
/// The old credential of GlusterFS.
pub const AUTH_GLUSTERFS: u32 = 5;
/// The credential that everything but a connected protocol/client sends.
pub const AUTH_GLUSTERFS_V2: u32 = 390_039;
/// The credential of protocol/client towards a brick: version 2 with the time of the call.
pub const AUTH_GLUSTERFS_V3: u32 = 390_040;

/// The most bytes that a credential may have.
pub const MAX_CREDENTIAL: usize = 400;

/// A credential as it came: flavour and bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RawAuth {
    /// The flavour; unknown ones count as [`AUTH_NONE`].
    pub flavour: u32,
    /// Its bytes, at most [`MAX_CREDENTIAL`].
    pub body: IoBuf,
}

/// The supplementary groups, as words of the record they came in.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Groups(IoBuf);

impl Groups {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len() / 4
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The groups.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = u32> + '_ {
        self.0.chunks_exact(4).map(|word| word.iter().fold(0, |n, byte| n << 8 | u32::from(*byte)))
    }
}

impl std::fmt::Debug for Groups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl FromIterator<u32> for Groups {
    fn from_iter<I: IntoIterator<Item = u32>>(groups: I) -> Self {
        Self(IoBuf::from(groups.into_iter().flat_map(u32::to_be_bytes).collect::<Vec<u8>>()))
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Credential {
    /// The process; negative for the clients inside GlusterFS (-6 is the self-heal daemon, for one).
    pub pid: i32,
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Version 3: which times the ctime feature has to set.
    pub flags: u32,
    /// Version 3: when the call was made, seconds since the epoch.
    pub ctime_sec: u64,
    /// Version 3: nanoseconds of `ctime_sec`.
    pub ctime_nsec: u32,
    /// Supplementary groups.
    pub groups: Groups,
    /// The lock owner: bytes that are compared, nothing else.
    pub lk_owner: IoBuf,
}

impl From<Credential> for Identity {
    fn from(credential: Credential) -> Self {
        Self {
            uid: credential.uid,
            gid: credential.gid,
            pid: credential.pid,
            groups: credential.groups.iter().collect(),
            lk_owner: LkOwner::new(credential.lk_owner),
            time: i64::try_from(credential.ctime_sec).unwrap_or(i64::MAX),
            time_nsec: credential.ctime_nsec,
            time_flags: credential.flags,
        }
    }
}

/// Why a credential is refused: the call is denied then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("credential of flavour {flavour}: {fault}")]
pub struct AuthError {
    /// The flavour.
    pub flavour: u32,
    /// What was wrong.
    pub fault: Fault,
}

impl Credential {
    /// Reads a credential; one that is shorter than its flavour needs is filled with zeros, as the incumbent does.
    /// # Errors
    /// When its lists do not fit, or the lock owner is too long. Groups beyond what the owner leaves room for are cut off.
    pub fn from_raw(raw: &RawAuth) -> Result<Self, AuthError> {
        let refuse = |fault| AuthError { flavour: raw.flavour, fault };
        let read = match raw.flavour {
            AUTH_GLUSTERFS_V3 => Self::get_v3,
            AUTH_GLUSTERFS_V2 => Self::get_v2,
            AUTH_GLUSTERFS => Self::get_v1,
            AUTH_SYS => Self::get_sys,
            _ => return Ok(Self::default()),
        };
        match read(&mut Reader::new(&raw.body)) {
            Err(XdrError { fault: Fault::Short { .. }, .. }) if raw.body.len() < MAX_CREDENTIAL => {
                let mut filled = raw.body.to_vec();
                filled.resize(MAX_CREDENTIAL, 0);
                read(&mut Reader::new(&IoBuf::from(filled)))
            }
            result => result,
        }
        .map_err(|e| refuse(e.fault))
    }

    fn get_v2(r: &mut Reader<'_>) -> Result<Self, XdrError> {
        let (pid, uid, gid) = (i32::get(r)?, u32::get(r)?, u32::get(r)?);
        let (groups, lk_owner) = lists(r, 95)?;
        Ok(Self { pid, uid, gid, groups, lk_owner, ..Self::default() })
    }

    fn get_v3(r: &mut Reader<'_>) -> Result<Self, XdrError> {
        let (pid, uid, gid, flags) = (i32::get(r)?, u32::get(r)?, u32::get(r)?, u32::get(r)?);
        let (ctime_nsec, ctime_sec) = (u32::get(r)?, u64::get(r)?);
        let (groups, lk_owner) = lists(r, 91)?;
        Ok(Self { pid, uid, gid, flags, ctime_sec, ctime_nsec, groups, lk_owner })
    }

    fn get_v1(r: &mut Reader<'_>) -> Result<Self, XdrError> {
        let owner = u64::get(r)?;
        let pid = i32::get(r)?;
        let (uid, gid) = (u32::get(r)?, u32::get(r)?);
        let count = usize::try_from(u32::get(r)?).unwrap_or(usize::MAX);
        if count > 16 {
            return Err(Fault::TooMany { count, limit: 16 }.into());
        }
        let groups = Groups(r.shared(16 * 4)?.slice(..count * 4));
        let lk_owner = IoBuf::from(owner.to_le_bytes().to_vec());
        Ok(Self { pid, uid, gid, groups, lk_owner, ..Self::default() })
    }

    fn get_sys(r: &mut Reader<'_>) -> Result<Self, XdrError> {
        let _stamp = u32::get(r)?;
        let _machine = r.opaque(255)?;
        let (uid, gid) = (u32::get(r)?, u32::get(r)?);
        let count = usize::try_from(u32::get(r)?).unwrap_or(usize::MAX);
        if count > 16 {
            return Err(Fault::TooMany { count, limit: 16 }.into());
        }
        Ok(Self { uid, gid, groups: Groups(r.shared(count * 4)?), ..Self::default() })
    }

    /// Writes flavour, length and body: version 3 where `v3` says so, else version 2.
    ///
    /// Groups that do not fit are cut off, as the incumbent does; a caller without a lock owner sends its pid as one.
    pub fn put(&self, v3: bool, w: &mut Writer) {
        let room = if v3 { 91 } else { 95 };
        let pid_as_owner = self.pid.to_le_bytes();
        let owner = if self.lk_owner.is_empty() { &pid_as_owner[..] } else { &self.lk_owner[..] };
        let owner = &owner[..owner.len().min(room)];
        let groups = self.groups.len().min(room - owner.len());
        (if v3 { AUTH_GLUSTERFS_V3 } else { AUTH_GLUSTERFS_V2 }).put(w);
        let length_at = w.len();
        0u32.put(w);
        self.pid.put(w);
        self.uid.put(w);
        self.gid.put(w);
        if v3 {
            self.flags.put(w);
            self.ctime_nsec.put(w);
            self.ctime_sec.put(w);
        }
        w.length(groups);
        self.groups.iter().take(groups).for_each(|group| group.put(w));
        w.opaque(owner);
        let len = w.len() - length_at - 4;
        w.patch(length_at, u32::try_from(len).unwrap_or(u32::MAX));
    }
}

/// Groups and lock owner, which share `room`: groups count one each, the owner counts its bytes.
fn lists(r: &mut Reader<'_>, room: usize) -> Result<(Groups, IoBuf), XdrError> {
    let count = usize::try_from(u32::get(r)?).unwrap_or(usize::MAX);
    if count > MAX_CREDENTIAL / 4 {
        return Err(Fault::TooMany { count, limit: MAX_CREDENTIAL / 4 }.into());
    }
    let groups = r.shared(count * 4)?;
    let lk_owner = r.shared_opaque(room)?;
    let kept = count.min(room - lk_owner.len());
    Ok((Groups(groups.slice(..kept * 4)), lk_owner))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(credential: &Credential, v3: bool) -> RawAuth {
        let mut w = Writer::default();
        credential.put(v3, &mut w);
        let bytes = IoBuf::from(w.into_bytes());
        let mut r = Reader::new(&bytes);
        RawAuth { flavour: u32::get(&mut r).unwrap(), body: r.shared_opaque(MAX_CREDENTIAL).unwrap() }
    }

    #[test]
    fn the_default_is_what_the_command_line_sends() {
        let sent = raw(&Credential::default(), false);
        assert_eq!(sent.flavour, 390_039);
        // Seen on 10.3: pid, uid, gid, no groups, four bytes of owner.
        assert_eq!(&sent.body[..], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
    }

    #[test]
    fn version_3_carries_the_time_with_nanoseconds_first() {
        let credential = Credential {
            pid: -6,
            uid: 1000,
            gid: 100,
            flags: 0x1b,
            ctime_sec: 0x0102_0304_0506,
            ctime_nsec: 7,
            groups: [4, 27].into_iter().collect(),
            lk_owner: IoBuf::from(vec![9; 8]),
        };
        let sent = raw(&credential, true);
        assert_eq!(&sent.body[16..28], [0, 0, 0, 7, 0, 0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(Credential::from_raw(&sent), Ok(credential));
    }

    #[test]
    fn a_short_credential_is_read_as_if_zeros_followed() {
        let short = RawAuth { flavour: AUTH_GLUSTERFS_V2, body: IoBuf::from(vec![0, 0, 0, 7]) };
        assert_eq!(Credential::from_raw(&short).unwrap().pid, 7);
    }

    #[test]
    fn an_unknown_flavour_is_nobody_and_passes() {
        let strange = RawAuth { flavour: 77, body: IoBuf::from(vec![1; 40]) };
        assert_eq!(Credential::from_raw(&strange), Ok(Credential::default()));
    }

    #[test]
    fn an_owner_of_a_hundred_bytes_is_refused() {
        let mut body = vec![0; 16];
        body.extend(100u32.to_be_bytes());
        body.extend([1; 100]);
        let long = RawAuth { flavour: AUTH_GLUSTERFS_V2, body: IoBuf::from(body) };
        assert!(Credential::from_raw(&long).is_err());
    }

    #[test]
    fn groups_that_do_not_fit_are_cut_when_sent_and_hostile_counts_are_refused() {
        let many = Credential { groups: (0..500).collect(), ..Credential::default() };
        assert_eq!(Credential::from_raw(&raw(&many, false)).unwrap().groups.len(), 91);
        let mut body = vec![0; 12];
        body.extend(u32::MAX.to_be_bytes());
        for flavour in [AUTH_GLUSTERFS_V2, AUTH_GLUSTERFS_V3, AUTH_GLUSTERFS, AUTH_SYS] {
            let mut body = body.clone();
            body.extend([0xff; 60]);
            assert!(Credential::from_raw(&RawAuth { flavour, body: IoBuf::from(body) }).is_err());
        }
    }
}
