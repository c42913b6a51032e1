//! The processors of a pipeline as they are now, and how they change.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::stage::Stage;
use super::swap::{Book, Standing, Trial, TrialState, Version, Worse};

/// The processors of a pipeline as they are now. Each worker takes what has changed between two of its batches.
#[derive(Debug)]
pub struct Lineup {
    pipeline: String,
    seats: Mutex<Seats>,
    /// Grows with each change that workers must follow.
    edition: AtomicU64,
}

/// The place of one processor in a pipeline.
#[derive(Debug, Clone)]
pub struct Seat {
    /// The version that runs.
    pub stage: Arc<Stage>,
    /// The one that is tried.
    pub trial: Option<Arc<Trial>>,
}

#[derive(Debug)]
struct Seats {
    current: Vec<Seat>,
    /// One for each seat.
    books: Vec<Book>,
}

/// One moment, by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// For what takes time.
    pub instant: Instant,
    /// For what has a date.
    pub unix_seconds: i64,
}

/// What happened to a version, for those who should hear of it.
#[derive(Debug)]
pub enum Turn {
    /// It was put in place.
    InPlace(Arc<Stage>),
    /// Its trial began.
    Tried(Arc<Stage>),
    /// Its trial went well, and it waits for a person.
    Ready(Arc<Stage>),
    /// Its trial went badly: it is not put in place.
    Rejected(Arc<Stage>, Worse),
    /// It did worse than the one before it, which is back.
    RolledBack(Arc<Stage>, Worse),
    /// No thread could be started for its trial: it is not put in place.
    NoTrial(Arc<Stage>, String),
    /// The config asks again for the version that runs: the one on trial is not put in place.
    Stays(Arc<Stage>),
}

/// Why nothing can be done to a processor.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTurn {
    /// There is none of this name.
    #[error("no processor is called {0}")]
    Unknown(String),
    /// No version is on trial.
    #[error("no version is on trial that could be promoted")]
    NothingToPromote,
    /// No version ran before.
    #[error("no earlier version is known to go back to")]
    NothingBefore,
}

impl Lineup {
    /// A pipeline begins with these.
    pub fn new(pipeline: &str, stages: Vec<Arc<Stage>>, unix_seconds: i64) -> Self {
        let books = stages.iter().map(|stage| Book::new(stage, unix_seconds)).collect();
        let current = stages.into_iter().map(Seat::new).collect();
        let seats = Mutex::new(Seats { current, books });
        Self { pipeline: pipeline.to_owned(), seats, edition: AtomicU64::new(0) }
    }

    /// The processors that run, in their order.
    pub fn stages(&self) -> Vec<Arc<Stage>> {
        self.lock().current.iter().map(|seat| Arc::clone(&seat.stage)).collect()
    }

    /// The processors that the config asked for last, of which some may be on trial or taken back, and those that run.
    pub fn known(&self) -> Vec<Arc<Stage>> {
        let seats = self.lock();
        let wanted = seats.books.iter().map(|book| &book.wanted);
        wanted.chain(seats.current.iter().map(|seat| &seat.stage)).cloned().collect()
    }

    /// Whether one of the processors that run remembers something from batch to batch.
    pub fn remembers(&self) -> bool {
        self.lock().current.iter().any(|seat| seat.stage.remembers())
    }

    /// The processors, with those that are tried.
    pub fn seats(&self) -> Vec<Seat> {
        self.lock().current.clone()
    }

    /// The versions that each processor had, oldest first.
    pub fn histories(&self) -> Vec<Vec<Version>> {
        self.lock().books.iter().map(Book::versions).collect()
    }

    /// Has these processors from now on, as the config asks for. A stage that it asked for before goes on as it is, with its
    /// instances. A new version of one is put in place or tried, as its swap policy says.
    pub fn change(&self, stages: &[Arc<Stage>], now: Moment) -> Vec<Turn> {
        let mut seats = self.lock();
        let is_same_row = stages.len() == seats.current.len()
            && seats.current.iter().zip(stages).all(|(seat, stage)| seat.stage.name == stage.name);
        let turns = if is_same_row {
            (0..stages.len()).filter_map(|place| seats.introduce(place, &stages[place], &self.pipeline, now)).collect()
        } else {
            seats.reseat(stages, &self.pipeline, now)
        };
        if !is_same_row || !turns.is_empty() {
            self.tell();
        }
        turns
    }

