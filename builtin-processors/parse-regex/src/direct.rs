//! Matches the common shape of log patterns by scanning: literals between runs of bytes, as in access logs.
//!
//! It takes a pattern only if a value has at most one way to match it. Which way an engine would try first is then
//! no question, and the result is the same as that of any other. The rules, for a run of the class C and what follows:
//!
//! - If what follows cannot begin with a byte of C, the run goes on for as long as there are bytes of C.
//! - If what follows begins with a fixed number of bytes of C, and only then with something that is not of C, then the
//!   bytes of C are counted up to there, and the run ends that number of bytes earlier: `\S+\] `.
//! - A run of fixed length ends where it ends.
//! - The last run of a pattern may accept all bytes that the one before it does: `\s+(.*)`. Then there are several ways,
//!   but the one that counts is known: the first run takes what it can, unless the last one needs it.
//! - Of several alternatives at most one can begin with the next byte.
//!
//! Everything else is left to the engines.

use crate::byte_set::ByteSet;
use crate::engine::Slots;
use crate::literal::Literal;
use crate::pattern::{Mode, Node, Repeat};
use crate::scan::Class;

/// A pattern as a list of scans.
#[derive(Debug)]
pub(crate) struct Direct {
    program: Vec<Op>,
    /// Whether there are groups that may take no part.
    has_branches: bool,
}

#[derive(Debug)]
enum Op {
    Run(Run),
    Literal(Literal),
    /// So many bytes of a set.
    Exact(ByteSet, usize),
    /// The start or the end of a group.
    Mark(usize),
    /// Goes on at a place that depends on the next byte, or on there being none.
    Branch(Box<Branch>),
    Jump(usize),
    End,
}

/// A run of bytes of a class, perhaps captured, and a literal after it.
#[derive(Debug)]
struct Run {
    class: Class,
    min: usize,
    max: usize,
    /// How many bytes of the class belong to what follows.
    given_back: usize,
    /// How many bytes must be left before the end of the value.
    left_over: usize,
    start_mark: usize,
    end_mark: usize,
    literal: Literal,
}

#[derive(Debug)]
struct Branch {
    /// Nowhere: no match.
    by_byte: [u32; 256],
    at_end: u32,
}

impl Direct {
    /// A scanner that finds the first `groups` groups. None if the pattern does not have the shape.
    pub(crate) fn new(root: &Node, groups: usize) -> Option<Self> {
        let mut items = Vec::new();
        flatten(root, groups, &mut items)?;
        let mut compiler = Compiler { program: Vec::new(), unused_mark: 2 * groups, fused_from: 0 };
        compiler.emit_all(&items, First::END)?;
        compiler.program.push(Op::End);
        let has_branches = compiler.program.iter().any(|op| matches!(op, Op::Branch(_)));
        Some(Self { program: compiler.program, has_branches })
    }

    /// Whether a range of the arena matches as a whole; if so, where its groups are.
    #[inline]
    pub(crate) fn find(&self, arena: &[u8], start: usize, end: usize, found: &mut Slots) -> bool {
        let marks = found.marks();
        if self.has_branches {
            marks.fill(0);
        }
        let (mut at, mut op) = (start, 0);
        loop {
            match &self.program[op] {
                Op::Run(run) => {
                    let Some(latest) = end.checked_sub(run.left_over).filter(|latest| *latest >= at) else {
                        return false;
                    };
                    let scanned = run.class.end_of_run(arena, at, latest);
                    let Some(taken) = (scanned - at).checked_sub(run.given_back) else { return false };
                    if taken < run.min || taken > run.max {
                        return false;
                    }
                    marks[run.start_mark] = (at - start) as u32;
                    at += taken;
                    marks[run.end_mark] = (at - start) as u32;
                    if !run.literal.is_at(arena, at, end) {
                        return false;
                    }
                    at += run.literal.len();
                }
                Op::Literal(literal) => {
                    if !literal.is_at(arena, at, end) {
                        return false;
                    }
                    at += literal.len();
                }
                Op::Exact(set, count) => {
                    let Some(bytes) = arena[..end].get(at..).and_then(|rest| rest.get(..*count)) else { return false };
                    if !bytes.iter().all(|byte| set.contains(*byte)) {
                        return false;
                    }
                    at += count;
                }
                Op::Mark(mark) => marks[*mark] = (at - start) as u32,
                Op::Branch(branch) => {
                    let target = if at < end { branch.by_byte[usize::from(arena[at])] } else { branch.at_end };
                    if target == NOWHERE {
                        return false;
                    }
                    op = target as usize;
                    continue;
                }
                Op::Jump(target) => {
                    op = *target;
                    continue;
                }
                Op::End => return at == end,
            }
            op += 1;
        }
    }
}

