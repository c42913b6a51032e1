//! Clocks: the real ones if granted.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use super::super::guest::Guest;
use super::super::outside::Outside;
use super::Wasi;

/// Whose clocks they are.
pub(super) struct Clocks;

/// What the clocks need.
pub(super) struct View<'a> {
    outside: &'a mut Outside,
    table: &'a mut ResourceTable,
    deadline: Instant,
}

/// Waits until a time, which is never beyond the end of the call.
struct Nap {
    until: Instant,
}

impl HasData for Clocks {
    type Data<'a> = View<'a>;
}

pub(super) fn view(guest: &mut Guest) -> View<'_> {
    let Wasi { outside, table, deadline, .. } = guest.wasi();
    View { outside, table, deadline: *deadline }
}

impl View<'_> {
    /// Something to wait for that comes after `duration`. While time stands still, it has come.
    fn nap(&mut self, duration: Duration) -> wasmtime::Result<Resource<DynPollable>> {
        let now = Instant::now();
        let until = if self.outside.has_clock() { now.checked_add(duration).unwrap_or(self.deadline) } else { now };
        let nap = self.table.push(Nap { until: until.min(self.deadline) })?;
        subscribe(self.table, nap)
    }
}

#[async_trait]
impl Pollable for Nap {
    async fn ready(&mut self) {
        if self.until > Instant::now() {
            sleep_until(self.until).await;
        }
    }
}

impl wall_clock::Host for View<'_> {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        let now = self.outside.wall()?;
        Ok(wall_clock::Datetime { seconds: now.as_secs(), nanoseconds: now.subsec_nanos() })
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        let is_real = self.outside.has_clock();
        Ok(wall_clock::Datetime { seconds: u64::from(!is_real), nanoseconds: u32::from(is_real) })
    }
}

impl monotonic_clock::Host for View<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.outside.monotonic()?)
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let now = self.outside.monotonic()?;
        self.nap(Duration::from_nanos(when.saturating_sub(now)))
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.nap(Duration::from_nanos(duration))
    }
}
