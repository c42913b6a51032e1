//! A pattern as a tree, whatever text it came from and whichever engine will run it.

use crate::byte_set::ByteSet;

/// A parsed pattern. It has to match a value as a whole.
#[derive(Debug)]
pub(crate) struct Pattern {
    pub(crate) root: Node,
    /// How many capture groups there are.
    pub(crate) groups: usize,
    /// What a person should know about the pattern though it is valid.
    pub(crate) warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Empty,
    /// One byte.
    Byte(ByteSet),
    Look(Look),
    /// A capture group, counted from 1.
    Group(usize, Box<Node>),
    Concat(Vec<Node>),
    Alternate(Vec<Node>),
    Repeat(Box<Node>, Repeat),
    /// Once matched, never tried another way.
    Atomic(Box<Node>),
    Around(Around, Box<Node>),
    /// What a group matched, once more. A group that took no part counts as empty.
    BackReference {
        group: usize,
        ignore_case: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repeat {
    pub(crate) min: u32,
    /// None: without limit.
    pub(crate) max: Option<u32>,
    pub(crate) mode: Mode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Greedy,
    Lazy,
    Possessive,
}

/// A place that matches without taking a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Start,
    End,
    /// At the start or after `\n`, `\r` or `\r\n`.
    LineStart,
    /// At the end or before one of these.
    LineEnd,
    /// At the end, or before line breaks and nothing else.
    SoftEnd,
    WordBoundary,
    /// Between two bytes of a word or two bytes of none.
    WithinWord,
    WordStart,
    WordEnd,
}

/// Which side of a place an assertion looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Around {
    Ahead { negated: bool },
    Behind { negated: bool, width: usize },
}

impl Pattern {
    /// Takes away anchors that always hold, since a pattern has to match from the first byte to the last.
    pub(crate) fn simplify(&mut self) {
        drop_anchors(&mut self.root, Side::Start);
        drop_anchors(&mut self.root, Side::End);
    }
}

impl Node {
    pub(crate) fn literal(byte: u8) -> Self {
        Self::Byte(ByteSet::of(&[byte]))
    }

    pub(crate) fn concat(mut nodes: Vec<Self>) -> Self {
        match nodes.len() {
            0 => Self::Empty,
            1 => nodes.remove(0),
            _ => Self::Concat(nodes),
        }
    }

    pub(crate) fn alternate(mut nodes: Vec<Self>) -> Self {
        if nodes.len() == 1 { nodes.remove(0) } else { Self::Alternate(nodes) }
    }

    /// Whether only a backtracking engine can match this.
    pub(crate) fn needs_backtracking(&self) -> bool {
        match self {
            Self::Empty | Self::Byte(_) => false,
            // The others have no name for these two.
            Self::Look(look) => matches!(look, Look::SoftEnd | Look::WithinWord),
            Self::Group(_, node) => node.needs_backtracking(),
            Self::Concat(nodes) | Self::Alternate(nodes) => nodes.iter().any(Self::needs_backtracking),
            Self::Repeat(node, repeat) => repeat.mode == Mode::Possessive || node.needs_backtracking(),
            Self::Atomic(_) | Self::Around(..) | Self::BackReference { .. } => true,
        }
    }

    /// Whether something is repeated that can match nothing. Engines disagree on what groups in it have at the end.
    pub(crate) fn repeats_nothing(&self) -> bool {
        match self {
            Self::Empty | Self::Byte(_) | Self::Look(_) | Self::BackReference { .. } => false,
            Self::Group(_, node) | Self::Atomic(node) | Self::Around(_, node) => node.repeats_nothing(),
            Self::Concat(nodes) | Self::Alternate(nodes) => nodes.iter().any(Self::repeats_nothing),
            Self::Repeat(node, repeat) => repeat.max != Some(1) && node.can_be_empty() || node.repeats_nothing(),
        }
    }

    fn can_be_empty(&self) -> bool {
        match self {
            Self::Empty | Self::Look(_) | Self::Around(..) | Self::BackReference { .. } => true,
            Self::Byte(_) => false,
            Self::Group(_, node) | Self::Atomic(node) => node.can_be_empty(),
            Self::Concat(nodes) => nodes.iter().all(Self::can_be_empty),
            Self::Alternate(nodes) => nodes.iter().any(Self::can_be_empty),
            Self::Repeat(node, repeat) => repeat.min == 0 || node.can_be_empty(),
        }
    }

    /// How many bytes this matches, if that is always the same number.
    pub(crate) fn width(&self) -> Option<usize> {
        match self {
            Self::Empty | Self::Look(_) | Self::Around(..) => Some(0),
            Self::Byte(_) => Some(1),
            Self::Group(_, node) | Self::Atomic(node) => node.width(),
            Self::Concat(nodes) => nodes.iter().try_fold(0usize, |sum, node| sum.checked_add(node.width()?)),
            Self::Alternate(nodes) => {
                let width = nodes.first()?.width()?;
                nodes.iter().all(|node| node.width() == Some(width)).then_some(width)
            }
            Self::Repeat(node, repeat) if Some(repeat.min) == repeat.max => {
                node.width()?.checked_mul(repeat.min as usize)
            }
            Self::Repeat(..) | Self::BackReference { .. } => None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Start,
    End,
}

fn drop_anchors(node: &mut Node, side: Side) {
    match node {
        Node::Look(Look::Start | Look::LineStart) if side == Side::Start => *node = Node::Empty,
        Node::Look(Look::End | Look::LineEnd | Look::SoftEnd) if side == Side::End => *node = Node::Empty,
        Node::Group(_, inner) => drop_anchors(inner, side),
        Node::Alternate(branches) => branches.iter_mut().for_each(|branch| drop_anchors(branch, side)),
        Node::Concat(nodes) => loop {
            let outermost = if side == Side::Start { nodes.first_mut() } else { nodes.last_mut() };
            let Some(outermost) = outermost else { return *node = Node::Empty };
            drop_anchors(outermost, side);
            if *outermost != Node::Empty {
                break;
            }
            nodes.remove(if side == Side::Start { 0 } else { nodes.len() - 1 });
        },
        _ => {}
    }
}
