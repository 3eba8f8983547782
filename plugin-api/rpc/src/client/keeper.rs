//! What keeps a client going: it connects and connects again, ends calls whose time is over, and pings.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use gluster_xdr::dump::{DUMP, DumpProc};
use gluster_xdr::rpc::Caller;
use plugin_api::transport::HandlerImpl;
use plugin_api::{Errno, Payload, log, rt};

use super::{Client, Inner, NO_PING, Receive};

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

/// Ends calls whose time is over, and looks after the ping.
pub(super) async fn watch(inner: Weak<Inner>) {
    loop {
        let pause = {
            let Some(inner) = inner.upgrade().filter(|inner| !inner.is_stopped()) else { return };
            let longest = SWEEP.min(inner.limits.frame() / 4).min(inner.limits.ping().unwrap_or(SWEEP));
            // To the moment: a call waits no longer than it must for a server that is gone.
            longest.min(inner.ping_due().unwrap_or(longest)).max(Duration::from_millis(10))
        };
        rt::sleep(pause).await;
        let Some(inner) = inner.upgrade() else { return };
        inner.calls.fail_overdue(Instant::now());
        if inner.ping_due().is_some_and(|due| due.is_zero()) {
            judge(&inner);
        }
    }
}

/// The time of a ping is over: the connection is given up when nothing moved since, and pinged again while calls are out.
fn judge(inner: &Arc<Inner>) {
    let pinged_at = inner.traffic.pinged.swap(NO_PING, Ordering::AcqRel);
    let client = Client::borrowed(inner, inner.link().attempts);
    if !client.is_connected() || inner.calls.waiting() == 0 || inner.limits.ping().is_none() {
        return;
    }
    // The answer may come within the microsecond.
    let received = inner.traffic.received.load(Ordering::Relaxed) >= pinged_at;
    if received || inner.traffic.sent.load(Ordering::Relaxed) > pinged_at {
        return client.ping();
    }
    let seconds = inner.limits.ping().unwrap_or_default().as_secs();
    log!(Warn, "server does not answer a ping", client = inner.settings.name, seconds = seconds);
    client.disconnect();
}

impl Inner {
    /// How long until the ping that is out is looked at; `None` while none is.
    fn ping_due(&self) -> Option<Duration> {
        let pinged_at = self.traffic.pinged.load(Ordering::Acquire);
        let since = Duration::from_micros(self.traffic.now().saturating_sub(pinged_at));
        (pinged_at != NO_PING).then(|| self.limits.ping().unwrap_or_default().saturating_sub(since))
    }
}

impl Client {
    /// Pings unless a ping is out, or none is wanted. The first call after a pause brings one along.
    pub(super) fn ping(&self) {
        let Self(inner, ..) = self;
        let now = inner.traffic.now();
        let pinged = &inner.traffic.pinged;
        if inner.limits.ping().is_none()
            || pinged.load(Ordering::Relaxed) != NO_PING
            || pinged.compare_exchange(NO_PING, now, Ordering::AcqRel, Ordering::Relaxed).is_err()
        {
            return;
        }
        let caller = Caller::V2(&inner.settings.credential);
        // That something comes back is enough; what, nobody asks.
        let connection = inner.link().connection.clone();
        let ping = DumpProc::Ping.number();
        drop(self.start_on(connection, DUMP, ping, caller, |_| {}, Payload::default()));
    }
}
