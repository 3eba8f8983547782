//! How long fops of each kind took: counts in powers of two of a microsecond.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use plugin_api::fop::{FOPS, name};

/// The last bucket holds all that took longer than four seconds.
const BUCKETS: usize = 24;

/// One row of buckets for each fop.
#[derive(Debug)]
pub(crate) struct Histograms([[AtomicU64; BUCKETS]; FOPS as usize]);

impl Default for Histograms {
    fn default() -> Self {
        Self([const { [const { AtomicU64::new(0) }; BUCKETS] }; FOPS as usize])
    }
}

impl Histograms {
    /// Counts one fop.
    pub(crate) fn add(&self, fop: usize, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = (u64::BITS - micros.leading_zeros()) as usize;
        self.0[fop][bucket.min(BUCKETS - 1)].fetch_add(1, Relaxed);
    }

    /// One line for each kind that came: `writev=3 <2us:1 <16us:2`.
    pub(crate) fn dump(&self, out: &mut String) {
        for (code, row) in (0..FOPS).zip(&self.0) {
            let counts = row.each_ref().map(|count| count.load(Relaxed));
            let total: u64 = counts.iter().sum();
            if total == 0 {
                continue;
            }
            out.push_str(&format!("{}={total}", name(code).unwrap_or_default()));
            for (bucket, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                out.push_str(&format!(" <{}us:{count}", 1_u64 << bucket));
            }
            out.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_about_as_long_is_counted_together() {
        let times = Histograms::default();
        [0, 3, 2, 1 << 40].into_iter().for_each(|micros| times.add(13, Duration::from_micros(micros)));
        let mut out = String::new();
        times.dump(&mut out);
        assert_eq!(out, "writev=4 <1us:1 <4us:2 <8388608us:1\n");
    }
}