    /// Looks at what is tried and watched, and draws the consequences.
    pub fn tick(&self, now: Moment) -> Vec<Turn> {
        let mut seats = self.lock();
        let turns: Vec<Turn> = (0..seats.current.len()).filter_map(|place| seats.tick(place, now)).collect();
        if !turns.is_empty() {
            self.tell();
        }
        turns
    }

    /// Whether a processor is called so: by its whole name, or by a part that no other has.
    pub fn has(&self, processor: &str) -> bool {
        self.lock().find(processor).is_ok()
    }

    /// Puts the version in place that is tried.
    ///
    /// # Errors
    /// [`NoTurn`].
    pub fn promote(&self, processor: &str, now: Moment) -> Result<Arc<Stage>, NoTurn> {
        let mut seats = self.lock();
        let place = seats.find(processor)?;
        let trial = seats.current[place].trial.clone().ok_or(NoTurn::NothingToPromote)?;
        seats.put_in_place(place, &trial.candidate, now);
        self.tell();
        Ok(Arc::clone(&trial.candidate))
    }

    /// Ends a trial, or brings the version back that ran before.
    ///
    /// # Errors
    /// [`NoTurn`].
    pub fn roll_back(&self, processor: &str, now: Moment) -> Result<Arc<Stage>, NoTurn> {
        let mut seats = self.lock();
        let place = seats.find(processor)?;
        let by_hand = || Standing::Withdrawn("by hand".to_owned());
        let Seats { current, books } = &mut *seats;
        let (seat, book) = (&mut current[place], &mut books[place]);
        let back = match seat.trial.take() {
            Some(trial) => {
                book.note(&trial.candidate, now.unix_seconds, by_hand());
                Arc::clone(&seat.stage)
            }
            None => {
                let before = book.before(&seat.stage).ok_or(NoTurn::NothingBefore)?;
                book.note(&seat.stage, now.unix_seconds, by_hand());
                book.note(&before, now.unix_seconds, Standing::Running);
                book.rest();
                seat.stage = Arc::clone(&before);
                before
            }
        };
        self.tell();
        Ok(back)
    }

    /// Tells whether something has changed since.
    pub(super) fn edition(&self) -> u64 {
        self.edition.load(Ordering::Acquire)
    }

