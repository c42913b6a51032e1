//! Matches in time linear to the value, with the engines of regex-automata.
//!
//! The one-pass engine knows at each byte what to do, and is several times faster than the others. A pattern that is
//! not one-pass gets an engine that remembers where it has been, and for long values one that tries all ways at once.
//!
//! Before any of them the [`Backtracker`] gets as many steps as the time stays linear with. It needs few for what log
//! patterns mostly are, and is faster than even the one-pass engine, which looks at every byte.

use regex_automata::dfa::onepass;
use regex_automata::nfa::thompson::backtrack::{self, BoundedBacktracker};
use regex_automata::nfa::thompson::pikevm::{self, PikeVM};
use regex_automata::nfa::thompson::{Compiler, NFA};
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::{Anchored, Input};
use regex_syntax::hir::{self, Capture, Class, ClassBytes, ClassBytesRange, Hir, Repetition};

use crate::backtrack::Backtracker;
use crate::engine::Slots;
use crate::pattern::{Look, Mode, Node};

/// An engine that takes linear time.
#[derive(Debug)]
pub(crate) struct Linear {
    quick: Option<Backtracker>,
    engine: Engine,
    slots: Vec<Option<NonMaxUsize>>,
}

#[derive(Debug)]
enum Engine {
    OnePass(Box<onepass::DFA>, Box<onepass::Cache>),
    General(Box<General>),
}

#[derive(Debug)]
struct General {
    short: BoundedBacktracker,
    short_cache: backtrack::Cache,
    long: PikeVM,
    long_cache: pikevm::Cache,
}

impl Linear {
    /// An engine that finds the first `groups` groups. None if the pattern is too large.
    pub(crate) fn new(root: &Node, groups: usize) -> Option<Self> {
        let whole = Hir::concat(vec![Hir::look(hir::Look::Start), hir(root, groups), Hir::look(hir::Look::End)]);
        let config = NFA::config().utf8(false).nfa_size_limit(Some(NFA_LIMIT_BYTES));
        let nfa = Compiler::new().configure(config).build_from_hir(&whole).ok()?;
        let config = onepass::Config::new().size_limit(Some(ONE_PASS_LIMIT_BYTES));
        let engine = match onepass::Builder::new().configure(config).build_from_nfa(nfa.clone()) {
            Ok(dfa) => {
                let cache = dfa.create_cache();
                Engine::OnePass(Box::new(dfa), Box::new(cache))
            }
            Err(_) => {
                let config = BoundedBacktracker::config().visited_capacity(VISITED_BYTES);
                let short = BoundedBacktracker::builder().configure(config).build_from_nfa(nfa.clone()).ok()?;
                let long = PikeVM::new_from_nfa(nfa).ok()?;
                let (short_cache, long_cache) = (short.create_cache(), long.create_cache());
                Engine::General(Box::new(General { short, short_cache, long, long_cache }))
            }
        };
        let quick = Backtracker::new(root, groups).filter(|_| !root.repeats_nothing());
        Some(Self { quick, engine, slots: vec![None; 2 * (groups + 1)] })
    }

    pub(crate) fn is_one_pass(&self) -> bool {
        matches!(self.engine, Engine::OnePass(..))
    }

    /// Without the quick attempt.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn thorough(root: &Node, groups: usize) -> Option<Self> {
        Some(Self { quick: None, ..Self::new(root, groups)? })
    }

    /// Whether a range of the arena matches as a whole; if so, where its groups are.
    #[inline]
    pub(crate) fn find(&mut self, arena: &[u8], start: usize, end: usize, found: &mut Slots) -> bool {
        if let Some(quick) = &mut self.quick {
            let steps = QUICK_STEPS + QUICK_STEPS_PER_BYTE * (end - start);
            if let Ok(matched) = quick.find(arena, start, end, steps, found) {
                return matched;
            }
        }
        self.find_thoroughly(&arena[start..end], found)
    }

    fn find_thoroughly(&mut self, value: &[u8], found: &mut Slots) -> bool {
        let input = Input::new(value).anchored(Anchored::Yes);
        let slots = &mut self.slots;
        let matched = match &mut self.engine {
            Engine::OnePass(dfa, cache) => dfa.try_search_slots(cache, &input, slots),
            Engine::General(general) if value.len() <= general.short.max_haystack_len() => {
                general.short.try_search_slots(&mut general.short_cache, &input, slots)
            }
            Engine::General(general) => Ok(general.long.search_slots(&mut general.long_cache, &input, slots)),
        };
        // The searches fail only for what is not done here: values that are too long, or that begin anywhere.
        if !matches!(matched, Ok(Some(_))) {
            return false;
        }
        for (place, pair) in slots.chunks_exact(2).skip(1).enumerate() {
            let (Some(start), Some(end)) = (pair[0], pair[1]) else {
                found.set(place, 0, 0);
                continue;
            };
            found.set(place, start.get(), end.get());
        }
        true
    }
}

/// The same for regex-automata. Groups after the first `groups` are not remembered.
fn hir(node: &Node, groups: usize) -> Hir {
    let all = |nodes: &[Node]| nodes.iter().map(|node| hir(node, groups)).collect();
    match node {
        Node::Byte(set) => match set.single() {
            Some(byte) => Hir::literal([byte]),
            None => {
                let ranges = set.ranges().into_iter().map(|(first, last)| ClassBytesRange::new(first, last));
                Hir::class(Class::Bytes(ClassBytes::new(ranges)))
            }
        },
        Node::Look(look) => Hir::look(match look {
            Look::Start => hir::Look::Start,
            Look::End => hir::Look::End,
            Look::LineStart => hir::Look::StartCRLF,
            Look::LineEnd => hir::Look::EndCRLF,
            Look::WordBoundary => hir::Look::WordAscii,
            Look::WordStart => hir::Look::WordStartAscii,
            Look::WordEnd => hir::Look::WordEndAscii,
            Look::SoftEnd | Look::WithinWord => unreachable!("these need backtracking"),
        }),
        Node::Group(index, node) if *index <= groups => {
            let sub = Box::new(hir(node, groups));
            Hir::capture(Capture { index: *index as u32, name: None, sub })
        }
        Node::Group(_, node) => hir(node, groups),
        Node::Concat(nodes) => Hir::concat(all(nodes)),
        Node::Alternate(nodes) => Hir::alternation(all(nodes)),
        Node::Repeat(node, repeat) => Hir::repetition(Repetition {
            min: repeat.min,
            max: repeat.max,
            greedy: repeat.mode != Mode::Lazy,
            sub: Box::new(hir(node, groups)),
        }),
        Node::Empty => Hir::empty(),
        Node::Atomic(_) | Node::Around(..) | Node::BackReference { .. } => unreachable!("these need backtracking"),
    }
}

/// What the quick attempt gets, and what for each byte: a few times what it usually needs.
const QUICK_STEPS: usize = 256;
const QUICK_STEPS_PER_BYTE: usize = 8;

/// Room for a pattern of some ten thousand bytes and sets, repetitions unrolled.
const NFA_LIMIT_BYTES: usize = 2 << 20;

/// A larger table would be slow to build and slow to use.
const ONE_PASS_LIMIT_BYTES: usize = 1 << 20;

/// What the engine for short values remembers with: a bit for each byte of the value and each state of the pattern.
const VISITED_BYTES: usize = 256 << 10;
