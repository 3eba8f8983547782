//! How far local time is ahead of UTC.
#![allow(unsafe_code, reason = "only libc reads the machine's time zone")]
use std::mem::MaybeUninit;

/// Seconds that local time is ahead of UTC at `seconds` after 1970; 0 when the machine cannot tell.
pub fn local_offset(seconds: i64) -> i64 {
    let mut parts = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid for the call, and all-zero bytes are a valid `tm`, so `parts` is initialised
    // whether or not localtime_r fills it. It reads TZ, which nothing in this process changes.
    let parts = unsafe {
        if libc::localtime_r(&seconds, parts.as_mut_ptr()).is_null() {
            return 0;
        }
        parts.assume_init()
    };
    parts.tm_gmtoff
}
