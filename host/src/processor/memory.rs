//! What a processor remembers, as far as the host can bring it back: what was saved last, and the batches since.

use crate::event::{EventBatch, Remembered};

/// What another instance needs to remember the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    saved: Option<Saved>,
    /// The batches that were answered since.
    since: Vec<EventBatch>,
    since_bytes: usize,
}

/// What an instance has saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Saved {
    /// The version of its component.
    pub(super) version: String,
    pub(super) bytes: Vec<u8>,
}

/// What a processor that remembers is known again by.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) name: String,
    pub(super) component: String,
    pub(super) config: String,
}

/// Which of the memories is whose. That of the same component with the same configuration, at the same place or at another
/// one; what is left then goes to the processors of the same name.
pub(super) fn assign(takers: &[Identity], memories: Vec<Remembered>) -> Vec<Option<Remembered>> {
    let rounds: [fn(&Identity, &Remembered) -> bool; 3] = [
        |taker, memory| taker.is_set_up_as(memory) && taker.name == memory.name,
        |taker, memory| taker.is_set_up_as(memory),
        |taker, memory| taker.name == memory.name,
    ];
    let mut left: Vec<Option<Remembered>> = memories.into_iter().map(Some).collect();
    let mut given: Vec<Option<Remembered>> = takers.iter().map(|_| None).collect();
    for is_of in rounds {
        for (taker, given) in takers.iter().zip(&mut given).filter(|(_, given)| given.is_none()) {
            *given = left.iter_mut().find_map(|memory| memory.take_if(|memory| is_of(taker, memory)));
        }
    }
    given
}

impl Identity {
    fn is_set_up_as(&self, memory: &Remembered) -> bool {
        self.component == memory.component && self.config == memory.config
    }
}

impl Memory {
    /// What was saved last.
    pub(super) fn saved(&self) -> Option<&Saved> {
        self.saved.as_ref()
    }

    /// The batches since, in order.
    pub(super) fn since(&self) -> &[EventBatch] {
        &self.since
    }

    /// Whether what was saved last is all that there is to remember.
    pub(super) fn is_saved(&self) -> bool {
        self.saved.is_some() && self.since.is_empty()
    }

    /// Notes a batch that was answered, as it was lent.
    pub(super) fn note(&mut self, batch: &EventBatch) {
        self.since_bytes += batch.size_bytes();
        self.since.push(batch.clone());
    }

    /// Whether so much was noted that it is time to save.
    pub(super) fn is_long(&self) -> bool {
        self.since.len() >= MAX_BATCHES || self.since_bytes >= MAX_BYTES
    }

    /// Begins anew with what was saved.
    pub(super) fn begin(&mut self, saved: Option<Saved>) {
        *self = Self { saved, ..Self::default() };
    }

    /// Keeps only what was saved.
    pub(super) fn forget_since(&mut self) {
        self.since.clear();
        self.since_bytes = 0;
    }
}

/// As many batches are processed again after a fault.
const MAX_BATCHES: usize = 32;

/// They take so much memory for each worker and processor.
const MAX_BYTES: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_follows_its_processor_to_another_place() {
        // Each processor is a digit for its place, a letter for its component and one for its config.
        fn check(memories: &[&str], takers: &[&str], expected: &[Option<&str>]) {
            let part = |text: &str, place: usize| text[place..=place].to_owned();
            let remembered = |text: &&str| Remembered {
                name: part(text, 0),
                component: part(text, 1),
                config: part(text, 2),
                version: "1".to_owned(),
                saved: text.as_bytes().to_vec(),
            };
            let taker = |text: &&str| Identity { name: part(text, 0), component: part(text, 1), config: part(text, 2) };
            let takers: Vec<Identity> = takers.iter().map(taker).collect();
            let given = assign(&takers, memories.iter().map(remembered).collect());
            let given: Vec<Option<Vec<u8>>> = given.into_iter().map(|given| given.map(|given| given.saved)).collect();
            let expected: Vec<_> = expected.iter().map(|text| text.map(|text| text.as_bytes().to_vec())).collect();
            assert_eq!(given, expected, "{memories:?}");
        }
        check(&["0dx", "1dy"], &["0dx", "1dy"], &[Some("0dx"), Some("1dy")]);
        // The first is gone, and the other one has its place.
        check(&["0dx", "1dy"], &["0dy"], &[Some("1dy")]);
        check(&["0dx", "1dy"], &["0dy", "1dx"], &[Some("1dy"), Some("0dx")]);
        check(&["0dx"], &["0dz", "1dx"], &[None, Some("0dx")]);
        // Two that are alike keep their places.
        check(&["0dx", "1dx"], &["0dx", "1dx"], &[Some("0dx"), Some("1dx")]);
        // Another config of the same one, and another component, which is told what is there.
        check(&["0dx"], &["0dz"], &[Some("0dx")]);
        check(&["0dx"], &["0ex"], &[Some("0dx")]);
        check(&[], &["0dx"], &[None]);
    }
}
