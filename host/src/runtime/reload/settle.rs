//! Takes what is found only when it stays as it is: files are seen half written, and are gone for a moment while they
//! are replaced.

use std::collections::{BTreeMap, BTreeSet};

/// What was found, as far as it can be relied on.
#[derive(Debug)]
pub(super) struct Settled<K, V> {
    taken: BTreeMap<K, V>,
    /// What the last look found.
    last: BTreeMap<K, V>,
}

/// What a look gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sight {
    /// Something was taken that is different from before.
    pub(super) has_changed: bool,
    /// Something is different, and is taken if the next look finds the same.
    pub(super) has_more: bool,
}

impl<K: Ord + Clone, V: PartialEq> Settled<K, V> {
    /// Nothing was found yet.
    pub(super) fn new() -> Self {
        Self { taken: BTreeMap::new(), last: BTreeMap::new() }
    }

    /// What can be relied on.
    pub(super) fn taken(&self) -> &BTreeMap<K, V> {
        &self.taken
    }

    /// Takes of what is there now what the look before found as well, or all of it if that is to be done `at_once`.
    pub(super) fn look(&mut self, now: BTreeMap<K, V>, at_once: bool) -> Sight
    where
        V: Clone,
    {
        let mut sight = Sight { has_changed: false, has_more: false };
        let keys: BTreeSet<K> = self.taken.keys().chain(now.keys()).cloned().collect();
        for key in keys {
            let found = now.get(&key);
            if found == self.taken.get(&key) {
                continue;
            }
            if !at_once && self.last.get(&key) != found {
                sight.has_more = true;
                continue;
            }
            sight.has_changed = true;
            match found {
                Some(found) => drop(self.taken.insert(key, found.clone())),
                None => drop(self.taken.remove(&key)),
            }
        }
        self.last = now;
        sight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Sight = Sight { has_changed: false, has_more: false };
    const MORE: Sight = Sight { has_changed: false, has_more: true };
    const CHANGED: Sight = Sight { has_changed: true, has_more: false };

    /// What is there.
    type Files<'a> = &'a [(&'a str, u8)];

    fn check(looks: &[(Files<'_>, Sight, Files<'_>)]) {
        let mut settled = Settled::new();
        settled.look([("a", 1)].into(), true);
        for (place, (found, sight, taken)) in looks.iter().enumerate() {
            assert_eq!(settled.look(found.iter().copied().collect(), false), *sight, "look {place}");
            assert_eq!(*settled.taken(), taken.iter().copied().collect(), "look {place}");
        }
    }

    #[test]
    fn two_looks_have_to_agree() {
        check(&[(&[("a", 1)], NOTHING, &[("a", 1)])]);
        check(&[(&[("a", 2)], MORE, &[("a", 1)]), (&[("a", 2)], CHANGED, &[("a", 2)])]);
        check(&[
            (&[("a", 2)], MORE, &[("a", 1)]),
            (&[("a", 3)], MORE, &[("a", 1)]),
            (&[("a", 3)], CHANGED, &[("a", 3)]),
        ]);
        check(&[(&[], MORE, &[("a", 1)]), (&[], CHANGED, &[])]);
    }

    #[test]
    fn what_is_gone_for_a_moment_stays() {
        check(&[(&[], MORE, &[("a", 1)]), (&[("a", 1)], NOTHING, &[("a", 1)]), (&[], MORE, &[("a", 1)])]);
        let renamed: Files<'_> = &[("b", 1)];
        check(&[(renamed, MORE, &[("a", 1)]), (&[("a", 1)], NOTHING, &[("a", 1)])]);
        check(&[(renamed, MORE, &[("a", 1)]), (renamed, CHANGED, renamed)]);
    }
}
