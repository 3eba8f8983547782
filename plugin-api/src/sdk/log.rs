//! Log records of a plugin, handed to the host: a plugin's own copy of a logger has no listener.

use abi_stable::std_types::RStr;

use crate::abi::host::try_host;

/// How much a record matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Someone must act.
    Error = 1,
    /// Degraded, coping.
    Warn = 2,
    /// What an operator greps for.
    Info = 3,
    /// Control path.
    Debug = 4,
    /// Data path.
    Trace = 5,
}

/// Whether anybody listens to records of this level for `target`.
#[must_use]
pub fn enabled(level: Level, target: &str) -> bool {
    try_host().is_some_and(|host| level as u8 <= host.log_level()(RStr::from(target)))
}

/// Hands a record to the host; `xlator` may be empty.
pub fn record(level: Level, target: &str, xlator: &str, message: &str) {
    if let Some(host) = try_host() {
        host.log()(level as u8, RStr::from(target), RStr::from(xlator), RStr::from(message));
    }
}

/// Sends panics to the host's log, once for each library, instead of to standard error.
pub(super) fn install() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
        let cause = super::entry::panic_message(info.payload());
        record(Level::Error, "panic", "", &format!("plugin panicked [{{at={place}}}, {{message={cause}}}]"));
    }));
}

/// Writes a log record: `log!(Level, "fixed sentence", field = value, …)`, with `xl: name` in front for a translator's.
///
/// Fields print as the incumbent prints them: `[{field=value}, …]`.
#[macro_export]
macro_rules! log {
    ($level:ident, xl: $xl:expr, $message:expr $(, $field:ident = $value:expr)* $(,)?) => {{
        let level = $crate::log::Level::$level;
        if $crate::log::enabled(level, module_path!()) {
            #[allow(unused_mut, reason = "a record without fields adds nothing")]
            let mut message = ::std::string::String::from($message);
            $(
                message.push_str(if message.ends_with('}') { ", {" } else { " [{" });
                message.push_str(concat!(stringify!($field), "="));
                message.push_str(&::std::format!("{}", $value));
                message.push('}');
            )*
            if message.ends_with('}') {
                message.push(']');
            }
            $crate::log::record(level, module_path!(), ::std::convert::AsRef::<str>::as_ref(&$xl), &message);
        }
    }};
    ($level:ident, $message:expr $(, $field:ident = $value:expr)* $(,)?) => {
        $crate::log!($level, xl: "", $message $(, $field = $value)*)
    };
}
