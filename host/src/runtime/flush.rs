//! Hands batches to one flusher, on a thread of its own, until there are none left.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use tracing::error;

use crate::event::{Ack, Delivery};
use crate::flusher::Flusher;
use crate::telemetry::alarm::{Alarm, Alarms};
use crate::telemetry::failpoint;

/// A flusher with what its thread needs.
pub(super) struct FlushLoop {
    pub(super) pipeline: String,
    pub(super) name: String,
    pub(super) flusher: Box<dyn Flusher>,
    pub(super) deliveries: Receiver<Delivery>,
    /// Closed when the agent has no more patience.
    pub(super) abort: Receiver<Infallible>,
    pub(super) alarms: Arc<Alarms>,
}

impl FlushLoop {
    /// Runs until there is nothing left to deliver, or until it is told to give up.
    pub(super) fn run(mut self, mut on_ack: impl FnMut(&Ack)) {
        while let Ok(delivery) = self.deliveries.recv() {
            failpoint::hit("send");
            if !self.flush(&delivery) {
                return;
            }
            failpoint::hit("acknowledge");
            if let Some(ack) = delivery.acknowledge() {
                on_ack(&ack);
            }
        }
    }

    /// Delivers one batch, however long it takes. Returns false if that is hopeless, or it was told to give up.
    fn flush(&mut self, delivery: &Delivery) -> bool {
        let mut result = self.flusher.take(delivery.batch());
        let mut delay = FIRST_DELAY;
        while let Err(error) = result {
            if self.flusher.is_final(&error) {
                error!(pipeline = self.pipeline, flusher = self.name, "nobody reads the output any more, giving up");
                return false;
            }
            self.alarms.raise(&Alarm {
                kind: "FLUSH_FAIL_ALARM".to_owned(),
                pipeline: self.pipeline.clone(),
                part: self.name.clone(),
                place: None,
                message: format!("cannot write: {error}; trying again, and reading stops until it works"),
                occurrences: 1,
            });
            if self.abort.recv_timeout(delay) == Err(RecvTimeoutError::Disconnected) {
                return false;
            }
            delay = (2 * delay).min(LONGEST_DELAY);
            result = self.flusher.retry();
        }
        true
    }
}

const FIRST_DELAY: Duration = Duration::from_millis(50);
const LONGEST_DELAY: Duration = Duration::from_secs(5);
