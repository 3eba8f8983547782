//! Listening: the transports that the options ask for, and where they listen.

use gluster_rpc::Service;
use plugin_api::transport::{Listener, TransportModuleRef};
use plugin_api::{Dict, InitCx, InitError, log, open};

/// The listeners of a server.
#[derive(Debug)]
pub(crate) struct Listening {
    listeners: Vec<Listener>,
}

impl Listening {
    /// Listens on every transport of `transport-type`.
    ///
    /// # Errors
    /// A transport that cannot be loaded, or cannot listen: why.
    pub(crate) fn start(cx: &InitCx<'_>, service: &Service) -> Result<Self, InitError> {
        let mut this = Self { listeners: Vec::new() };
        for kind in cx.text("transport-type")?.split(',').map(str::trim).filter(|kind| !kind.is_empty()) {
            let listener = load(kind)?.listen_on(&settings(cx, kind), service.acceptor());
            // What listens already stops when this is dropped.
            let listener =
                listener.map_err(|why| InitError(format!("{} cannot listen: {why}", cx.name())))?;
            log!(Info, xl: cx.name(), "listening", at = listener.address());
            this.listeners.push(listener);
        }
        if this.listeners.is_empty() {
            return Err(InitError(format!("option `transport-type` of {} names no transport", cx.name())));
        }
        Ok(this)
    }

    /// The first TCP port.
    pub(crate) fn port(&self) -> Option<u16> {
        self.listeners.iter().find_map(|listener| port_of(listener.address().as_str()))
    }

    /// `data` with the port in it, as `listen-port`.
    pub(crate) fn described(&self, data: &Dict) -> Dict {
        match self.port() {
            Some(port) => data.clone().with("listen-port", u32::from(port)),
            None => data.clone(),
        }
    }

    /// Lines for a statedump.
    pub(crate) fn dump(&self, out: &mut String) {
        for (index, listener) in self.listeners.iter().enumerate() {
            out.push_str(&format!("listener{index}.address={}\n", listener.address()));
        }
    }

    /// Stops listening.
    pub(crate) fn stop(&self) {
        self.listeners.iter().for_each(|listener| listener.close());
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop();
    }
}

fn load(kind: &str) -> Result<TransportModuleRef, InitError> {
    let plugin = match kind {
        "tcp" | "socket" | "unix" => "socket",
        other => other,
    };
    open::transport(plugin).map_err(|why| InitError(format!("transport `{kind}`: {why}")))
}

/// What the transport is told: the options, but for those that are secrets of authenticators.
fn settings(cx: &InitCx<'_>, kind: &str) -> Dict {
    let mut dict: Dict = cx
        .values()
        .iter()
        .filter(|(key, _)| !key.starts_with("auth."))
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    dict.set("transport.socket.listen-port", cx.find("transport.socket.listen-port").unwrap_or("0"));
    if kind == "unix" {
        dict.set("transport.address-family", "unix");
    }
    dict
}

fn port_of(address: &str) -> Option<u16> {
    if address.starts_with('/') {
        return None;
    }
    address.rsplit_once(':')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_what_stands_behind_the_last_colon() {
        assert_eq!(port_of("0.0.0.0:49152"), Some(49152));
        assert_eq!(port_of("[::]:24007"), Some(24007));
        assert_eq!(port_of("/run/gluster/a:1.socket"), None);
    }
}
