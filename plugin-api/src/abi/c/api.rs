//! The functions that C is handed, over the types that Rust uses.

use std::ffi::CStr;

use abi_stable::std_types::RStr;

use super::{CApi, CBytes, CCount, CFree, CInit, CText, fops};
use crate::abi::frame::FrameHead;
use crate::abi::future::{DOWN, RawFuture, UNKNOWN, WakerHeader};
use crate::abi::host::{Direction, host};
use crate::abi::iobuf::IoBuf;
use crate::abi::node::Node;
use crate::abi::object::{CtxKey, Object, RetainFn};
use crate::options::{OptionKind, parse_bool, parse_int, parse_percent, parse_size, parse_time};
use crate::{Client, Dict, Event, Fd, Gfid, Inode, Key, Payload, Value};

static API: CApi = CApi {
    size: size_of::<CApi>(),
    log,
    option_text,
    option_number,
    refuse,
    init_node,
    dict_number,
    dict_bytes,
    dict_pair,
    dict_set_number,
    dict_set_text,
    dict_set_bytes,
    dict_remove,
    dict_copy,
    dict_drop,
    buf_copy,
    buf_lend,
    buf_part,
    buf_drop,
    payload_len,
    payload_part,
    payload_flat,
    payload_set,
    inode_gfid,
    inode_type,
    fd_inode,
    fd_flags,
    client_uid,
    ctx_get,
    ctx_put,
    args_copy: fops::args_copy,
    args_drop: fops::args_drop,
    answer_drop: fops::answer_drop,
    answer_error: fops::answer_error,
    answer_empty: fops::answer_empty,
    wind,
    notify,
    spawn,
    spawn_blocking,
    sleep,
};

/// The functions for C: the extension `mortar.c/1` of a host.
#[must_use]
pub fn api() -> &'static CApi {
    &API
}

/// The text, lossily where it is not UTF-8.
///
/// # Safety
/// Null, or ended by a NUL and alive for the call.
pub(super) unsafe fn text(text: CText) -> String {
    if text.0.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text.0.cast()) }.to_string_lossy().into_owned()
}

fn lent(bytes: &[u8]) -> CBytes {
    CBytes { data: bytes.as_ptr(), len: bytes.len() }
}

/// # Safety
/// `len` bytes at `data`, or none.
unsafe fn bytes<'a>(data: *const u8, len: usize) -> &'a [u8] {
    // SAFETY: the caller's promise.
    if len == 0 { &[] } else { unsafe { std::slice::from_raw_parts(data, len) } }
}

// SAFETY of what follows: each function asks of its caller what `CApi` documents; pointers are to live values of the types
// in its signature, or to room for one where a value is written.

unsafe extern "C" fn log(level: u8, xlator: CText, message: CText) {
    // SAFETY: see above.
    let (xlator, message) = unsafe { (text(xlator), text(message)) };
    host().log()(level, RStr::from("c"), RStr::from(xlator.as_str()), RStr::from(message.as_str()));
}

/// # Safety
/// A live `CInit`.
unsafe fn option<'a>(init: *const CInit, key: &str) -> Option<(&'a str, OptionKind)> {
    // SAFETY: the caller's promise; options live as long.
    let (declared, values) = unsafe { (&*(*init).declared, &*(*init).values) };
    let kind = declared.find(key).map_or(OptionKind::TEXT, |declared| declared.kind);
    values.resolve(declared, key).map(|text| (text, kind))
}

unsafe extern "C" fn option_text(init: *const CInit, key: CText, to: *mut CBytes) -> bool {
    // SAFETY: see above.
    unsafe {
        let Some((value, _)) = option(init, &text(key)) else { return false };
        to.write(lent(value.as_bytes()));
    }
    true
}

unsafe extern "C" fn option_number(init: *const CInit, key: CText, to: *mut i64) -> bool {
    // SAFETY: see above.
    let Some((value, kind)) = (unsafe { option(init, &text(key)) }) else { return false };
    #[allow(clippy::cast_possible_truncation, reason = "0 to 100")]
    let number = match kind {
        OptionKind::SIZE => parse_size(value).and_then(|bytes| i64::try_from(bytes).ok()),
        OptionKind::TIME => parse_time(value).and_then(|time| i64::try_from(time.as_secs()).ok()),
        OptionKind::BOOL => parse_bool(value).map(i64::from),
        OptionKind::PERCENT => parse_percent(value).map(|percent| percent as i64),
        _ => parse_int(value),
    };
    let Some(number) = number else { return false };
    // SAFETY: see above.
    unsafe { to.write(number) };
    true
}

