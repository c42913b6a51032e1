//! How long something takes, in a fixed number of buckets of growing width.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts durations by their length, to within a half. To add one costs one relaxed atomic addition.
#[derive(Debug)]
pub struct Histogram {
    /// Below a microsecond; then two for each doubling, up to more than an hour.
    buckets: [AtomicU64; BUCKETS],
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: std::array::from_fn(|_| AtomicU64::new(0)) }
    }
}

impl Histogram {
    /// Adds a duration.
    pub fn add(&self, duration: Duration) {
        self.buckets[bucket(duration)].fetch_add(1, Ordering::Relaxed);
    }

    /// How long `percent` of all durations took at most, to the end of a bucket. Zero if there is none.
    pub fn percentile(&self, percent: u64) -> Duration {
        let counts: Vec<u64> = self.buckets.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        let rank = u128::from(total) * u128::from(percent);
        let mut below = 0;
        for (bucket, count) in counts.iter().enumerate() {
            below += u128::from(*count);
            if *count > 0 && below * 100 >= rank {
                return end(bucket);
            }
        }
        Duration::ZERO
    }
}

fn bucket(duration: Duration) -> usize {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let Some(exponent) = nanos.checked_ilog2().and_then(|log| log.checked_sub(FIRST_LOG)) else { return 0 };
    let half = (nanos >> (exponent + FIRST_LOG - 1)) & 1;
    (1 + 2 * exponent as usize + half as usize).min(BUCKETS - 1)
}

/// Where a bucket ends.
fn end(bucket: usize) -> Duration {
    let (exponent, half) = ((bucket as u32).div_ceil(2), bucket % 2);
    let next = 1 << (FIRST_LOG + exponent);
    // An odd bucket is the first half of its doubling.
    Duration::from_nanos(if half == 1 { next / 4 * 3 } else { next })
}

/// A microsecond, about.
const FIRST_LOG: u32 = 10;

const BUCKETS: usize = 65;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_in_its_bucket() {
        assert_eq!(bucket(Duration::ZERO), 0);
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
        for nanos in (0..40).flat_map(|log| [(1_u64 << log) - 1, 1 << log, (1 << log) + (1 << log) / 2]) {
            let duration = Duration::from_nanos(nanos);
            let found = bucket(duration);
            assert!(duration < end(found), "{nanos} ns in bucket {found}, which ends at {:?}", end(found));
            assert!(found == 0 || duration >= end(found - 1), "{nanos} ns in bucket {found}");
        }
    }

    #[test]
    fn percentiles_are_near_to_what_they_should_be() {
        let histogram = Histogram::default();
        assert_eq!(histogram.percentile(50), Duration::ZERO);
        (1..=1000).for_each(|millis| histogram.add(Duration::from_millis(millis)));
        let check = |percent, millis: u128| {
            let found = histogram.percentile(percent).as_millis();
            assert!(found >= millis && found <= millis * 3 / 2, "{percent}: {found} ms instead of {millis}");
        };
        check(50, 500);
        check(99, 990);
        check(100, 1000);
    }
}
