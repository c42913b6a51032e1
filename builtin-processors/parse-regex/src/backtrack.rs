//! Matches by trying one way after the other, for the constructs that need it: lookaround, back-references, possessive
//! quantifiers and atomic groups.
//!
//! The pattern becomes a list of instructions. Wherever there is another way, a frame remembers it on a stack of its
//! own; a frame may also remember what a register was, so that going back restores it. Since trying can take time
//! exponential to the value, a match gives up after a number of steps.
//!
//! Most runs of log patterns have one possible end only, since what follows cannot begin with a byte of the run. They
//! leave no frame, and so a match of such a pattern goes straight through.

use crate::byte_set::ByteSet;
use crate::engine::{NoMatch, Slots};
use crate::literal::Literal;
use crate::pattern::{Around, Look, Mode, Node, Repeat};
use crate::scan::Class;

/// An engine that can match every pattern, at a price.
#[derive(Debug)]
pub(crate) struct Backtracker {
    program: Vec<Op>,
    groups: usize,
    /// Start and end of each group, then what instructions keep.
    registers: Vec<usize>,
    frames: Vec<Frame>,
}

#[derive(Debug)]
enum Op {
    Byte(ByteSet),
    Literal(Literal),
    Run(Box<Run>),
    /// Goes on at the first place, later perhaps at the second.
    Split(usize, usize),
    Jump(usize),
    /// Remembers the position in a register.
    Save(usize),
    /// Goes to a place unless the position is still the remembered one.
    JumpIfMoved(usize, usize),
    Look(Look),
    BackReference {
        group: usize,
        ignore_case: bool,
    },
    StepBack(usize),
    /// Remembers in two registers the height of the stack, and the position.
    Open(usize),
    /// Forgets all other ways since `Open`.
    Cut(usize),
    /// The same, and goes back to where that was.
    CutAndReturn(usize),
    /// Fails as if nothing since `Open` had happened.
    CutAndFail(usize),
    Match,
}

#[derive(Debug)]
struct Run {
    set: ByteSet,
    /// The set as something to scan for, if it is that simple.
    class: Option<Class>,
    min: usize,
    max: usize,
    mode: Mode,
    /// What has to come after the run, as far as that is known: it ends nowhere else.
    follow: Follow,
}

/// What can come at a place.
#[derive(Debug, Clone, Copy)]
struct Follow {
    bytes: ByteSet,
    end: bool,
}

#[derive(Debug, Clone, Copy)]
enum Frame {
    /// Another way: an instruction, and the position for it.
    Branch { op: usize, at: usize },
    /// Other ways: the same instruction at all positions from `last` down to `first`.
    Shorter { op: usize, first: usize, last: usize },
    /// Another way: one byte more for the lazy run before `op`.
    Longer { op: usize, at: usize, left: usize },
    /// No way, but what a register was.
    Restore { register: usize, value: usize },
}

impl Backtracker {
    /// An engine that knows the first `groups` groups, to which all back-references go. None if the pattern is too large.
    pub(crate) fn new(root: &Node, groups: usize) -> Option<Self> {
        let mut compiler = Compiler { program: Vec::new(), groups, registers: 2 * (groups + 1) };
        compiler.emit(root)?;
        compiler.program.push(Op::Match);
        compiler.look_ahead();
        let registers = vec![UNSET; compiler.registers];
        Some(Self { program: compiler.program, groups, registers, frames: Vec::new() })
    }

    /// Whether a range of the arena matches as a whole; if so, where its groups are.
    ///
    /// # Errors
    /// [`NoMatch::GaveUp`] after `step_limit` steps, or when there are too many other ways to remember.
    pub(crate) fn find(
        &mut self,
        arena: &[u8],
        start: usize,
        end: usize,
        step_limit: usize,
        found: &mut Slots,
    ) -> Result<bool, NoMatch> {
        self.registers.fill(UNSET);
        self.frames.clear();
        if !self.run(Text { arena, start, end }, step_limit)? {
            return Ok(false);
        }
        let wanted = found.marks().len() / 2 - 1;
        for group in 1..=wanted.min(self.groups) {
            let (from, to) = self.group(group).unwrap_or((start, start));
            found.set(group - 1, from - start, to - start);
        }
        Ok(true)
    }