/// A part of a pattern, without nesting except in alternatives.
#[derive(Debug)]
enum Item {
    Bytes(ByteSet, Repeat),
    Mark(usize),
    Choice(Vec<Vec<Item>>),
}

/// What something can begin with.
#[derive(Debug, Clone, Copy)]
struct First {
    bytes: ByteSet,
    /// Whether it can be empty at the end of the value.
    end: bool,
}

impl First {
    const END: Self = Self { bytes: ByteSet::EMPTY, end: true };
}

impl Item {
    /// What this can begin with if `next` is what comes after it.
    fn first(&self, next: First) -> First {
        match self {
            Self::Bytes(set, repeat) if repeat.min > 0 => First { bytes: *set, end: false },
            Self::Bytes(set, _) => First { bytes: set.union(next.bytes), end: next.end },
            Self::Mark(_) => next,
            Self::Choice(branches) => {
                let firsts = branches.iter().map(|branch| first(branch, next));
                firsts.fold(First { bytes: ByteSet::EMPTY, end: false }, |all, one| First {
                    bytes: all.bytes.union(one.bytes),
                    end: all.end || one.end,
                })
            }
        }
    }
}

fn first(items: &[Item], next: First) -> First {
    items.iter().rev().fold(next, |next, item| item.first(next))
}

const ONCE: Repeat = Repeat { min: 1, max: Some(1), mode: Mode::Greedy };

fn flatten(node: &Node, groups: usize, items: &mut Vec<Item>) -> Option<()> {
    match node {
        Node::Empty => {}
        Node::Byte(set) if set.is_empty() => return None,
        Node::Byte(set) => items.push(Item::Bytes(*set, ONCE)),
        Node::Group(group, node) if *group <= groups => {
            items.push(Item::Mark(2 * (group - 1)));
            flatten(node, groups, items)?;
            items.push(Item::Mark(2 * (group - 1) + 1));
        }
        Node::Group(_, node) => flatten(node, groups, items)?,
        Node::Concat(nodes) => nodes.iter().try_for_each(|node| flatten(node, groups, items))?,
        Node::Alternate(nodes) => {
            let branch = |node: &Node| {
                let mut items = Vec::new();
                flatten(node, groups, &mut items)?;
                Some(items)
            };
            items.push(Item::Choice(nodes.iter().map(branch).collect::<Option<_>>()?));
        }
        Node::Repeat(node, repeat) => match (&**node, repeat) {
            (Node::Byte(set), _) if !set.is_empty() => items.push(Item::Bytes(*set, *repeat)),
            // An optional part. Possessive or not: there is one way at most.
            (node, Repeat { min: 0, max: Some(1), .. }) => {
                let mut inner = Vec::new();
                flatten(node, groups, &mut inner)?;
                items.push(Item::Choice(vec![inner, Vec::new()]));
            }
            _ => return None,
        },
        Node::Look(_) | Node::Atomic(_) | Node::Around(..) | Node::BackReference { .. } => return None,
    }
    Some(())
}

#[derive(Debug)]
struct Compiler {
    program: Vec<Op>,
    unused_mark: usize,
    /// Instructions from here on may still be extended: no jump leads between them.
    fused_from: usize,
}

impl Compiler {
    /// Adds the scans for items. None if there is more than one way to match them.
    fn emit_all(&mut self, items: &[Item], next: First) -> Option<()> {
        for (place, item) in items.iter().enumerate() {
            let rest = &items[place + 1..];
            match item {
                Item::Bytes(set, repeat) if Some(repeat.min) == repeat.max => self.emit_exact(*set, repeat.min),
                Item::Bytes(set, repeat) => self.emit_run(*set, *repeat, rest, next)?,
                Item::Mark(mark) => self.emit_mark(*mark),
                Item::Choice(branches) => self.emit_choice(branches, first(rest, next))?,
            }
        }
        Some(())
    }

    fn emit_exact(&mut self, set: ByteSet, count: u32) {
        match (set.single(), count) {
            (_, 0) => {}
            (Some(byte), 1..=MAX_LITERAL) => (0..count).for_each(|_| self.emit_literal(byte)),
            _ => self.program.push(Op::Exact(set, count as usize)),
        }
    }

