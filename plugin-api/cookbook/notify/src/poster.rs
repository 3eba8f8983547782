//! The task that posts what waits in the queue, several events at once, and tries again when that fails.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use plugin_api::{InitError, Stopping, log};
use serde_json::Value as Json;
use tokio::sync::mpsc::Receiver;
use tokio::time::{sleep, timeout};

use crate::outbox::Counts;

/// The most events in one post.
const BATCH: usize = 64;
/// A server that takes longer has not answered.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// The first wait before another attempt, and the longest.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(30));

/// Posts arrays of events.
#[derive(Debug)]
pub(crate) struct Poster {
    client: Client<HttpConnector, Full<Bytes>>,
    url: Uri,
    tries: u32,
    events: Receiver<Json>,
    counts: Arc<Counts>,
    xlator: String,
}

impl Poster {
    /// One that posts `events` to `url`.
    pub(crate) fn new(
        url: &str,
        tries: u32,
        events: Receiver<Json>,
        counts: Arc<Counts>,
        xlator: &str,
    ) -> Result<Self, InitError> {
        let wrong = |why: &str| InitError(format!("option `url` of {xlator} is `{url}`: {why}"));
        let uri: Uri = url.parse().map_err(|error| wrong(&format!("{error}")))?;
        match uri.scheme_str() {
            Some("http") => {}
            _ => return Err(wrong("expected http://host:port/path; for https put a proxy on this machine")),
        }
        let client = Client::builder(TokioExecutor::new()).build_http();
        Ok(Self { client, url: uri, tries, events, counts, xlator: xlator.to_owned() })
    }

    /// Posts until it is told to stop; then what waits is tried once more.
    pub(crate) async fn run(mut self, mut stopping: Stopping) {
        let mut batch = Vec::new();
        while !stopping.is_asked() {
            // The branch that is dropped leaves all events in the queue.
            tokio::select! {
                _ = stopping.wait() => {}
                _ = self.events.recv_many(&mut batch, BATCH) => self.deliver(&mut batch, &mut stopping).await,
            }
        }
        self.events.close();
        while self.events.recv_many(&mut batch, BATCH).await > 0 {
            self.deliver(&mut batch, &mut stopping).await;
        }
    }

    /// Posts a batch until it is taken, waiting longer each time; gives it up after so many tries.
    async fn deliver(&self, batch: &mut Vec<Json>, stopping: &mut Stopping) {
        let (mut wait, longest) = BACK_OFF;
        let count = batch.len() as u64;
        let body = Bytes::from(Json::Array(std::mem::take(batch)).to_string());
        for attempt in 1..=self.tries {
            let last = stopping.is_asked();
            let Err(why) = self.post(body.clone()).await else {
                self.counts.posted.fetch_add(count, Relaxed);
                return;
            };
            if attempt == 1 {
                log!(Warn, xl: self.xlator, "events were not taken", url = self.url, cause = why);
            }
            if last {
                break;
            }
            // Either branch may be dropped: neither holds anything.
            tokio::select! {
                () = sleep(wait) => wait = (wait * 2).min(longest),
                () = stopping.wait() => {}
            }
        }
        self.counts.given_up.fetch_add(count, Relaxed);
        log!(Error, xl: self.xlator, "events were given up", url = self.url, count = count);
    }

    /// One attempt; why it failed, in words.
    async fn post(&self, body: Bytes) -> Result<(), String> {
        let request = Request::post(&self.url)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| error.to_string())?;
        match timeout(PATIENCE, self.client.request(request)).await {
            Err(_) => Err(format!("no answer within {PATIENCE:?}")),
            Ok(Err(error)) => Err(error.to_string()),
            Ok(Ok(answer)) if answer.status().is_success() => Ok(()),
            Ok(Ok(answer)) => Err(format!("the server says {}", answer.status())),
        }
    }
}