    fn run(&mut self, text: Text, step_limit: usize) -> Result<bool, NoMatch> {
        let (mut op, mut at) = (0, text.start);
        for _ in 0..step_limit {
            let next = match &self.program[op] {
                Op::Match if at == text.end => return Ok(true),
                Op::Match => None,
                Op::Byte(set) => text.byte(at).filter(|byte| set.contains(*byte)).map(|_| (op + 1, at + 1)),
                Op::Literal(literal) => literal.is_at(text.arena, at, text.end).then_some((op + 1, at + literal.len())),
                Op::Run(run) => run.take(text, op + 1, at, &mut self.frames).map(|end| (op + 1, end)),
                Op::Split(first, second) => {
                    self.frames.push(Frame::Branch { op: *second, at });
                    Some((*first, at))
                }
                Op::Jump(to) => Some((*to, at)),
                Op::Save(register) => {
                    let register = *register;
                    self.set(register, at);
                    Some((op + 1, at))
                }
                Op::JumpIfMoved(register, to) => Some((if self.registers[*register] == at { op + 1 } else { *to }, at)),
                Op::Look(look) => holds(*look, text.value(), at - text.start).then_some((op + 1, at)),
                Op::BackReference { group, ignore_case } => {
                    self.repeats(*group, *ignore_case, text, at).map(|end| (op + 1, end))
                }
                Op::StepBack(width) => (at - text.start >= *width).then(|| (op + 1, at - width)),
                Op::Open(register) => {
                    let register = *register;
                    self.set(register + 1, at);
                    self.set(register, 0);
                    self.registers[register] = self.frames.len();
                    Some((op + 1, at))
                }
                Op::Cut(register) => {
                    self.cut(self.registers[*register]);
                    Some((op + 1, at))
                }
                Op::CutAndReturn(register) => {
                    let register = *register;
                    self.cut(self.registers[register]);
                    Some((op + 1, self.registers[register + 1]))
                }
                Op::CutAndFail(register) => {
                    let height = self.registers[*register];
                    while self.frames.len() > height {
                        self.drop_frame();
                    }
                    None
                }
            };
            let Some(next) = next.or_else(|| self.other_way(text)) else { return Ok(false) };
            (op, at) = next;
            if self.frames.len() > MAX_FRAMES {
                break;
            }
        }
        Err(NoMatch::GaveUp)
    }

    /// The latest way that has not been tried, with the registers as they were.
    fn other_way(&mut self, text: Text) -> Option<(usize, usize)> {
        loop {
            match self.frames.pop()? {
                Frame::Branch { op, at } => return Some((op, at)),
                Frame::Shorter { op, first, last } => {
                    let Op::Run(run) = &self.program[op - 1] else { continue };
                    let Some(end) = (first..=last).rev().find(|end| run.follow.is_at(text, *end)) else { continue };
                    if end > first {
                        self.frames.push(Frame::Shorter { op, first, last: end - 1 });
                    }
                    return Some((op, end));
                }
                Frame::Longer { op, at, left } => {
                    let Op::Run(run) = &self.program[op - 1] else { continue };
                    let longest = run.end_of_run(text, at, left);
                    let Some(end) = (at + 1..=longest).find(|end| run.follow.is_at(text, *end)) else { continue };
                    if end < longest {
                        self.frames.push(Frame::Longer { op, at: end, left: left - (end - at) });
                    }
                    return Some((op, end));
                }
                Frame::Restore { register, value } => self.registers[register] = value,
            }
        }
    }

    fn drop_frame(&mut self) {
        if let Some(Frame::Restore { register, value }) = self.frames.pop() {
            self.registers[register] = value;
        }
    }

    /// Forgets the ways above a height of the stack, but not what registers were.
    fn cut(&mut self, height: usize) {
        let mut kept = height;
        for place in height..self.frames.len() {
            if let Frame::Restore { .. } = self.frames[place] {
                self.frames[kept] = self.frames[place];
                kept += 1;
            }
        }
        self.frames.truncate(kept);
    }

    #[inline]
    fn set(&mut self, register: usize, value: usize) {
        // Without another way nobody will ask for the old value.
        if !self.frames.is_empty() {
            self.frames.push(Frame::Restore { register, value: self.registers[register] });
        }
        self.registers[register] = value;
    }

    fn group(&self, group: usize) -> Option<(usize, usize)> {
        let (start, end) = (self.registers[2 * group], self.registers[2 * group + 1]);
        // A group that is matched again has a new start, but its old end until it is complete.
        (start != UNSET && end != UNSET && start <= end).then_some((start, end))
    }

    /// The end of what a group matched, found once more.
    fn repeats(&self, group: usize, ignore_case: bool, text: Text, at: usize) -> Option<usize> {
        let Some((start, end)) = self.group(group) else { return Some(at) };
        let (first, second) = (&text.arena[start..end], text.arena[..text.end].get(at..at + (end - start))?);
        let same = if ignore_case { first.eq_ignore_ascii_case(second) } else { first == second };
        same.then_some(at + (end - start))
    }
}

