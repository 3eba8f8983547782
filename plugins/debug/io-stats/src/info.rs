//! Answers to `volume profile` and `volume top`: the counters as pairs of a dict.

use std::time::Instant;

use plugin_api::{Dict, Errno, IoBuf, Value};

use crate::IoStats;
use crate::profile::Report;
use crate::speed::{Trial, Way};
use crate::top::{LONGEST, Line, Rank};

/// `op` of a request: the profile, or a top list.
const PROFILE: i64 = 3;
const TOP: i64 = 4;

/// `top-op` of the lists that a measurement may go with.
const READ_SPEED: i64 = 6;
const WRITE_SPEED: i64 = 7;

/// `info-op` of a profile request.
const ALL: i64 = 1;
const INCREMENTAL: i64 = 2;
const CUMULATIVE: i64 = 3;
const CLEAR: i64 = 4;

const MEBI: f64 = 1024.0 * 1024.0;

impl IoStats {
    /// Answers a management request for this translator, keys as the brick sends them.
    ///
    /// # Errors
    /// `EINVAL` when the request asks for nothing this translator has.
    pub fn info(&self, request: &Dict) -> Result<Dict, Errno> {
        match request.int("op") {
            Some(PROFILE) => self.profile_info(request),
            Some(TOP) => self.top_info(request),
            _ => Err(Errno::EINVAL),
        }
    }

    /// The measurement that a request asks for beside the list.
    ///
    /// # Errors
    /// `EINVAL` when it would move too much.
    pub fn trial(&self, request: &Dict) -> Result<Option<Trial>, Errno> {
        let way = match (request.int("op"), request.int("top-op")) {
            (Some(TOP), Some(READ_SPEED)) => Way::Read,
            (Some(TOP), Some(WRITE_SPEED)) => Way::Write,
            _ => return Ok(None),
        };
        Trial::asked(way, request)
    }

    fn profile_info(&self, request: &Dict) -> Result<Dict, Errno> {
        let what = request.int("info-op").unwrap_or(ALL);
        let peek = request.int("peek").unwrap_or(0) != 0;
        let now = Instant::now();
        let mut answer = Dict::new();
        if what == CLEAR {
            self.profile.clear(now);
            self.files.clear();
            answer.push("stats-cleared", 1);
        }
        if matches!(what, ALL | CUMULATIVE) {
            answer.push("cumulative", -1);
            add_report(&mut answer, &self.profile.cumulative(now));
        }
        if matches!(what, ALL | INCREMENTAL) {
            let report = self.profile.interval(now, peek);
            answer.push("interval", report.interval);
            add_report(&mut answer, &report);
        }
        if !(ALL..=CLEAR).contains(&what) {
            return Err(Errno::EINVAL);
        }
        answer.push("info-op", what);
        Ok(answer)
    }

