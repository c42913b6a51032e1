//! The place of a processor in a chain: the version that runs, and the one that is tried.

use std::sync::Arc;

use super::lineup::Seat;
use super::link::{Hold, Link, Surroundings};
use super::stage::Stage;
use super::swap::{Method, Trial};
use crate::event::{EventBatch, Source};

/// A seat of the line-up, as one worker runs it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) link: Link,
    tried: Option<Tried>,
}

/// A version that is tried.
#[derive(Debug)]
struct Tried {
    trial: Arc<Trial>,
    /// For a canary.
    link: Option<Link>,
}

impl Place {
    /// A place with instances of its own. What an earlier one has is used again.
    pub(super) fn new(seat: &Seat, earlier: &mut Vec<Link>) -> Self {
        let mut link_of = |stage: &Arc<Stage>| {
            let known = earlier.iter().position(|link| Arc::ptr_eq(&link.stage, stage));
            if let Some(known) = known {
                return earlier.swap_remove(known);
            }
            Link::new(stage)
        };
        let link = link_of(&seat.stage);
        let tried = seat.trial.as_ref().map(|trial| {
            let is_canary = matches!(trial.method, Method::Canary(_));
            Tried { trial: Arc::clone(trial), link: is_canary.then(|| link_of(&trial.candidate)) }
        });
        Self { link, tried }
    }

    /// The version to which the events of a source go.
    pub(super) fn stage_of(&self, source: &Source) -> &Arc<Stage> {
        let tried = self.tried.as_ref().and_then(|tried| tried.canary(source));
        &tried.unwrap_or(&self.link).stage
    }

    /// Has a batch processed by the version that is meant for it.
    pub(super) fn run(&mut self, batch: &mut EventBatch, around: &Surroundings) -> Result<(), Hold> {
        let Some(Tried { trial, link }) = &mut self.tried else { return self.link.run(batch, around) };
        match (&trial.method, link) {
            (Method::Canary(canary), Some(link)) if canary.takes(&batch.source) => {
                let events = batch.len() as u64;
                link.run(batch, around)?;
                canary.count(events);
                Ok(())
            }
            (Method::Shadow(shadow), _) => {
                let copy = shadow.copy(batch);
                self.link.run(batch, around)?;
                copy.into_iter().for_each(|copy| shadow.offer(copy, batch));
                Ok(())
            }
            (Method::Canary(_), _) => self.link.run(batch, around),
        }
    }

    /// Has what is tried on copies begin with what the version that runs remembers.
    pub(super) fn begin_trial(&mut self, around: &Surroundings) {
        if let Some(Tried { trial, .. }) = &self.tried
            && let Method::Shadow(shadow) = &trial.method
            && trial.candidate.remembers()
            && !shadow.has_begun()
        {
            shadow.begin(self.link.save(around).ok().flatten());
        }
    }

    /// The instances, for another place.
    pub(super) fn into_links(self) -> impl Iterator<Item = Link> {
        self.tried.and_then(|tried| tried.link).into_iter().chain([self.link])
    }
}

impl Tried {
    /// What processes the events of a source, if it is a canary for that.
    fn canary(&self, source: &Source) -> Option<&Link> {
        match &self.trial.method {
            Method::Canary(canary) if canary.takes(source) => self.link.as_ref(),
            Method::Canary(_) | Method::Shadow(_) => None,
        }
    }
}
