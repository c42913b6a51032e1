//! Memory that can be taken of a module without running any of its code.
//!
//! A component takes memory in a module for what it hands over (`cabi_realloc`) while the module must not call out; and
//! the adapter of WASI preview 1 does for its state and its stack (`cabi_realloc_adapter`), before the module's runtime
//! has begun. Go's runtime can serve neither, since it looks at the clock whenever it runs, and it takes memory that
//! somebody else grew for its own. So the SDK for Go sets rooms aside in its data, each with a mark that names a
//! function; here the module gets these functions, which take one block of their room after the other. The program
//! takes a room back by setting how much of it is used to zero.

use wasm_encoder::{BlockType, CodeSection, Encode, ExportKind, Function, MemArg, Module, RawSection, ValType};
use wasmparser::{DataKind, Operator, Parser, Payload, TypeRef};

/// A range of a module's memory, and the function that takes blocks of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Room {
    function: String,
    /// Where the number of bytes that are used stands.
    used: u32,
    start: u32,
    len: u32,
}

/// Adds the functions that take memory of the rooms that a module sets aside. A module without rooms stays as it is.
pub(super) fn furnish(core: &[u8]) -> Vec<u8> {
    let rooms = rooms(core);
    if rooms.is_empty() {
        return core.to_vec();
    }
    let counts = Counts::of(core);
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(core).flatten() {
        let Some((id, range)) = payload.as_section() else { continue };
        let content = &core[range.start as usize..range.end as usize];
        let entries: Vec<Vec<u8>> = match id {
            TYPES => vec![signature()],
            FUNCTIONS => rooms.iter().map(|_| encoded(&counts.types)).collect(),
            EXPORTS => (counts.functions..).zip(&rooms).map(|(index, room)| export(room, index)).collect(),
            CODE => rooms.iter().map(Room::take).collect(),
            _ => Vec::new(),
        };
        if entries.is_empty() {
            module.section(&RawSection { id, data: content });
        } else {
            module.section(&RawSection { id, data: &with_entries(content, &entries) });
        }
    }
    module.finish()
}

/// The rooms that a module sets aside, by their marks.
fn rooms(core: &[u8]) -> Vec<Room> {
    let data = Data::of(core);
    let marks = data.segments.iter().flat_map(|(offset, bytes)| {
        let places = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(MARK));
        places.map(move |at| (offset + at as u32, &bytes[at + MARK.len()..]))
    });
    marks.filter_map(|(at, name)| data.room(at, name)).collect()
}

/// The memory that a module begins with.
#[derive(Debug, Default)]
struct Data<'a> {
    segments: Vec<(u32, &'a [u8])>,
    /// How much there is.
    bytes: u64,
}

impl<'a> Data<'a> {
    fn of(core: &'a [u8]) -> Self {
        let mut data = Self::default();
        for payload in Parser::new(0).parse_all(core).flatten() {
            let section = match payload {
                Payload::DataSection(section) => section,
                Payload::MemorySection(section) => {
                    let first = section.into_iter().flatten().next();
                    data.bytes = first.map_or(0, |memory| memory.initial.saturating_mul(PAGE_BYTES));
                    continue;
                }
                _ => continue,
            };
            for segment in section.into_iter().flatten() {
                let DataKind::Active { memory_index: 0, offset_expr } = segment.kind else { continue };
                if let Ok(Operator::I32Const { value }) = offset_expr.get_operators_reader().read() {
                    data.segments.push((value as u32, segment.data));
                }
            }
        }
        data
    }

    /// A byte. What no segment fills is zero, and linkers leave zeros out.
    fn byte(&self, at: u32) -> u8 {
        let find = |(offset, bytes): &(u32, &[u8])| bytes.get(at.checked_sub(*offset)? as usize).copied();
        self.segments.iter().find_map(find).unwrap_or(0)
    }

