//! Which bytes of its source an event stands for.

use crate::event::EventBatch;

/// How many bytes of the source the events up to each one stand for: the records that they are from and those that were
/// merged into them, line ends included. Dropped records belong to none, and a record of several events to the last of them.
pub(super) fn running_totals(batch: &EventBatch, out: &mut Vec<u64>) {
    out.clear();
    let provenance = &batch.provenance;
    let whole = provenance.end.0 - provenance.start.0;
    let record_ends = provenance.records.iter().skip(1).map(|next| u64::from(*next)).chain([whole]);
    let Some(origins) = &provenance.origins else {
        out.extend(record_ends);
        return;
    };
    let mut is_kept = vec![false; provenance.records.len()];
    origins.iter().chain(&provenance.merged).for_each(|record| is_kept[*record as usize] = true);
    let kept_bytes = provenance
        .records
        .iter()
        .zip(record_ends)
        .zip(is_kept)
        .map(|((start, end), is_kept)| if is_kept { end - u64::from(*start) } else { 0 });
    let (mut kept_bytes, mut passed, mut total) = (kept_bytes, 0, 0);
    let following = origins.iter().skip(1).map(|origin| *origin as usize).chain([provenance.records.len()]);
    out.extend(following.take(origins.len()).map(|next| {
        total += kept_bytes.by_ref().take(next.saturating_sub(passed)).sum::<u64>();
        passed = passed.max(next);
        total
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::testing::batch;

    #[test]
    fn every_kept_record_belongs_to_one_event() {
        let check = |change: fn(&mut EventBatch), expected: &[u64]| {
            let mut batch = batch(&["1", "22", "333", "4444", "55555"]);
            change(&mut batch);
            let mut totals = vec![7];
            running_totals(&batch, &mut totals);
            assert_eq!(totals, expected);
            let whole = batch.provenance.end.0 - batch.provenance.start.0;
            assert_eq!(totals.last().copied().unwrap_or_default(), whole - batch.dropped_bytes());
        };
        check(|_| {}, &[2, 5, 9, 14, 20]);
        check(|batch| batch.select(&[1, 3]), &[3, 8]);
        check(|batch| batch.select(&[0, 0, 2, 2, 2]), &[0, 2, 2, 2, 6]);
        check(
            |batch| {
                batch.merge(1, 3);
                batch.select(&[0, 1]);
            },
            &[2, 14],
        );
        check(|batch| batch.select(&[]), &[]);
    }
}
