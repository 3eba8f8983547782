//! What `cluster/distribute` says of a rename that it makes of other fops.

use plugin_api::prelude::*;

/// The key: on the call that moves the file's own data.
const KEY: &str = "changelog.rename-op";
/// Two ids and two lengths.
const FIXED: usize = 40;

/// The places that a file moved from and to.
pub(crate) fn places(xdata: &Dict) -> Option<Vec<(Gfid, IoBuf)>> {
    let bytes = xdata.get(KEY)?.as_bytes()?;
    let fixed = bytes.get(..FIXED)?;
    let length = |at: usize| usize::try_from(u32::from_ne_bytes(fixed[at..at + 4].try_into().ok()?)).ok();
    let (old, new) = (length(32)?, length(36)?);
    let names = bytes.get(FIXED..)?;
    let old_name = name(names.get(..old)?)?;
    let new_name = name(names.get(old..old.checked_add(new)?)?)?;
    Some(vec![(Gfid::from_slice(&fixed[..16])?, old_name), (Gfid::from_slice(&fixed[16..32])?, new_name)])
}

/// A name with the NUL that ends it.
fn name(bytes: &[u8]) -> Option<IoBuf> {
    let (end, name) = bytes.split_last()?;
    let sound = *end == 0 && !name.is_empty() && !name.iter().any(|byte| matches!(byte, 0 | b'/'));
    sound.then(|| name.to_vec().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(old: &[u8], new: &[u8], lengths: [u32; 2]) -> Option<Vec<(Gfid, IoBuf)>> {
        let [a, b] = lengths.map(u32::to_ne_bytes);
        let bytes = [&[1; 16][..], &[2; 16], &a, &b, old, new, &[0; 4]].concat();
        places(&Dict::new().with(KEY, bytes))
    }

    #[test]
    fn the_places_are_read_and_lengths_not_believed() {
        let read = told(b"old\0", b"new\0", [4, 4]).expect("sound");
        assert_eq!((read[0].0, &read[0].1[..]), (Gfid([1; 16]), &b"old"[..]));
        assert_eq!((read[1].0, &read[1].1[..]), (Gfid([2; 16]), &b"new"[..]));
        assert_eq!(told(b"old\0", b"new\0", [4, u32::MAX]), None);
        assert_eq!(told(b"old\0", b"new\0", [3, 4]), None);
        assert_eq!(told(b"a/b\0", b"new\0", [4, 4]), None);
        assert_eq!(places(&Dict::new().with(KEY, vec![0; 20])), None);
    }
}
