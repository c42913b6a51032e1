//! The keys that the objects of a batch have, and which of them comes next.
//!
//! Lines of one source mostly have the same keys in the same order. So each key remembers which one followed it last, and
//! the next key of a line is compared with that before anything is hashed.

use loglift_sdk::{Changes, Key, Span};

use crate::scan;

/// The keys met in a batch, by their index in its dictionary.
#[derive(Debug)]
pub(crate) struct Keys {
    known: Vec<Known>,
    /// The key that each hash was last met for. It spares most of the lookups in the dictionary.
    recent: [u32; RECENT],
    /// The first key of the last object.
    first: u32,
    /// The key met last, or `START`.
    last: u32,
    /// Counts objects, from 1.
    object: u32,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    key: Key,
    /// The first block of its text with both quotes, as far as `mask` says.
    head: u128,
    mask: u128,
    /// Its text in the arena, with both quotes.
    start: u32,
    len: u32,
    /// The key that followed it last.
    next: u32,
    /// The object in which it was met last, and its place among the fields of the event there.
    object: u32,
    place: u32,
}

impl Keys {
    pub(crate) fn new() -> Self {
        Self { known: Vec::new(), recent: [NONE; RECENT], first: NONE, last: NONE, object: 0 }
    }

    /// Forgets everything: keys belong to a batch.
    pub(crate) fn clear(&mut self) {
        *self = Self { known: std::mem::take(&mut self.known), ..Self::new() };
        self.known.clear();
    }

    /// Starts an object.
    #[inline(always)]
    pub(crate) fn start_object(&mut self) {
        self.object += 1;
        self.last = NONE;
    }

    /// The key whose text with both quotes is at `at`, and its length, if it is the one that is expected there.
    #[inline(always)]
    pub(crate) fn guess(&mut self, arena: &[u8], at: usize) -> Option<(Key, usize)> {
        let next = self.known.get(self.last as usize).map_or(self.first, |last| last.next);
        let known = self.known.get(next as usize)?;
        let head = u128::from_le_bytes(*scan::block(arena, at)?);
        if head & known.mask != known.head || !known.tail_is_at(arena, at) {
            return None;
        }
        self.last = next;
        Some((known.key, known.len as usize))
    }

    /// The key that is written at `name` in the arena, without escapes.
    pub(crate) fn find(&mut self, arena: &[u8], name: Span, changes: &mut Changes) -> Key {
        let (start, len) = (name.offset as usize - 1, name.len as usize + 2);
        let slot = hash(&arena[start..start + len]) as usize % RECENT;
        let recent = self.known.get(self.recent[slot] as usize);
        let key = match recent.filter(|known| known.is(arena, start, len)) {
            Some(known) => known.key,
            None => {
                let key = changes.key_at(name);
                self.learn(key, arena, start, len);
                self.recent[slot] = key.index() as u32;
                key
            }
        };
        self.follow(key);
        key
    }

    /// Notes that `key` was met, by other ways than `find`.
    pub(crate) fn follow(&mut self, key: Key) {
        let index = key.index() as u32;
        self.make_room(key);
        match self.known.get_mut(self.last as usize) {
            Some(last) => last.next = index,
            None => self.first = index,
        }
        self.last = index;
    }

    /// The place that `key` has in the event already. If it has none, it now has `place`.
    #[inline(always)]
    pub(crate) fn place(&mut self, key: Key, place: usize) -> Option<usize> {
        let known = &mut self.known[key.index()];
        if known.object == self.object {
            return Some(known.place as usize);
        }
        known.object = self.object;
        known.place = place as u32;
        None
    }

    /// Notes that the event had `key` before it was parsed.
    pub(crate) fn occupy(&mut self, key: Key, place: usize) {
        self.make_room(key);
        self.place(key, place);
    }

    fn learn(&mut self, key: Key, arena: &[u8], start: usize, len: usize) {
        self.make_room(key);
        let mask = if len < scan::BLOCK { (1 << (8 * len)) - 1 } else { u128::MAX };
        let Some(block) = scan::block(arena, start) else { return };
        let head = u128::from_le_bytes(*block) & mask;
        let known = &mut self.known[key.index()];
        *known = Known { head, mask, start: start as u32, len: len as u32, ..*known };
    }

    fn make_room(&mut self, key: Key) {
        while self.known.len() <= key.index() {
            self.known.push(Known::new(key));
        }
    }
}

impl Known {
    fn new(key: Key) -> Self {
        // No text has this head.
        Self { key, head: u128::MAX, mask: 0, start: 0, len: 0, next: NONE, object: 0, place: 0 }
    }

    #[inline(always)]
    fn tail_is_at(&self, arena: &[u8], at: usize) -> bool {
        let len = self.len as usize;
        len <= scan::BLOCK || {
            let own = self.start as usize;
            arena.get(at + scan::BLOCK..at + len) == Some(&arena[own + scan::BLOCK..own + len])
        }
    }

    fn is(&self, arena: &[u8], start: usize, len: usize) -> bool {
        let own = self.start as usize;
        self.len as usize == len && arena[own..own + len] == arena[start..start + len]
    }
}

/// Mixes the bytes of a key. Keys that collide on purpose only cost a lookup in the dictionary each.
fn hash(text: &[u8]) -> u32 {
    let mix = |hash: u64, bits: u64| (hash ^ bits).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let mut words = text.chunks_exact(8);
    let hash = words.by_ref().fold(text.len() as u64, |hash, word| {
        mix(hash, u64::from_le_bytes(word.try_into().expect("a chunk has eight bytes")))
    });
    let rest = words.remainder().iter().fold(0, |rest, byte| rest << 8 | u64::from(*byte));
    (mix(hash, rest) >> 32) as u32
}

/// How many hashes are remembered.
const RECENT: usize = 256;

/// An index that no key has.
const NONE: u32 = u32::MAX;
