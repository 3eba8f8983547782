//! News: what happened elsewhere and has to be acted on, each thing once however often it happened.
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Item {
    /// Somebody ordered the end of the process.
    Terminate = 1,
    /// No volfile server of the list answers, and none did before.
    GaveUp = 2,
    /// A connection to a volfile server is up.
    Connected = 4,
    /// The volfile server has a new volfile.
    Fetch = 8,
    /// Somebody wants a statedump.
    Statedump = 16,
}

const ALL: [Item; 5] = [Item::Terminate, Item::GaveUp, Item::Connected, Item::Fetch, Item::Statedump];

/// A set of items that waits to be taken; one taker, any number of tellers.
#[derive(Debug, Default)]
pub struct News {
    items: AtomicU8,
    told: Notify,
}

impl News {
    /// Something happened.
    pub fn tell(&self, item: Item) {
        self.items.fetch_or(item as u8, Ordering::AcqRel);
        self.told.notify_one();
    }

    /// Waits for the next item. Nothing is lost when the wait is given up.
    pub async fn next(&self) -> Item {
        loop {
            let items = self.items.load(Ordering::Acquire);
            if let Some(item) = ALL.into_iter().find(|item| items & *item as u8 != 0) {
                self.items.fetch_and(!(item as u8), Ordering::AcqRel);
                return item;
            }
            self.told.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_happened_twice_is_taken_once_and_the_urgent_comes_first() {
        let news = News::default();
        news.tell(Item::Fetch);
        news.tell(Item::Fetch);
        news.tell(Item::Terminate);
        assert_eq!(news.next().await, Item::Terminate);
        assert_eq!(news.next().await, Item::Fetch);
        let nothing = tokio::time::timeout(std::time::Duration::from_millis(1), news.next()).await;
        assert!(nothing.is_err());
    }
}