    /// The room whose mark stands at this place and goes on with `name`.
    fn room(&self, mark: u32, name: &[u8]) -> Option<Room> {
        let name = name.get(..name.iter().position(|byte| *byte == b'.')?)?;
        let header = mark.checked_add(HEADER_BYTES)?;
        let len = u32::from_le_bytes([0, 1, 2, 3].map(|byte| self.byte(header + byte)));
        let start = header.checked_add(8)?.next_multiple_of(ALIGNMENT);
        // A mark that stands somewhere else has anything behind it.
        let is_there = len > 0 && u64::from(start) + u64::from(len) <= self.bytes;
        is_there.then_some(())?;
        Some(Room { function: String::from_utf8(name.to_vec()).ok()?, used: header + 4, start, len })
    }
}

/// How many there are of what the new function refers to: the index of the next one.
#[derive(Debug, Default)]
struct Counts {
    types: u32,
    functions: u32,
}

impl Counts {
    fn of(core: &[u8]) -> Self {
        let mut counts = Self::default();
        for payload in Parser::new(0).parse_all(core).flatten() {
            match payload {
                Payload::TypeSection(section) => counts.types += section.count(),
                Payload::FunctionSection(section) => counts.functions += section.count(),
                Payload::ImportSection(section) => {
                    for import in section.into_imports().flatten() {
                        counts.functions += u32::from(matches!(import.ty, TypeRef::Func(_)));
                    }
                }
                _ => {}
            }
        }
        counts
    }
}

impl Room {
    /// `(old, old-size, alignment, size) -> block`: the next block, with what was in the old one, and a trap when there
    /// is no room.
    fn take(&self) -> Vec<u8> {
        const OLD: u32 = 0;
        const OLD_SIZE: u32 = 1;
        const SIZE: u32 = 3;
        const USED: u32 = 4;
        const BLOCK: u32 = 5;
        let used = MemArg { offset: 0, align: 0, memory_index: 0 };
        let mut function = Function::new([(2, ValType::I32)]);
        function
            .instructions()
            .i32_const(self.used as i32)
            .i32_load(used)
            .local_tee(USED)
            .i32_const(self.start as i32)
            .i32_add()
            .local_set(BLOCK)
            // More than all, or all that is left: first by itself, so that no sum overflows.
            .local_get(SIZE)
            .i32_const(self.len as i32)
            .i32_gt_u()
            .if_(BlockType::Empty)
            .unreachable()
            .end()
            .local_get(USED)
            .local_get(SIZE)
            .i32_const(ALIGNMENT as i32 - 1)
            .i32_add()
            .i32_const(-(ALIGNMENT as i32))
            .i32_and()
            .i32_add()
            .local_tee(USED)
            .i32_const(self.len as i32)
            .i32_gt_u()
            .if_(BlockType::Empty)
            .unreachable()
            .end()
            .i32_const(self.used as i32)
            .local_get(USED)
            .i32_store(used)
            .local_get(BLOCK)
            .local_get(OLD)
            .local_get(OLD_SIZE)
            .memory_copy(0, 0)
            .local_get(BLOCK)
            .end();
        let mut section = CodeSection::new();
        section.function(&function);
        only_entry(&section)
    }
}

fn signature() -> Vec<u8> {
    let mut section = wasm_encoder::TypeSection::new();
    section.ty().function([ValType::I32; 4], [ValType::I32]);
    only_entry(&section)
}

fn export(room: &Room, index: u32) -> Vec<u8> {
    let mut section = wasm_encoder::ExportSection::new();
    section.export(&room.function, ExportKind::Func, index);
    only_entry(&section)
}

/// The content of a section, which begins with the number of its entries, with more entries.
fn with_entries(section: &[u8], entries: &[Vec<u8>]) -> Vec<u8> {
    let mut reader = wasmparser::BinaryReader::new(section, 0);
    let count = reader.read_var_u32().expect("the section was parsed");
    let mut content = encoded(&(count + entries.len() as u32));
    content.extend_from_slice(&section[reader.current_position()..]);
    entries.iter().for_each(|entry| content.extend_from_slice(entry));
    content
}

/// The bytes of a section's one entry: without its size and its count.
fn only_entry(section: &impl Encode) -> Vec<u8> {
    let bytes = encoded(section);
    let mut reader = wasmparser::BinaryReader::new(&bytes, 0);
    reader.read_var_u32().and_then(|_| reader.read_var_u32()).expect("a section begins with two numbers");
    bytes[reader.current_position()..].to_vec()
}

