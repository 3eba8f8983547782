//! Between values as they travel and values as they lie on disk.

use std::borrow::Cow;

use plugin_api::Value;

/// The bytes that the incumbent puts on disk for `value`: numbers as decimal text, texts with their NUL. `None` for
/// values that are no xattr.
pub(crate) fn on_disk(value: &Value) -> Option<Cow<'_, [u8]>> {
    Some(match value {
        Value::Bytes(bytes) | Value::Untyped(bytes) => Cow::Borrowed(&bytes[..]),
        Value::Uuid(gfid) => Cow::Borrowed(&gfid.0[..]),
        Value::Str(text) => Cow::Owned([&text[..], b"\0"].concat()),
        Value::Int(n) => Cow::Owned(format!("{n}\0").into_bytes()),
        Value::Uint(n) => Cow::Owned(format!("{n}\0").into_bytes()),
        Value::Double(n) => Cow::Owned(format!("{n:.6}\0").into_bytes()),
        Value::Iatt(_) | Value::Mdata(_) => return None,
    })
}