unsafe extern "C" fn refuse(init: *const CInit, why: CText) {
    // SAFETY: see above.
    unsafe { *(*init).why.borrow_mut() = text(why) };
}

unsafe extern "C" fn init_node(init: *const CInit) -> *const Node {
    // SAFETY: see above.
    unsafe { (*init).node }
}

unsafe extern "C" fn dict_number(dict: *const Dict, key: CText, to: *mut i64) -> bool {
    // SAFETY: see above.
    unsafe {
        let Some(number) = (*dict).int(&text(key)) else { return false };
        to.write(number);
    }
    true
}

unsafe extern "C" fn dict_bytes(dict: *const Dict, key: CText, to: *mut CBytes) -> bool {
    // SAFETY: see above.
    unsafe {
        let Some(bytes) = (*dict).get(&text(key)).and_then(Value::as_bytes) else { return false };
        to.write(lent(bytes));
    }
    true
}

unsafe extern "C" fn dict_pair(dict: *const Dict, at: usize, key: *mut CBytes, to: *mut CBytes) -> bool {
    // SAFETY: see above.
    unsafe {
        let Some((found, value)) = (*dict).iter().nth(at) else { return false };
        key.write(lent(found.as_bytes()));
        to.write(lent(value.as_bytes().unwrap_or_default()));
    }
    true
}

unsafe extern "C" fn dict_set_number(dict: *mut Dict, key: CText, number: i64) {
    // SAFETY: see above.
    unsafe { (*dict).set(Key::from(text(key)), number) };
}

unsafe extern "C" fn dict_set_text(dict: *mut Dict, key: CText, value: CText) {
    // SAFETY: see above.
    unsafe { (*dict).set(Key::from(text(key)), text(value)) };
}

unsafe extern "C" fn dict_set_bytes(dict: *mut Dict, key: CText, data: *const u8, len: usize) {
    // SAFETY: see above.
    unsafe { (*dict).set(Key::from(text(key)), IoBuf::copy_from_slice(bytes(data, len))) };
}

unsafe extern "C" fn dict_remove(dict: *mut Dict, key: CText) -> bool {
    // SAFETY: see above.
    unsafe { (*dict).remove(&text(key)) }.is_some()
}

unsafe extern "C" fn dict_copy(from: *const Dict, to: *mut Dict) {
    // SAFETY: see above.
    unsafe { to.write((*from).clone()) };
}

unsafe extern "C" fn dict_drop(dict: *mut Dict) {
    // SAFETY: see above.
    drop(unsafe { dict.replace(Dict::new()) });
}

unsafe extern "C" fn buf_copy(data: *const u8, len: usize, to: *mut IoBuf) {
    // SAFETY: see above.
    unsafe { to.write(IoBuf::copy_from_slice(bytes(data, len))) };
}

/// Memory of a plugin's own.
struct Lent {
    data: *const u8,
    len: usize,
    owner: *mut (),
    free: CFree,
}

// SAFETY: the plugin promised that the bytes stay as they are until `free`, which any thread may call.
unsafe impl Send for Lent {}
// SAFETY: as above.
unsafe impl Sync for Lent {}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: as above.
        unsafe { bytes(self.data, self.len) }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // SAFETY: nobody uses the bytes any more; called once.
        unsafe { (self.free.0)(self.owner) };
    }
}

unsafe extern "C" fn buf_lend(data: *const u8, len: usize, owner: *mut (), free: CFree, to: *mut IoBuf) {
    // SAFETY: see above.
    unsafe { to.write(IoBuf::from_owner(Lent { data, len, owner, free })) };
}

unsafe extern "C" fn buf_part(from: *const IoBuf, offset: usize, len: usize, to: *mut IoBuf) -> bool {
    // SAFETY: see above.
    unsafe {
        let from = &*from;
        let Some(end) = offset.checked_add(len).filter(|end| *end <= from.len()) else { return false };
        to.write(from.slice(offset..end));
    }
    true
}

