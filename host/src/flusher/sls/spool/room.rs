//! How many bytes all spools of an agent may have on disk together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The limit of bytes on disk, which all destinations share.
#[derive(Debug)]
pub struct Room {
    limit_bytes: u64,
    used_bytes: AtomicU64,
}

impl Room {
    /// Room for this many bytes.
    pub fn new(limit_bytes: u64) -> Arc<Self> {
        Arc::new(Self { limit_bytes, used_bytes: AtomicU64::new(0) })
    }

    /// How many bytes there may be.
    pub fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    /// How many bytes there are. More than the limit, if an agent with a higher one left them.
    pub fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Ordering::Acquire)
    }
}

/// What one spool uses of the room. It is given back when the spool is closed.
#[derive(Debug)]
pub(super) struct Share {
    room: Arc<Room>,
    bytes: u64,
}

impl Share {
    pub(super) fn new(room: Arc<Room>) -> Self {
        Self { room, bytes: 0 }
    }

    /// Uses more, if there is room for it.
    pub(super) fn try_grow(&mut self, bytes: u64) -> bool {
        let limit = self.room.limit_bytes;
        let grow = |used: u64| used.checked_add(bytes).filter(|used| *used <= limit);
        let is_grown = self.room.used_bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, grow).is_ok();
        self.bytes += if is_grown { bytes } else { 0 };
        is_grown
    }

    /// Uses what is on disk already, whether there is room for it or not.
    pub(super) fn grow(&mut self, bytes: u64) {
        self.room.used_bytes.fetch_add(bytes, Ordering::AcqRel);
        self.bytes += bytes;
    }

    /// Gives some of it back.
    pub(super) fn shrink(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        self.room.used_bytes.fetch_sub(bytes, Ordering::AcqRel);
        self.bytes -= bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shrink(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_share_what_there_is() {
        let room = Room::new(10);
        let (mut one, mut other) = (Share::new(Arc::clone(&room)), Share::new(Arc::clone(&room)));
        assert!(one.try_grow(6) && !other.try_grow(5) && other.try_grow(4));
        one.shrink(1);
        assert!(!other.try_grow(2) && other.try_grow(1));
        other.grow(100);
        assert_eq!((room.used_bytes(), room.limit_bytes()), (110, 10));
        assert!(!one.try_grow(0) && !one.try_grow(u64::MAX));
        drop(other);
        assert_eq!(room.used_bytes(), 5);
        drop(one);
        assert_eq!(room.used_bytes(), 0);
    }
}
