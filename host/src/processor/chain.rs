//! The processors of a pipeline, one after the other, for one worker.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use super::lineup::Lineup;
use super::link::{Hold, Link, Said, Surroundings};
use super::place::Place;
use super::quarantine::Quarantine;
use crate::event::{EventBatch, Remembered};
use crate::telemetry::alarm::Alarms;

/// The processors of a pipeline, instantiated for one worker.
#[derive(Debug)]
pub struct Chain {
    lineup: Arc<Lineup>,
    /// That of the line-up when these places were as it says.
    edition: u64,
    places: Vec<Place>,
    around: Surroundings,
    /// Closed when nothing is to be waited for any more.
    stop: Receiver<Infallible>,
}

/// The agent stops while a processor holds up a batch. That was not processed, and must not be acknowledged.
#[derive(Debug, thiserror::Error)]
#[error("{processor} is halted: {why}")]
pub struct Stopped {
    /// Which processor.
    pub processor: String,
    /// Why it holds up the batch.
    pub why: String,
}

impl Chain {
    /// Instantiates the processors of a pipeline for one worker.
    ///
    /// Unless [`Self::with_stop`] says otherwise, it waits for nothing: a batch that is held up ends as if the agent stopped.
    pub fn new(pipeline: &str, lineup: &Arc<Lineup>, alarms: &Arc<Alarms>) -> Self {
        let edition = lineup.edition();
        let places = lineup.seats().iter().map(|seat| Place::new(seat, &mut Vec::new())).collect();
        let around = Surroundings { pipeline: pipeline.to_owned(), alarms: Arc::clone(alarms), quarantine: None };
        let (_, closed) = bounded(0);
        Self { lineup: Arc::clone(lineup), edition, places, around, stop: closed }
    }

    /// Waits for a processor that holds up a batch until `stop` is closed.
    #[must_use]
    pub fn with_stop(self, stop: Receiver<Infallible>) -> Self {
        Self { stop, ..self }
    }

    /// Hands the events that processors fail on to `quarantine`.
    #[must_use]
    pub fn with_quarantine(mut self, quarantine: Arc<dyn Quarantine>) -> Self {
        self.around.quarantine = Some(quarantine);
        self
    }

    /// Has processors begin with what those of these names remembered.
    #[must_use]
    pub fn with_memory(mut self, memory: &[Remembered]) -> Self {
        for place in &mut self.places {
            let known = memory.iter().find(|remembered| remembered.name == place.link.stage.name);
            known.into_iter().for_each(|remembered| place.link.recall(remembered.clone()));
        }
        self
    }

    /// What the processors remember that do.
    pub fn save(&mut self) -> Vec<Remembered> {
        let mut saved = Vec::new();
        for place in &mut self.places {
            saved.extend(place.link.save());
            // The agent may stop before there is another batch.
            place.link.tell_of_memory(&self.around);
        }
        saved
    }

    /// Runs a batch through all processors, those that the line-up has now.
    ///
    /// A batch that a processor holds up (`OnError: halt`, `Policy: block`) waits until that is replaced or works again.
    ///
    /// # Errors
    /// When the agent stops meanwhile.
    pub fn run(&mut self, batch: &mut EventBatch) -> Result<(), Stopped> {
        self.follow_lineup();
        let mut place = 0;
        while place < self.places.len() && !batch.is_empty() {
            place = match self.places[place].run(batch, &self.around) {
                Ok(()) => place + 1,
                Err(hold) => self.wait(place, hold)?,
            };
        }
        Ok(())
    }

    /// Runs a batch through all processors as [`Self::run`] does, and returns what each said of it: for tests that check
    /// every word of a component.
    ///
    /// # Errors
    /// Why a processor failed. Its events have gone through those before it.
    #[doc(hidden)]
    pub fn run_and_listen(&mut self, batch: &mut EventBatch) -> Result<Vec<Said>, String> {
        self.places.iter_mut().map(|place| place.link.run_and_listen(batch)).collect()
    }

    /// The fields that each processor asks for, or `None` for all of them.
    #[doc(hidden)]
    pub fn reads(&self) -> Vec<Option<Vec<Vec<u8>>>> {
        self.places.iter().map(|place| place.link.caller.reads.clone()).collect()
    }

    /// Waits until the processor at `place`, which holds up a batch, was replaced or can be tried again. Returns the place of
    /// the processor with which the batch goes on.
    fn wait(&mut self, mut place: usize, hold: Hold) -> Result<usize, Stopped> {
        let stage = Arc::clone(&self.places[place].link.stage);
        let _visible = stage.wait(hold.why.clone());
        loop {
            if self.stop.recv_timeout(POLL_INTERVAL) == Err(RecvTimeoutError::Disconnected) {
                return Err(Stopped { processor: stage.name.clone(), why: hold.why });
            }
            let before: Vec<_> = self.places.iter().map(|place| Arc::clone(&place.link.stage)).collect();
            if self.follow_lineup() {
                let now = self.lineup.stages();
                place = place_in(&before, place, &now, Arc::ptr_eq);
                if !now.get(place).is_some_and(|now| Arc::ptr_eq(now, &stage)) {
                    return Ok(place);
                }
            }
            if hold.until.is_some_and(|until| until <= Instant::now()) {
                return Ok(place);
            }
        }
    }

    /// Takes the processors that the line-up has now. Those that it had before go on as they are. Returns whether there are
    /// others.
    fn follow_lineup(&mut self) -> bool {
        let edition = self.lineup.edition();
        if edition == self.edition {
            return false;
        }
        self.edition = edition;
        let mut links: Vec<Link> = std::mem::take(&mut self.places).into_iter().flat_map(Place::into_links).collect();
        self.places = self.lineup.seats().iter().map(|seat| Place::new(seat, &mut links)).collect();
        true
    }
}

/// Where a batch that waits at a place of a line-up goes on in the next one: at the same processor, else behind the last
/// one of those that it went through, else at the same place.
fn place_in<T>(before: &[T], place: usize, now: &[T], is_same: impl Fn(&T, &T) -> bool) -> usize {
    let find = |stage: &T| now.iter().position(|other| is_same(stage, other));
    let behind = || before[..place].iter().rev().find_map(find).map(|last| last + 1);
    find(&before[place]).or_else(behind).unwrap_or(place).min(now.len())
}

/// How soon a batch that is held up sees that it can go on.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_goes_on_where_it_waited() {
        // Each letter is a processor; the batch waits at the one in capitals.
        fn check(before: &str, now: &str, expected: usize) {
            let place = before.find(|char: char| char.is_uppercase()).unwrap();
            let [before, now] = [before, now].map(|line| line.to_lowercase().into_bytes());
            assert_eq!(place_in(&before, place, &now, u8::eq), expected, "{before:?} {now:?}");
        }
        check("aBc", "abc", 1);
        check("aBc", "axc", 1);
        check("aBc", "xabc", 2);
        check("aBc", "xayc", 2);
        check("aBc", "ac", 1);
        check("abC", "a", 1);
        check("abC", "ax", 1);
        check("Abc", "xbc", 0);
        check("abC", "xyz", 2);
        check("abC", "x", 1);
        check("abC", "", 0);
    }
}