    fn top_info(&self, request: &Dict) -> Result<Dict, Errno> {
        let what = request.int("top-op").unwrap_or(0);
        let mut answer = Dict::new().with("top-op", what);
        let rank = match what {
            0 => {
                self.files.clear();
                return Ok(answer.with("stats-cleared", 1));
            }
            1 => Rank::Open,
            2 => Rank::Read,
            3 => Rank::Write,
            4 => Rank::Opendir,
            5 => Rank::Readdir,
            READ_SPEED => Rank::ReadSpeed,
            WRITE_SPEED => Rank::WriteSpeed,
            _ => return Err(Errno::EINVAL),
        };
        let length = request.uint("list-cnt").and_then(|n| usize::try_from(n).ok()).unwrap_or(LONGEST);
        let lines = self.files.top(rank, length);
        if rank == Rank::Open {
            let opens = self.opens.numbers();
            answer.push("current-open", opens.current);
            answer.push("max-open", opens.most);
            answer.push("max-openfd-time", crate::date::utc(opens.most_at));
        }
        let speeds = matches!(rank, Rank::ReadSpeed | Rank::WriteSpeed);
        answer.push("members", i64::try_from(lines.len()).unwrap_or(0));
        for (at, line) in lines.iter().enumerate() {
            add_line(&mut answer, at + 1, line, speeds);
        }
        Ok(answer)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a speed shown to people")]
fn add_line(answer: &mut Dict, at: usize, line: &Line, speed: bool) {
    answer.push(format!("filename-{at}"), Value::Str(IoBuf::from(line.path.to_vec())));
    if speed {
        answer.push(format!("value-{at}"), line.value as f64 / MEBI);
        answer.push(format!("time-sec-{at}"), line.at.as_secs());
        answer.push(format!("time-usec-{at}"), u64::from(line.at.subsec_micros()));
    } else {
        answer.push(format!("value-{at}"), line.value);
    }
}

#[expect(clippy::cast_precision_loss, reason = "latencies shown to people")]
fn add_report(answer: &mut Dict, report: &Report) {
    let p = report.interval;
    let sums = &report.sums;
    answer.push(format!("{p}-duration"), report.duration.as_secs());
    answer.push(format!("{p}-total-read"), sums.reads.bytes);
    answer.push(format!("{p}-total-write"), sums.writes.bytes);
    for (way, sizes) in [("read", &sums.reads.sizes), ("write", &sums.writes.sizes)] {
        for (class, count) in sizes.iter().enumerate().filter(|(_, count)| **count > 0) {
            answer.push(format!("{p}-{way}-{}", 1_u64 << class), *count);
        }
    }
    for (fop, sums) in sums.fops.iter().enumerate().filter(|(_, sums)| sums.hits > 0) {
        answer.push(format!("{p}-{fop}-hits"), sums.hits);
        if let Some(mean) = sums.mean() {
            answer.push(format!("{p}-{fop}-avglatency"), mean);
            answer.push(format!("{p}-{fop}-minlatency"), sums.min as f64);
            answer.push(format!("{p}-{fop}-maxlatency"), sums.max as f64);
        }
    }
    for (kind, hits) in sums.upcalls.iter().enumerate().filter(|(_, hits)| **hits > 0) {
        answer.push(format!("{p}-{kind}-upcall-hits"), *hits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(stats: &IoStats, pairs: &[(&'static str, i64)]) -> Dict {
        stats.info(&pairs.iter().copied().collect()).unwrap()
    }

    #[test]
    fn a_profile_has_totals_and_an_interval_that_ends() {
        let stats = IoStats::default();
        stats.profile.counters.fop(27, Some(2000));
        stats.profile.counters.write(4096);
        let all = ask(&stats, &[("op", PROFILE), ("info-op", ALL)]);
        assert_eq!(
            (all.int("cumulative"), all.int("interval"), all.int("info-op")),
            (Some(-1), Some(0), Some(1))
        );
        assert_eq!((all.uint("-1-27-hits"), all.uint("0-27-hits")), (Some(1), Some(1)));
        assert_eq!(all.get("-1-27-avglatency"), Some(&Value::Double(2000.0)));
        assert_eq!((all.uint("-1-total-write"), all.uint("-1-write-4096")), (Some(4096), Some(1)));
        let next = ask(&stats, &[("op", PROFILE), ("info-op", INCREMENTAL)]);
        assert_eq!(
            (next.int("interval"), next.get("1-27-hits"), next.get("cumulative")),
            (Some(1), None, None)
        );
    }

    #[test]
    fn a_cleared_profile_says_so_and_is_empty() {
        let stats = IoStats::default();
        stats.profile.counters.fop(27, None);
        let cleared = ask(&stats, &[("op", PROFILE), ("info-op", CLEAR)]);
        assert_eq!(cleared.int("stats-cleared"), Some(1));
        assert_eq!(ask(&stats, &[("op", PROFILE), ("info-op", CUMULATIVE)]).get("-1-27-hits"), None);
    }

    #[test]
    fn a_top_list_is_as_long_as_asked() {
        let stats = IoStats::default();
        let (a, b) = (stats.files.track(b"/a"), stats.files.track(b"/b"));
        a.count(Rank::Read);
        b.count(Rank::Read);
        b.count(Rank::Read);
        let list = ask(&stats, &[("op", TOP), ("top-op", 2), ("list-cnt", 1)]);
        assert_eq!(
            (list.int("members"), list.str("filename-1"), list.uint("value-1")),
            (Some(1), Some("/b"), Some(2))
        );
        assert_eq!(ask(&stats, &[("op", TOP), ("top-op", 1)]).uint("current-open"), Some(0));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let stats = IoStats::default();
        assert_eq!(stats.info(&Dict::new()), Err(Errno::EINVAL));
        assert_eq!(stats.info(&Dict::new().with("op", TOP).with("top-op", 9)), Err(Errno::EINVAL));
    }
}
