//! The processors of a pipeline, one after the other, for one worker.

use std::sync::Arc;

use super::lineup::Lineup;
use super::link::{Link, Said};
use super::place::Place;
use crate::event::EventBatch;
use crate::telemetry::alarm::Alarms;

/// The processors of a pipeline, instantiated for one worker.
#[derive(Debug)]
pub struct Chain {
    pipeline: String,
    lineup: Arc<Lineup>,
    /// That of the line-up when these places were as it says.
    edition: u64,
    places: Vec<Place>,
    alarms: Arc<Alarms>,
}

impl Chain {
    /// Instantiates the processors of a pipeline for one worker.
    pub fn new(pipeline: &str, lineup: &Arc<Lineup>, alarms: &Arc<Alarms>) -> Self {
        let edition = lineup.edition();
        let places = lineup.seats().iter().map(|seat| Place::new(seat, &mut Vec::new())).collect();
        let (lineup, alarms) = (Arc::clone(lineup), Arc::clone(alarms));
        Self { pipeline: pipeline.to_owned(), lineup, edition, places, alarms }
    }

    /// Runs a batch through all processors, those that the line-up has now.
    pub fn run(&mut self, batch: &mut EventBatch) {
        self.follow_lineup();
        for place in &mut self.places {
            if batch.is_empty() {
                return;
            }
            place.run(batch, &self.pipeline, &self.alarms);
        }
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
        self.places.iter().map(|place| place.link.reads.clone()).collect()
    }

    /// Takes the processors that the line-up has now. Those that it had before go on as they are.
    fn follow_lineup(&mut self) {
        let edition = self.lineup.edition();
        if edition == self.edition {
            return;
        }
        self.edition = edition;
        let mut links: Vec<Link> = std::mem::take(&mut self.places).into_iter().flat_map(Place::into_links).collect();
        self.places = self.lineup.seats().iter().map(|seat| Place::new(seat, &mut links)).collect();
    }
}
