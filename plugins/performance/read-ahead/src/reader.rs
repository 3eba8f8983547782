//! How one descriptor is read: where it goes on, and what was asked for ahead of it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gluster_cache::Moment;

use crate::file::File;
use crate::options::Settings;
use crate::page::Page;

/// See above.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) file: Arc<File>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Where the next read is expected.
    expected: u64,
    /// How many pages are to be ahead.
    window: u64,
    /// By where they start; all of one length.
    pages: BTreeMap<u64, Arc<Page>>,
    len: u64,
    /// Where the file ends, as far as one knows.
    end: Option<u64>,
}

/// How a read is answered.
#[derive(Debug)]
pub(crate) enum Plan {
    /// By the child; nothing follows it.
    Alone,
    /// By the child, and pages are to follow it.
    First,
    /// From these pages.
    From(Vec<Arc<Page>>),
}

impl Reader {
    pub(crate) fn new(file: Arc<File>) -> Self {
        Self { file, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How a read of these bytes is answered, and the pages that are to be asked for by now. What was asked for up to
    /// `since` does not count any more.
    pub(crate) fn plan(
        &self,
        read: Range<u64>,
        since: Moment,
        settings: &Settings,
    ) -> (Plan, Vec<Arc<Page>>) {
        let mut state = self.state();
        let Range { start: offset, end } = read;
        let len = end - offset;
        state.len = settings.page;
        state.pages.retain(|_, page| page.began > since && page.len == settings.page);
        let reach = len.saturating_mul(settings.count);
        let follows = offset.abs_diff(state.expected) <= reach && len <= settings.page * settings.count;
        if !follows {
            *state = State { expected: end, len: state.len, ..State::default() };
            return (Plan::Alone, Vec::new());
        }
        state.expected = state.expected.max(end);
        if state.pages.is_empty() {
            return (Plan::First, Vec::new());
        }
        let mut next = Vec::new();
        let first = offset - offset % state.len;
        let needs: Vec<_> = (first..end)
            .step_by(usize::try_from(state.len).unwrap_or(usize::MAX))
            .map(|start| state.page(start, &mut next))
            .collect();
        if needs.iter().any(|page| page.end() <= end) {
            state.grow(settings);
        }
        // What was read to its end is not read again.
        let behind = state.expected.saturating_sub(reach.max(settings.page * settings.count));
        state.pages.retain(|_, page| page.end() > behind && !(page.start >= first && page.end() <= end));
        state.reach_out(&mut next);
        (Plan::From(needs), next)
    }

    /// The child has answered a read that something follows: the pages that are to be asked for.
    pub(crate) fn follow(&self, reached: u64, at_end: bool, settings: &Settings) -> Vec<Arc<Page>> {
        let mut state = self.state();
        state.end = at_end.then_some(reached);
        let mut next = Vec::new();
        if !at_end && state.len == settings.page {
            state.grow(settings);
            state.reach_out(&mut next);
        }
        next
    }

    /// The file ends there.
    pub(crate) fn ends(&self, end: u64) {
        self.state().end = Some(end);
    }

    /// Nothing is ahead any more.
    pub(crate) fn drop_pages(&self) {
        self.state().pages.clear();
    }
}

impl State {
    fn grow(&mut self, settings: &Settings) {
        self.window = (self.window * 2).clamp(1, settings.count);
    }

    /// The page that starts there; asked for next, where it was not yet.
    fn page(&mut self, start: u64, next: &mut Vec<Arc<Page>>) -> Arc<Page> {
        let len = self.len;
        let make = || {
            let page = Arc::new(Page::new(start, len));
            next.push(page.clone());
            page
        };
        self.pages.entry(start).or_insert_with(make).clone()
    }

    /// Has the window be full.
    fn reach_out(&mut self, next: &mut Vec<Arc<Page>>) {
        let first = self.expected - self.expected % self.len;
        for n in 0..self.window {
            let start = first.saturating_add(n * self.len);
            if self.end.is_some_and(|end| start >= end) || start.checked_add(self.len).is_none() {
                return;
            }
            self.page(start, next);
        }
    }
}