/// A value in its arena. All positions are of the arena.
#[derive(Debug, Clone, Copy)]
struct Text<'a> {
    arena: &'a [u8],
    start: usize,
    end: usize,
}

impl<'a> Text<'a> {
    fn byte(self, at: usize) -> Option<u8> {
        self.arena[..self.end].get(at).copied()
    }

    fn value(self) -> &'a [u8] {
        &self.arena[self.start..self.end]
    }
}

impl Run {
    /// The end of the run to try first; a frame remembers the others.
    #[inline]
    fn take(&self, text: Text, next: usize, at: usize, frames: &mut Vec<Frame>) -> Option<usize> {
        let wanted = if self.mode == Mode::Lazy { self.min } else { self.max };
        let end = self.end_of_run(text, at, wanted);
        let taken = end - at;
        if taken < self.min {
            return None;
        }
        match self.mode {
            Mode::Greedy if taken > self.min => {
                frames.push(Frame::Shorter { op: next, first: at + self.min, last: end - 1 });
            }
            Mode::Lazy => frames.push(Frame::Longer { op: next, at: end, left: self.max - self.min }),
            _ => {}
        }
        Some(end)
    }

    /// Where the bytes of the set end, after `at_most` of them at the latest.
    #[inline]
    fn end_of_run(&self, text: Text, at: usize, at_most: usize) -> usize {
        let latest = at_most.min(text.end - at) + at;
        match &self.class {
            Some(class) => class.end_of_run(text.arena, at, latest),
            None => at + text.arena[at..latest].iter().take_while(|byte| self.set.contains(**byte)).count(),
        }
    }
}

impl Follow {
    const ANYTHING: Self = Self { bytes: ByteSet::ALL, end: true };

    fn is_at(self, text: Text, at: usize) -> bool {
        text.byte(at).map_or(self.end, |byte| self.bytes.contains(byte))
    }
}

fn holds(look: Look, value: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| value[before]);
    let after = value.get(at).copied();
    let is_word = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let in_line_break = before == Some(b'\r') && after == Some(b'\n');
    match look {
        Look::Start => before.is_none(),
        Look::End => after.is_none(),
        Look::LineStart => matches!(before, None | Some(b'\n' | b'\r')) && !in_line_break,
        Look::LineEnd => matches!(after, None | Some(b'\n' | b'\r')) && !in_line_break,
        Look::SoftEnd => value[at..].iter().all(|byte| matches!(byte, b'\n' | b'\r' | 0x0c)),
        Look::WordBoundary => is_word(before) != is_word(after),
        Look::WithinWord => before.is_some() && after.is_some() && is_word(before) == is_word(after),
        Look::WordStart => !is_word(before) && is_word(after),
        Look::WordEnd => is_word(before) && !is_word(after),
    }
}

#[derive(Debug)]
struct Compiler {
    program: Vec<Op>,
    groups: usize,
    registers: usize,
}

impl Compiler {
    /// Adds the instructions for a node. None if they become too many.
    fn emit(&mut self, node: &Node) -> Option<()> {
        if self.program.len() > MAX_OPS {
            return None;
        }
        match node {
            Node::Empty => {}
            Node::Byte(set) => match set.single() {
                Some(byte) => self.program.push(Op::Literal(Literal::of(byte))),
                None => self.program.push(Op::Byte(*set)),
            },
            Node::Look(look) => self.program.push(Op::Look(*look)),
            Node::Group(group, node) if *group > self.groups => self.emit(node)?,
            Node::Group(group, node) => {
                self.program.push(Op::Save(2 * group));
                self.emit(node)?;
                self.program.push(Op::Save(2 * group + 1));
            }
            Node::Concat(nodes) => self.emit_all(nodes)?,
            Node::Alternate(nodes) => self.emit_alternatives(nodes)?,
            Node::Repeat(node, repeat) => match (&**node, repeat.mode) {
                (Node::Byte(set), _) => self.program.push(Op::Run(Box::new(Run {
                    set: *set,
                    class: Class::new(*set),
                    min: repeat.min as usize,
                    max: repeat.max.map_or(usize::MAX, |max| max as usize),
                    mode: repeat.mode,
                    follow: Follow::ANYTHING,
                }))),
                (_, Mode::Possessive) => {
                    let greedy = Repeat { mode: Mode::Greedy, ..*repeat };
                    self.emit(&Node::Atomic(Box::new(Node::Repeat(node.clone(), greedy))))?;
                }
                _ => self.emit_repeat(node, *repeat)?,
            },
            Node::Atomic(node) => {
                let register = self.open();
                self.emit(node)?;
                self.program.push(Op::Cut(register));
            }
            Node::Around(around, node) => self.emit_around(*around, node)?,
            Node::BackReference { group, ignore_case } => {
                self.program.push(Op::BackReference { group: *group, ignore_case: *ignore_case });
            }
        }
        Some(())
    }

