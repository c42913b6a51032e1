//! Components that no compiler makes, written byte by byte.

/// A component nested in a component, and so on, so deep.
pub(crate) fn nested(depth: usize) -> Vec<u8> {
    (1..depth).fold(component(&[]), |inner, _| component(&[section(COMPONENT, &inner)]))
}

/// A component with so many types.
pub(crate) fn of_types(count: usize) -> Vec<u8> {
    component(&[types(count)])
}

/// Nested components, each with so many types: none has too many, all together have.
pub(crate) fn nested_types(depth: usize, count: usize) -> Vec<u8> {
    (1..depth).fold(of_types(count), |inner, _| component(&[types(count), section(COMPONENT, &inner)]))
}

/// A component of so many modules.
pub(crate) fn of_modules(count: usize) -> Vec<u8> {
    component(&vec![section(CORE_MODULE, &module(&[])); count])
}

/// A component with a few types, each made of two of the one before: written out, the last would fill all memory.
pub(crate) fn doubling_types(count: usize) -> Vec<u8> {
    let tuple = |of: usize| [&[TUPLE, 2][..], &number(of), &number(of)].concat();
    let first = [TUPLE, 1, U8].to_vec();
    let all: Vec<Vec<u8>> = std::iter::once(first).chain((1..count).map(|place| tuple(place - 1))).collect();
    component(&[section(TYPE, &list(&all))])
}

/// A component with one module more, whose start function loops.
pub(crate) fn with_looping_start(component: &[u8]) -> Vec<u8> {
    let code = [0, LOOP, NO_RESULT, BRANCH, 0, END, END];
    let looping = module(&[
        section(CORE_TYPE, &list(&[[FUNCTION, 0, 0].to_vec()])),
        section(CORE_FUNCTION, &list(&[[0].to_vec()])),
        section(CORE_START, &number(0)),
        section(CORE_CODE, &list(&[[&number(code.len())[..], &code].concat()])),
    ]);
    let instance = [&[INSTANTIATE][..], &number(core_modules(component)), &number(0)].concat();
    [component, &section(CORE_MODULE, &looping), &section(CORE_INSTANCE, &list(&[instance]))].concat()
}

/// How many modules a component is made of, without those that are nested deeper.
fn core_modules(component: &[u8]) -> usize {
    let (mut rest, mut count) = (&component[PREAMBLE_BYTES..], 0);
    while let [id, sized @ ..] = rest {
        let (len, content) = read_number(sized);
        count += usize::from(*id == CORE_MODULE);
        rest = &content[len..];
    }
    count
}

fn component(sections: &[Vec<u8>]) -> Vec<u8> {
    [b"\0asm\x0d\0\x01\0", &sections.concat()[..]].concat()
}

fn module(sections: &[Vec<u8>]) -> Vec<u8> {
    [b"\0asm\x01\0\0\0", &sections.concat()[..]].concat()
}

fn types(count: usize) -> Vec<u8> {
    section(TYPE, &list(&vec![[U8].to_vec(); count]))
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id][..], &number(content.len()), content].concat()
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [number(items.len()), items.concat()].concat()
}

/// In LEB128.
fn number(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A number, and what follows it.
fn read_number(bytes: &[u8]) -> (usize, &[u8]) {
    let len = 1 + bytes.iter().take_while(|byte| **byte & 0x80 != 0).count();
    let number = bytes[..len].iter().rev().fold(0, |number, byte| number << 7 | usize::from(byte & 0x7f));
    (number, &bytes[len..])
}

/// What both components and modules begin with.
const PREAMBLE_BYTES: usize = 8;

/// Sections of components.
const CORE_MODULE: u8 = 1;
const CORE_INSTANCE: u8 = 2;
const COMPONENT: u8 = 4;
const TYPE: u8 = 7;

/// Types of values.
const U8: u8 = 0x7d;
const TUPLE: u8 = 0x6f;

/// How an instance is made.
const INSTANTIATE: u8 = 0;

/// Sections of modules.
const CORE_TYPE: u8 = 1;
const CORE_FUNCTION: u8 = 3;
const CORE_START: u8 = 8;
const CORE_CODE: u8 = 10;

/// Code.
const FUNCTION: u8 = 0x60;
const LOOP: u8 = 0x03;
const NO_RESULT: u8 = 0x40;
const BRANCH: u8 = 0x0c;
const END: u8 = 0x0b;