fn encoded(value: &impl Encode) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    bytes
}

/// How a mark begins. The name of the function follows, then dots as far as the header goes. Behind it stand, as four
/// bytes each, how long the room is and how much of it is used.
const MARK: &[u8] = b"loglift: room for ";
const HEADER_BYTES: u32 = 48;

const PAGE_BYTES: u64 = 64 * 1024;

/// Enough for whatever is asked for.
const ALIGNMENT: u32 = 16;

const TYPES: u8 = 1;
const FUNCTIONS: u8 = 3;
const EXPORTS: u8 = 7;
const CODE: u8 = 10;

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        ConstExpr, DataSection, ExportSection, FunctionSection, MemorySection, MemoryType, TypeSection,
    };
    use wasmparser::Validator;

    use super::*;

    /// A module with a function and a memory, in which this stands.
    fn module(data: &[(i32, &[u8])]) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut functions = FunctionSection::new();
        functions.function(0);
        let mut memory = MemorySection::new();
        let ty = MemoryType { minimum: 4, maximum: None, memory64: false, shared: false, page_size_log2: None };
        memory.memory(ty);
        let mut exports = ExportSection::new();
        exports.export("memory", ExportKind::Memory, 0);
        let mut function = Function::new([]);
        function.instructions().end();
        let mut code = CodeSection::new();
        code.function(&function);
        let mut segments = DataSection::new();
        for (offset, bytes) in data {
            segments.active(0, &ConstExpr::i32_const(*offset), bytes.iter().copied());
        }
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&memory).section(&exports).section(&code).section(&segments);
        module.finish()
    }

    fn mark(function: &str, len: &[u8]) -> Vec<u8> {
        let name = format!("{}{function}", str::from_utf8(MARK).unwrap());
        [format!("{name:.<48}").as_bytes(), len].concat()
    }

    fn room(function: &str, mark: u32, len: u32) -> Room {
        let start = (mark + 56).next_multiple_of(16);
        Room { function: function.to_owned(), used: mark + 52, start, len }
    }

    #[test]
    fn rooms_are_found_by_their_marks() {
        let check = |data: &[(i32, &[u8])], expected: &[Room]| assert_eq!(rooms(&module(data)), expected);
        let whole = mark("take", &[0, 0, 3, 0]);
        check(&[(1000, &whole)], &[room("take", 1000, 0x3_0000)]);
        check(&[(995, &[b"xxxxx", whole.as_slice()].concat())], &[room("take", 1000, 0x3_0000)]);
        check(&[(1000, &whole), (5000, &mark("give", &[16]))], &[room("take", 1000, 0x3_0000), room("give", 5000, 16)]);
        // Linkers leave zeros out.
        check(&[(1000, &mark("take", &[])), (1050, &[3])], &[room("take", 1000, 0x3_0000)]);
        check(&[(1000, &mark("take", &[255; 4]))], &[]);
        check(&[(1000, &mark("take", &[]))], &[]);
        check(&[(1000, &mark("take", &[0, 0, 4, 0]))], &[]);
        check(&[(1000, b"loglift: room for a dot")], &[]);
        check(&[(1000, b"nothing of the kind")], &[]);
        assert_eq!(rooms(b""), []);
    }

    #[test]
    fn a_furnished_module_is_valid_and_exports_the_functions() {
        let core = module(&[(1000, &mark("take", &[0, 1])), (5000, &mark("give", &[0, 1]))]);
        let furnished = furnish(&core);
        Validator::new().validate_all(&furnished).unwrap();
        let exports: Vec<String> = Parser::new(0)
            .parse_all(&furnished)
            .filter_map(|payload| match payload.unwrap() {
                Payload::ExportSection(section) => {
                    Some(section.into_iter().map(|export| export.unwrap().name.to_owned()))
                }
                _ => None,
            })
            .flatten()
            .collect();
        assert_eq!(exports, ["memory", "take", "give"]);
        let plain = module(&[]);
        assert_eq!(furnish(&plain), plain);
    }
}