    fn emit_all(&mut self, nodes: &[Node]) -> Option<()> {
        let literal = |node: &Node| if let Node::Byte(set) = node { set.single() } else { None };
        let mut before = None;
        for node in nodes {
            let byte = literal(node);
            match (self.program.last_mut(), before, byte) {
                // Both in this list: no jump leads between them.
                (Some(Op::Literal(text)), Some(_), Some(byte)) if !text.is_full() => text.push(byte),
                _ => self.emit(node)?,
            }
            before = byte;
        }
        Some(())
    }

    /// Tells runs what comes after them.
    fn look_ahead(&mut self) {
        for place in 0..self.program.len() {
            let next = self.program[place + 1..].iter().find(|op| !matches!(op, Op::Save(_)));
            let follow = match next {
                Some(Op::Byte(bytes)) => Follow { bytes: *bytes, end: false },
                Some(Op::Literal(literal)) => Follow { bytes: ByteSet::of(&[literal.first()]), end: false },
                Some(Op::Run(run)) if run.min > 0 => Follow { bytes: run.set, end: false },
                Some(Op::Match) => Follow { bytes: ByteSet::EMPTY, end: true },
                _ => Follow::ANYTHING,
            };
            if let Op::Run(run) = &mut self.program[place] {
                run.follow = follow;
                if follow.bytes.is_disjoint(&run.set) {
                    // It can end only where its bytes do.
                    run.mode = Mode::Possessive;
                }
            }
        }
    }

    fn emit_alternatives(&mut self, nodes: &[Node]) -> Option<()> {
        let mut jumps = Vec::new();
        for (place, node) in nodes.iter().enumerate() {
            let is_last = place + 1 == nodes.len();
            let split = (!is_last).then(|| self.placeholder());
            self.emit(node)?;
            if let Some(split) = split {
                jumps.push(self.placeholder());
                self.program[split] = Op::Split(split + 1, self.program.len());
            }
        }
        for jump in jumps {
            self.program[jump] = Op::Jump(self.program.len());
        }
        Some(())
    }

    fn emit_repeat(&mut self, node: &Node, repeat: Repeat) -> Option<()> {
        let start = self.program.len();
        for _ in 0..repeat.min {
            self.emit(node)?;
            // Nothing stays nothing, however often.
            if self.program.len() == start {
                return Some(());
            }
        }
        let split = |body: usize, end: usize| match repeat.mode {
            Mode::Lazy => Op::Split(end, body),
            _ => Op::Split(body, end),
        };
        let Some(max) = repeat.max else {
            let (start, register) = (self.placeholder(), self.register());
            self.program.push(Op::Save(register));
            self.emit(node)?;
            self.program.push(Op::JumpIfMoved(register, start));
            self.program[start] = split(start + 1, self.program.len());
            return Some(());
        };
        let mut splits = Vec::new();
        for _ in repeat.min..max {
            splits.push(self.placeholder());
            self.emit(node)?;
        }
        for start in splits {
            self.program[start] = split(start + 1, self.program.len());
        }
        Some(())
    }

    fn emit_around(&mut self, around: Around, node: &Node) -> Option<()> {
        let (negated, width) = match around {
            Around::Ahead { negated } => (negated, 0),
            Around::Behind { negated, width } => (negated, width),
        };
        let register = self.open();
        let split = negated.then(|| self.placeholder());
        if width > 0 {
            self.program.push(Op::StepBack(width));
        }
        self.emit(node)?;
        self.program.push(if negated { Op::CutAndFail(register) } else { Op::CutAndReturn(register) });
        if let Some(split) = split {
            self.program[split] = Op::Split(split + 1, self.program.len());
        }
        Some(())
    }

    fn open(&mut self) -> usize {
        let register = self.register();
        self.register();
        self.program.push(Op::Open(register));
        register
    }

    fn register(&mut self) -> usize {
        self.registers += 1;
        self.registers - 1
    }

    /// An instruction whose target is not known yet.
    fn placeholder(&mut self) -> usize {
        self.program.push(Op::Match);
        self.program.len() - 1
    }
}

/// Steps of one match: some milliseconds. What is not clear by then is taken for no match.
pub(crate) const STEP_LIMIT: usize = 1_000_000;

/// Other ways to remember: some megabytes, and in practice more than a line of log has bytes.
const MAX_FRAMES: usize = 256 << 10;

/// Instructions of a pattern, repetitions unrolled: some megabytes.
const MAX_OPS: usize = 50_000;

const UNSET: usize = usize::MAX;