    /// Has workers look at what has changed.
    fn tell(&self) {
        self.edition.fetch_add(1, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    fn new(stage: Arc<Stage>) -> Self {
        Self { stage, trial: None }
    }
}

impl Seats {
    /// Takes a version in, if the config did not ask for it before.
    fn introduce(&mut self, place: usize, stage: &Arc<Stage>, pipeline: &str, now: Moment) -> Option<Turn> {
        let (seat, book) = (&mut self.current[place], &mut self.books[place]);
        if Arc::ptr_eq(&book.wanted, stage) {
            return None;
        }
        book.wanted = Arc::clone(stage);
        if let Some(trial) = seat.trial.take() {
            let reason = "another version came before its trial was over".to_owned();
            book.note(&trial.candidate, now.unix_seconds, Standing::Withdrawn(reason));
        }
        if Arc::ptr_eq(&seat.stage, stage) {
            // The config is what it was before.
            book.note(stage, now.unix_seconds, Standing::Running);
            return Some(Turn::Stays(Arc::clone(stage)));
        }
        match Trial::start(pipeline, stage, &seat.stage) {
            Ok(None) => Some(self.put_in_place(place, stage, now)),
            Ok(Some(trial)) => {
                seat.trial = Some(Arc::new(trial));
                book.note(stage, now.unix_seconds, Standing::Trial);
                Some(Turn::Tried(Arc::clone(stage)))
            }
            Err(error) => {
                book.note(stage, now.unix_seconds, Standing::Withdrawn(error.to_string()));
                Some(Turn::NoTrial(Arc::clone(stage), error.to_string()))
            }
        }
    }

    /// Puts a version in place and watches it.
    fn put_in_place(&mut self, place: usize, stage: &Arc<Stage>, now: Moment) -> Turn {
        let (seat, book) = (&mut self.current[place], &mut self.books[place]);
        book.note(&seat.stage, now.unix_seconds, Standing::Replaced);
        book.note(stage, now.unix_seconds, Standing::Watched);
        book.watch(stage, &seat.stage, now.instant);
        *seat = Seat::new(Arc::clone(stage));
        Turn::InPlace(Arc::clone(stage))
    }

    /// Takes other processors altogether. Those that are among them already keep their history, and their trial. One that is at
    /// another place only, where another version of it runs than the config asks for, is not put in place by that: it is
    /// tried anew, beside that version.
    fn reseat(&mut self, stages: &[Arc<Stage>], pipeline: &str, now: Moment) -> Vec<Turn> {
        let mut old: Vec<Option<(Seat, Book)>> = self.current.drain(..).zip(self.books.drain(..)).map(Some).collect();
        let mut take = |is_it: &dyn Fn(&Stage, &Arc<Stage>) -> bool, stage: &Arc<Stage>| {
            old.iter_mut().find_map(|old| old.take_if(|(_, book)| is_it(&book.wanted, stage)))
        };
        let known: Vec<Option<(Seat, Book)>> =
            stages.iter().map(|stage| take(&|wanted, stage| std::ptr::eq(wanted, &raw const **stage), stage)).collect();
        let mut turns = Vec::new();
        for (stage, known) in stages.iter().zip(known) {
            let moved = || take(&|wanted, stage| wanted.is_set_up_as(stage), stage);
            let (seat, book, is_refused) = match known.or_else(moved) {
                Some((seat, book)) if Arc::ptr_eq(&book.wanted, stage) => (seat, book, false),
                Some((seat, book)) if !Arc::ptr_eq(&book.wanted, &seat.stage) => {
                    let running = Arc::new(seat.stage.twin(&stage.name));
                    (Seat::new(Arc::clone(&running)), Book::new(&running, now.unix_seconds), true)
                }
                Some(_) | None => {
                    turns.push(Turn::InPlace(Arc::clone(stage)));
                    (Seat::new(Arc::clone(stage)), Book::new(stage, now.unix_seconds), false)
                }
            };
            self.current.push(seat);
            self.books.push(book);
            if is_refused {
                turns.extend(self.introduce(self.current.len() - 1, stage, pipeline, now));
            }
        }
        turns
    }

    fn tick(&mut self, place: usize, now: Moment) -> Option<Turn> {
        let (seat, book) = (&mut self.current[place], &mut self.books[place]);
        let Some(trial) = seat.trial.clone() else {
            let (before, worse) = book.check(&seat.stage, now.instant)?;
            book.note(&seat.stage, now.unix_seconds, Standing::Withdrawn(worse.to_string()));
            book.note(&before, now.unix_seconds, Standing::Running);
            book.rest();
            let failed = std::mem::replace(seat, Seat::new(before));
            return Some(Turn::RolledBack(failed.stage, worse));
        };
        let is_manual = trial.candidate.policy().swap.manual;
        match trial.state(&seat.stage) {
            // Nothing goes through the version that runs, so that there is nothing to try the new one on.
            TrialState::Running if seat.stage.is_halted() && !is_manual => {
                Some(self.put_in_place(place, &trial.candidate, now))
            }
            TrialState::Running => None,
            TrialState::Passed if is_manual => {
                trial.is_first_to_tell().then(|| Turn::Ready(Arc::clone(&trial.candidate)))
            }
            TrialState::Passed => Some(self.put_in_place(place, &trial.candidate, now)),
            TrialState::Failed(worse) => {
                seat.trial = None;
                book.note(&trial.candidate, now.unix_seconds, Standing::Withdrawn(worse.to_string()));
                Some(Turn::Rejected(Arc::clone(&trial.candidate), worse))
            }
        }
    }

    /// The place of a processor by its name, or by a part of it that no other has: `processors[1]`, or its type.
    fn find(&self, processor: &str) -> Result<usize, NoTurn> {
        let names = self.current.iter().map(|seat| &seat.stage.name);
        let mut found = names.enumerate().filter(|(_, name)| is_called(name, processor)).map(|(place, _)| place);
        match (found.next(), found.next()) {
            (Some(place), None) => Ok(place),
            _ => Err(NoTurn::Unknown(processor.to_owned())),
        }
    }
}

/// Whether a processor with this name is meant: by the whole of it, its place `processors[1]`, or its type.
pub fn is_called(name: &str, wanted: &str) -> bool {
    name == wanted || name.split([' ', '(', ')']).any(|part| !part.is_empty() && part == wanted)
}

#[cfg(test)]
mod tests;
