//! The processors of a pipeline, one after the other, for one worker.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use super::lineup::Lineup;
use super::link::{Hold, Link, Said, Surroundings, Unsaved};
use super::memory::{Identity, assign};
use super::place::Place;
use super::quarantine::Quarantine;
use super::stage::Stage;
use crate::event::{EventBatch, Remembered, Source};
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

    /// Has processors begin with what they, or those in their places, remembered.
    #[must_use]
    pub fn with_memory(mut self, memory: &[Remembered]) -> Self {
        self.remember(memory.to_vec(), &[]);
        self
    }

    /// What the processors remember that do.
    ///
    /// # Errors
    /// If one of them cannot say it now: then nothing may be stored as done with that it has seen.
    pub fn save(&mut self) -> Result<Vec<Remembered>, Unsaved> {
        let saved: Result<Vec<Option<Remembered>>, Unsaved> =
            self.places.iter_mut().map(|place| place.link.save(&self.around)).collect();
        saved.map(|saved| saved.into_iter().flatten().collect())
    }

    /// What the processors remember that do, as far as it can be had now: there is no later.
    pub fn save_what_can_be_had(&mut self) -> Vec<Remembered> {
        self.places.iter_mut().filter_map(|place| place.link.hand_over(&self.around)).collect()
    }

    /// Gives processors that remember what they did, or those in their places, but for the ones that were `there` and know.
    fn remember(&mut self, memories: Vec<Remembered>, there: &[Arc<Stage>]) {
        let is_new = |link: &&mut Link| !there.iter().any(|stage| Arc::ptr_eq(stage, &link.stage));
        let links = self.places.iter_mut().map(|place| &mut place.link);
        let mut takers: Vec<&mut Link> = links.filter(|link| link.stage.remembers()).filter(is_new).collect();
        let identities: Vec<Identity> = takers.iter().map(|link| link.stage.identity()).collect();
        for (link, memory) in takers.iter_mut().zip(assign(&identities, memories)) {
            memory.into_iter().for_each(|memory| link.recall(memory, &self.around));
        }
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
                Err(hold) => self.wait(place, &batch.source, hold)?,
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
    fn wait(&mut self, mut place: usize, source: &Source, hold: Hold) -> Result<usize, Stopped> {
        let stage = Arc::clone(self.places[place].stage_of(source));
        let _visible = stage.wait(hold.why.clone(), hold.until.is_none());
        loop {
            if self.stop.recv_timeout(POLL_INTERVAL) == Err(RecvTimeoutError::Disconnected) {
                return Err(Stopped { processor: stage.name.clone(), why: hold.why });
            }
            let before = self.stages();
            if self.follow_lineup() {
                place = place_in(&before, place, &self.stages(), likeness);
                let waits_for_same = |now: &Place| Arc::ptr_eq(now.stage_of(source), &stage);
                if !self.places.get(place).is_some_and(waits_for_same) {
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
        let there = self.stages();
        let mut links: Vec<Link> = std::mem::take(&mut self.places).into_iter().flat_map(Place::into_links).collect();
        self.places = self.lineup.seats().iter().map(|seat| Place::new(seat, &mut links)).collect();
        // What is left has gone.
        let memories = links.iter_mut().filter_map(|link| link.hand_over(&self.around)).collect();
        self.remember(memories, &there);
        self.places.iter_mut().for_each(|place| place.begin_trial(&self.around));
        true
    }

    fn stages(&self) -> Vec<Arc<Stage>> {
        self.places.iter().map(|place| Arc::clone(&place.link.stage)).collect()
    }
}

/// How a processor of a line-up is related to one of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Likeness {
    /// It is the same.
    Same,
    /// It is set up in the same way, at another place.
    Alike,
    /// It has its place, and is another version of it or another one altogether.
    Successor,
    /// None of that.
    Other,
}

fn likeness(before: &Arc<Stage>, now: &Arc<Stage>) -> Likeness {
    match () {
        () if Arc::ptr_eq(before, now) => Likeness::Same,
        () if before.name == now.name => Likeness::Successor,
        () if before.is_set_up_as(now) => Likeness::Alike,
        () => Likeness::Other,
    }
}

/// Where a batch that waits at a place of a line-up goes on in the next one: at the same processor, under whichever name, else
/// behind the last one of those that it went through, else at the same place.
///
/// If all have the names that they had, each is another version of what was at its place.
fn place_in<T>(before: &[T], place: usize, now: &[T], likeness: impl Fn(&T, &T) -> Likeness) -> usize {
    let has_successor = |(before, now)| matches!(likeness(before, now), Likeness::Same | Likeness::Successor);
    if before.len() == now.len() && before.iter().zip(now).all(has_successor) {
        return place;
    }
    let find = |stage: &T, from: usize| {
        let first = |wanted| (from..now.len()).find(|other| likeness(stage, &now[*other]) == wanted);
        first(Likeness::Same).or_else(|| first(Likeness::Alike))
    };
    let behind = before[..place]
        .iter()
        .fold(None, |behind: Option<usize>, stage| find(stage, behind.unwrap_or(0)).map(|found| found + 1).or(behind));
    let at_same_place = || place.min(now.len().saturating_sub(1));
    find(&before[place], behind.unwrap_or(0)).or(behind).unwrap_or_else(at_same_place)
}

/// How soon a batch that is held up sees that it can go on.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_goes_on_where_it_waited() {
        // Each letter is a processor; the batch waits at the one in capitals. What is alike follows a stroke.
        fn check(before: &str, now: &str, expected: usize) {
            let processors = |line: &str| -> Vec<(char, bool)> {
                let mut chars = line.chars();
                let mut processors = Vec::new();
                while let Some(char) = chars.next() {
                    let is_copy = char == '\'';
                    let char = if is_copy { chars.next().unwrap() } else { char };
                    processors.push((char, is_copy));
                }
                processors
            };
            let place = before.find(|char: char| char.is_uppercase()).unwrap();
            let [before, now] = [before, now].map(|line| processors(&line.to_lowercase()));
            let likeness = |before: &(char, bool), now: &(char, bool)| match () {
                () if before == now => Likeness::Same,
                () if before.0 == now.0 => Likeness::Alike,
                () => Likeness::Other,
            };
            assert_eq!(place_in(&before, place, &now, likeness), expected, "{before:?} {now:?}");
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
        // What is there now has not seen it.
        check("abC", "x", 0);
        check("abC", "", 0);
        // The one before it went, so that it has another name; nobody else processes what waits.
        check("aB", "'b", 0);
        check("aBc", "'b'c", 0);
        check("aBc", "x'a'b'c", 2);
        check("bB", "'b'b", 1);
    }

    #[test]
    fn a_batch_goes_on_at_the_next_version_of_what_it_waited_at() {
        let place = place_in(&["a1", "b1", "c1"], 1, &["a2", "b2", "c2"], |before, now| {
            if before[..1] == now[..1] { Likeness::Successor } else { Likeness::Other }
        });
        assert_eq!(place, 1);
    }
}