    fn emit_literal(&mut self, byte: u8) {
        match self.program.get_mut(self.fused_from..).and_then(<[Op]>::last_mut) {
            Some(Op::Literal(literal) | Op::Run(Run { literal, .. })) if !literal.is_full() => literal.push(byte),
            _ => self.program.push(Op::Literal(Literal::of(byte))),
        }
    }

    fn emit_run(&mut self, set: ByteSet, repeat: Repeat, rest: &[Item], next: First) -> Option<()> {
        let (given_back, left_over) = match given_back(set, rest, next) {
            Some(given_back) => (given_back, 0),
            None if repeat.max.is_none() && repeat.mode == Mode::Greedy => (0, left_over(set, rest, next)?),
            None => return None,
        };
        // A possessive run would not give back.
        if given_back > 0 && repeat.mode == Mode::Possessive {
            return None;
        }
        let start_mark = match self.program.get(self.fused_from..).and_then(<[Op]>::last) {
            Some(Op::Mark(mark)) => {
                let mark = *mark;
                self.program.pop();
                mark
            }
            _ => self.unused_mark,
        };
        self.program.push(Op::Run(Run {
            class: Class::new(set)?,
            min: repeat.min as usize,
            max: repeat.max.map_or(usize::MAX, |max| max as usize),
            given_back,
            left_over,
            start_mark,
            end_mark: self.unused_mark,
            literal: Literal::default(),
        }));
        Some(())
    }

    fn emit_mark(&mut self, mark: usize) {
        match self.program.get_mut(self.fused_from..).and_then(<[Op]>::last_mut) {
            Some(Op::Run(run)) if run.literal.len() == 0 && run.end_mark == self.unused_mark => run.end_mark = mark,
            _ => self.program.push(Op::Mark(mark)),
        }
    }

    fn emit_choice(&mut self, branches: &[Vec<Item>], next: First) -> Option<()> {
        let start = self.program.len();
        let mut branch = Branch { by_byte: [NOWHERE; 256], at_end: NOWHERE };
        self.program.push(Op::Jump(start));
        let mut jumps = Vec::new();
        let (mut taken, mut end_is_taken) = (ByteSet::EMPTY, false);
        for items in branches {
            let first = first(items, next);
            if !first.bytes.is_disjoint(&taken) || first.end && end_is_taken {
                return None;
            }
            taken = taken.union(first.bytes);
            end_is_taken |= first.end;
            let target = self.program.len() as u32;
            first.bytes.bytes().for_each(|byte| branch.by_byte[usize::from(byte)] = target);
            if first.end {
                branch.at_end = target;
            }
            self.fused_from = self.program.len();
            self.emit_all(items, next)?;
            jumps.push(self.program.len());
            self.program.push(Op::Jump(start));
        }
        let end = self.program.len();
        for jump in jumps {
            self.program[jump] = Op::Jump(end);
        }
        self.program[start] = Op::Branch(Box::new(branch));
        self.fused_from = end;
        Some(())
    }
}

/// How many bytes of a run's set belong to what follows. None if that depends.
fn given_back(set: ByteSet, rest: &[Item], next: First) -> Option<usize> {
    let mut count = 0;
    for (place, item) in rest.iter().enumerate() {
        if first(&rest[place..], next).bytes.is_disjoint(&set) {
            return Some(count);
        }
        match item {
            Item::Bytes(bytes, repeat) if Some(repeat.min) == repeat.max && bytes.is_subset(&set) => {
                count += repeat.min as usize;
            }
            Item::Mark(_) => {}
            _ => return None,
        }
    }
    next.bytes.is_disjoint(&set).then_some(count)
}

/// How many bytes the last run of a pattern needs, if that is all that follows and it accepts all bytes of `set`.
fn left_over(set: ByteSet, rest: &[Item], next: First) -> Option<usize> {
    let mut runs = rest.iter().filter(|item| !matches!(item, Item::Mark(_)));
    match (runs.next(), runs.next()) {
        (Some(Item::Bytes(bytes, Repeat { min, max: None, .. })), None) => {
            (next.end && next.bytes.is_empty() && set.is_subset(bytes)).then_some(*min as usize)
        }
        _ => None,
    }
}

const NOWHERE: u32 = u32::MAX;

/// A longer repetition of one byte is no literal.
const MAX_LITERAL: u32 = 64;
