//! What a person should hear of a batch, and what is counted of it.

use crate::bindings::loglift::processor::types::Alarm;

/// Alarms and counts as the answers of both worlds have them.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    pub(crate) alarms: Vec<Alarm>,
    pub(crate) counts: Vec<(String, u64)>,
}

impl Reports {
    /// Adds an alarm. After a few of one kind the further ones are only counted.
    pub(crate) fn alarm(&mut self, kind: &str, event: usize, message: impl FnOnce() -> String) {
        let mut same = self.alarms.iter_mut().filter(|alarm| alarm.kind == kind);
        if same.by_ref().take(ALARMS_OF_A_KIND - 1).count() == ALARMS_OF_A_KIND - 1
            && let Some(last) = same.next()
        {
            last.occurrences += 1;
            return;
        }
        let event = Some(event as u32);
        self.alarms.push(Alarm { event, kind: kind.to_owned(), message: message(), occurrences: 1 });
    }

    /// Adds to a counter.
    pub(crate) fn count(&mut self, counter: &str, amount: u64) {
        match self.counts.iter_mut().find(|(name, _)| name == counter) {
            Some((_, sum)) => *sum += amount,
            None => self.counts.push((counter.to_owned(), amount)),
        }
    }
}

/// From here on, alarms of one kind in one batch are only counted.
const ALARMS_OF_A_KIND: usize = 4;
