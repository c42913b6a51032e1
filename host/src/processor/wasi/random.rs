//! Random numbers: real ones if granted.

use wasmtime::component::HasData;
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};

use super::super::guest::Guest;
use super::super::outside::Outside;
use super::Wasi;

/// Whose numbers they are.
pub(super) struct Random;

/// What random numbers need.
pub(super) struct View<'a> {
    outside: &'a mut Outside,
    memory_bytes: usize,
}

impl HasData for Random {
    type Data<'a> = View<'a>;
}

pub(super) fn view(guest: &mut Guest) -> View<'_> {
    let Wasi { outside, limits, .. } = guest.wasi();
    View { outside, memory_bytes: limits.memory_bytes }
}

impl View<'_> {
    fn bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        let len = usize::try_from(len).ok().filter(|len| *len <= self.memory_bytes);
        let len = len.ok_or_else(|| wasmtime::format_err!("asked for more random bytes than its memory holds"))?;
        Ok(self.outside.random(len)?)
    }
}

impl random::Host for View<'_> {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.bytes(len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.outside.random_u64()?)
    }
}

impl insecure::Host for View<'_> {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.bytes(len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.outside.random_u64()?)
    }
}

impl insecure_seed::Host for View<'_> {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((self.outside.random_u64()?, self.outside.random_u64()?))
    }
}
