//! What keeps a client going: it connects and connects again, ends calls whose time is over, and pings.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use gluster_xdr::dump::{DUMP, DumpProc};
use gluster_xdr::rpc::Caller;
use plugin_api::transport::HandlerImpl;
use plugin_api::{Errno, Payload, log, rt};

use super::{Client, Inner, Receive};

/// How often calls are looked at whose time may be over.
const SWEEP: Duration = Duration::from_secs(10);

/// Connects, waits for the end of the connection, and starts over. Ends with the client.
pub(super) async fn keep(inner: Arc<Inner>) {
    while !inner.is_stopped() {
        connect(&inner).await;
        inner.until(|link| link.connection.is_none().then_some(())).await;
        let Some(pause) = inner.settings.reconnect else { return };
        // Cut short when somebody hurries; the sleep that is dropped then leaves nothing behind.
        rt::timeout(
            pause,
            inner.until(|link| {
                let wanted = std::mem::take(&mut link.hurry) || inner.is_stopped();
                wanted.then_some(())
            }),
        )
        .await;
    }
}

async fn connect(inner: &Arc<Inner>) {
    // Nobody else counts attempts.
    let (options, generation) = {
        let link = inner.link();
        (link.options.clone(), link.attempts + 1)
    };
    let receive = Arc::new(Receive { client: inner.clone(), generation, closed: AtomicBool::new(false) });
    let connecting = inner.transport.connect_to(&options, receive.clone().share());
    // One that takes too long leaves nothing behind: its socket is closed with it.
    let connected =
        rt::timeout(inner.settings.connect_timeout, connecting).await.unwrap_or(Err(Errno::ETIMEDOUT));
    let client = Client::borrowed(inner, generation);
    match connected {
        Ok(connection) if inner.is_stopped() => connection.close(),
        Ok(connection) => {
            let peer = connection.info().peer;
            log!(Debug, "connected", client = inner.settings.name, peer = peer);
            let is_up = inner.change(|link| {
                link.attempts = generation;
                let is_up = !receive.closed.load(Ordering::Acquire);
                link.connection = is_up.then_some(connection);
                is_up
            });
            if is_up {
                inner.events.connected(&client);
            }
        }
        Err(errno) => {
            log!(Debug, "no connection", client = inner.settings.name, errno = errno);
            inner.change(|link| {
                link.attempts = generation;
                link.last_error = Some(errno);
            });
            inner.events.unreachable(&client, errno);
        }
    }
}

/// Ends calls whose time is over, and pings while calls are out.
pub(super) async fn watch(inner: Weak<Inner>) {
    let mut pinged_at = None;
    loop {
        let tick = {
            let Some(inner) = inner.upgrade().filter(|inner| !inner.is_stopped()) else { return };
            let ping = Some(inner.settings.ping_timeout).filter(|timeout| !timeout.is_zero());
            let overdue = inner.settings.frame_timeout / 4;
            SWEEP.min(overdue).min(ping.unwrap_or(SWEEP)).max(Duration::from_millis(10))
        };
        rt::sleep(tick).await;
        let Some(inner) = inner.upgrade() else { return };
        inner.calls.fail_overdue(Instant::now());
        if !inner.settings.ping_timeout.is_zero() {
            pinged_at = ping(&inner, pinged_at);
        }
    }
}

/// Sends a ping when calls are out, and gives the connection up when nothing moved since the last one.
fn ping(inner: &Arc<Inner>, pinged_at: Option<u64>) -> Option<u64> {
    let client = Client::borrowed(inner, inner.link().attempts);
    let now = inner.traffic.now();
    let limit = u64::try_from(inner.settings.ping_timeout.as_millis()).unwrap_or(u64::MAX);
    if !client.is_connected() || inner.calls.waiting() == 0 {
        return None;
    }
    if let Some(pinged_at) = pinged_at {
        if now.saturating_sub(pinged_at) < limit {
            return Some(pinged_at);
        }
        let moved = |at: &std::sync::atomic::AtomicU64| at.load(Ordering::Relaxed) > pinged_at;
        if !moved(&inner.traffic.received) && !moved(&inner.traffic.sent) {
            log!(Warn, "server does not answer a ping", client = inner.settings.name, seconds = limit / 1000);
            client.disconnect();
            return None;
        }
    }
    let caller = Caller::V2(&inner.settings.credential);
    let reply = client.start(DUMP, DumpProc::Ping.number(), caller, |_| {}, Payload::default());
    rt::spawn(async move { drop(reply.await) });
    Some(inner.traffic.now())
}