unsafe extern "C" fn buf_drop(buf: *mut IoBuf) {
    // SAFETY: see above.
    drop(unsafe { buf.replace(IoBuf::new()) });
}

unsafe extern "C" fn payload_len(payload: *const Payload) -> usize {
    // SAFETY: see above.
    unsafe { &*payload }.len()
}

unsafe extern "C" fn payload_part(payload: *const Payload, at: usize, to: *mut CBytes) -> bool {
    // SAFETY: see above.
    unsafe {
        let Some(buffer) = (*payload).buffers().nth(at) else { return false };
        to.write(lent(buffer));
    }
    true
}

unsafe extern "C" fn payload_flat(payload: *const Payload, to: *mut IoBuf) {
    // SAFETY: see above.
    unsafe { to.write((*payload).to_iobuf()) };
}

unsafe extern "C" fn payload_set(payload: *mut Payload, buf: *mut IoBuf) {
    // SAFETY: see above.
    unsafe { *payload = buf.replace(IoBuf::new()).into() };
}

unsafe extern "C" fn inode_gfid(inode: *const Inode, to: *mut Gfid) {
    // SAFETY: see above.
    unsafe { to.write((*inode).gfid()) };
}

unsafe extern "C" fn inode_type(inode: *const Inode) -> u8 {
    // SAFETY: see above.
    unsafe { &*inode }.file_type() as u8
}

unsafe extern "C" fn fd_inode(fd: *const Fd) -> *const Inode {
    // SAFETY: see above.
    unsafe { &*fd }.inode()
}

unsafe extern "C" fn fd_flags(fd: *const Fd) -> i32 {
    // SAFETY: see above.
    unsafe { &*fd }.flags()
}

unsafe extern "C" fn client_uid(client: *const Client, to: *mut CBytes) {
    // SAFETY: see above.
    unsafe { to.write(lent((*client).uid().as_bytes())) };
}

unsafe extern "C" fn ctx_get(holder: *const (), node: *const Node, retain: CCount) -> *const () {
    // SAFETY: see above; each of the three handles is one object pointer, and what is asked of it here no body is read for.
    unsafe { (*holder.cast::<Object<()>>()).raw_ctx(CtxKey((*node).id), RetainFn(retain.0)) }
}

unsafe extern "C" fn ctx_put(
    holder: *const (),
    node: *const Node,
    value: *const (),
    release: CCount,
    only_if_empty: bool,
) -> *const () {
    // SAFETY: as above.
    unsafe { (*holder.cast::<Object<()>>()).raw_ctx_put(CtxKey((*node).id), value, release.0, only_if_empty) }
}

unsafe extern "C" fn wind(
    node: *const Node,
    child: usize,
    frame: *const FrameHead,
    waker: *const WakerHeader,
    fop: u32,
    args: *mut (),
    out: *mut (),
    later: *mut RawFuture,
) -> u8 {
    // SAFETY: see above.
    let (from, head) = unsafe { (&*node, &*frame) };
    let mut code = UNKNOWN;
    if let Some(route) = from.link(child).route(fop) {
        head.set_current(route.node);
        // SAFETY: the route is one for this fop, and the caller passes what an entry takes.
        code = unsafe { (route.entry.0)(route.node.cast(), frame.cast(), waker, args, out, later) };
        head.set_current(node);
    }
    let number = match code {
        UNKNOWN => libc::EOPNOTSUPP,
        DOWN => libc::ENOTCONN,
        code => return code,
    };
    // SAFETY: see above; what was not taken is given up here, so that `args` is moved whatever the answer.
    unsafe {
        fops::args_drop(fop, args);
        fops::answer_error(out, number)
    }
}

unsafe extern "C" fn notify(node: *const Node, direction: Direction, event: *const Event) {
    // SAFETY: see above.
    unsafe { host().notify()(node.cast(), direction, &*event) };
}

unsafe extern "C" fn spawn(task: *mut RawFuture) {
    // SAFETY: see above; the future is moved.
    unsafe { host().spawn()(task.read()) };
}

unsafe extern "C" fn spawn_blocking(task: *mut RawFuture) {
    // SAFETY: as above.
    unsafe { host().spawn_blocking()(task.read()) };
}

unsafe extern "C" fn sleep(nanos: u64, to: *mut RawFuture) {
    // SAFETY: see above.
    unsafe { to.write(host().sleep()(nanos)) };
}
