//! Memory for the adapter of WASI preview 1, in modules whose runtime wants all of the rest for itself.
//!
//! The adapter takes two blocks when it is first called, for its state and its stack. Go's runtime calls it before any function
//! of the module can be called, and takes memory that was grown by somebody else for its own. So the SDK for Go sets room
//! aside in its data, with a mark before it; here the module gets the function by which the adapter takes of it.

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, Encode, ExportKind, Function, GlobalType, Module, RawSection, ValType,
};
use wasmparser::{DataKind, Operator, Parser, Payload, TypeRef};

/// A range of a module's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    start: u32,
    end: u32,
}

/// Finds the room that a module sets aside.
pub(super) fn find(core: &[u8]) -> Option<Room> {
    let segments = Parser::new(0).parse_all(core).filter_map(|payload| match payload {
        Ok(Payload::DataSection(section)) => Some(section.into_iter().flatten()),
        _ => None,
    });
    segments.flatten().find_map(|segment| {
        let DataKind::Active { memory_index: 0, offset_expr } = segment.kind else { return None };
        let Ok(Operator::I32Const { value }) = offset_expr.get_operators_reader().read() else { return None };
        let at = segment.data.windows(MARK.len()).position(|bytes| bytes == MARK)? + MARK.len();
        let len = segment.data.get(at..at + 4)?;
        let start = (value as u32).checked_add(at as u32 + 4)?;
        let end = start.checked_add(u32::from_le_bytes(len.try_into().ok()?))?;
        Some(Room { start: start.next_multiple_of(ALIGNMENT), end })
    })
}

/// Whether the adapter can take memory by a function of the module.
pub(super) fn is_furnished(core: &[u8]) -> bool {
    Parser::new(0).parse_all(core).any(|payload| match payload {
        Ok(Payload::ExportSection(section)) => section.into_iter().flatten().any(|export| export.name == FUNCTION),
        _ => false,
    })
}

/// Adds the function that the adapter allocates with: one block of the room after the other. A module without globals or
/// functions stays as it is; no runtime is like that.
pub(super) fn furnish(core: &[u8], room: Room) -> Vec<u8> {
    let counts = Counts::of(core);
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(core).flatten() {
        let Some((id, range)) = payload.as_section() else { continue };
        let content = &core[range.start as usize..range.end as usize];
        let entry = match id {
            TYPES => signature(),
            FUNCTIONS => encoded(&counts.types),
            GLOBALS => next_free(room),
            EXPORTS => export(counts.functions),
            CODE => allocate(room, counts.globals),
            _ => {
                module.section(&RawSection { id, data: content });
                continue;
            }
        };
        module.section(&RawSection { id, data: &with_entry(content, &entry) });
    }
    module.finish()
}

/// How many there are of what the new function refers to: the index of the next one.
#[derive(Debug, Default)]
struct Counts {
    types: u32,
    functions: u32,
    globals: u32,
}

impl Counts {
    fn of(core: &[u8]) -> Self {
        let mut counts = Self::default();
        for payload in Parser::new(0).parse_all(core).flatten() {
            match payload {
                Payload::TypeSection(section) => counts.types += section.count(),
                Payload::FunctionSection(section) => counts.functions += section.count(),
                Payload::GlobalSection(section) => counts.globals += section.count(),
                Payload::ImportSection(section) => {
                    for import in section.into_imports().flatten() {
                        counts.functions += u32::from(matches!(import.ty, TypeRef::Func(_)));
                        counts.globals += u32::from(matches!(import.ty, TypeRef::Global(_)));
                    }
                }
                _ => {}
            }
        }
        counts
    }
}

/// The content of a section, which begins with the number of its entries, with one entry more.
fn with_entry(section: &[u8], entry: &[u8]) -> Vec<u8> {
    let mut reader = wasmparser::BinaryReader::new(section, 0);
    let count = reader.read_var_u32().expect("the section was parsed");
    let mut content = encoded(&(count + 1));
    content.extend_from_slice(&section[reader.current_position() as usize..]);
    content.extend_from_slice(entry);
    content
}

fn signature() -> Vec<u8> {
    let mut section = wasm_encoder::TypeSection::new();
    section.ty().function([ValType::I32; 4], [ValType::I32]);
    only_entry(&section)
}

fn next_free(room: Room) -> Vec<u8> {
    let mut section = wasm_encoder::GlobalSection::new();
    let ty = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
    section.global(ty, &ConstExpr::i32_const(room.start as i32));
    only_entry(&section)
}

fn export(function: u32) -> Vec<u8> {
    let mut section = wasm_encoder::ExportSection::new();
    section.export(FUNCTION, ExportKind::Func, function);
    only_entry(&section)
}

/// `(old, old-size, alignment, size) -> block`: the next of the room, and a trap when there is none left.
fn allocate(room: Room, next: u32) -> Vec<u8> {
    const SIZE: u32 = 3;
    const BLOCK: u32 = 4;
    let mut function = Function::new([(1, ValType::I32)]);
    function
        .instructions()
        .global_get(next)
        .local_tee(BLOCK)
        .local_get(SIZE)
        .i32_const(ALIGNMENT as i32 - 1)
        .i32_add()
        .i32_const(-(ALIGNMENT as i32))
        .i32_and()
        .i32_add()
        .global_set(next)
        .global_get(next)
        .i32_const(room.end as i32)
        .i32_gt_u()
        .if_(BlockType::Empty)
        .unreachable()
        .end()
        .local_get(BLOCK)
        .end();
    let mut section = CodeSection::new();
    section.function(&function);
    only_entry(&section)
}

/// The bytes of a section's one entry: without its size and its count.
fn only_entry(section: &impl Encode) -> Vec<u8> {
    let bytes = encoded(section);
    let mut reader = wasmparser::BinaryReader::new(&bytes, 0);
    reader.read_var_u32().and_then(|_| reader.read_var_u32()).expect("a section begins with two numbers");
    bytes[reader.current_position() as usize..].to_vec()
}

fn encoded(value: &impl Encode) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    bytes
}

/// What the SDK for Go has before the room, followed by the length of the room as four bytes.
const MARK: &[u8] = b"loglift: room for the WASI adapter\n";

/// By which name the adapter looks for the function.
const FUNCTION: &str = "cabi_realloc_adapter";

/// Enough for whatever the adapter asks for.
const ALIGNMENT: u32 = 16;

const TYPES: u8 = 1;
const FUNCTIONS: u8 = 3;
const GLOBALS: u8 = 6;
const EXPORTS: u8 = 7;
const CODE: u8 = 10;

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        DataSection, ExportSection, FunctionSection, GlobalSection, MemorySection, MemoryType, TypeSection,
    };
    use wasmparser::Validator;

    use super::*;

    /// A module with one of everything, and this in its memory at 1001.
    fn module(data: &[u8]) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut functions = FunctionSection::new();
        functions.function(0);
        let mut memory = MemorySection::new();
        let ty = MemoryType { minimum: 4, maximum: None, memory64: false, shared: false, page_size_log2: None };
        memory.memory(ty);
        let mut globals = GlobalSection::new();
        let ty = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
        globals.global(ty, &ConstExpr::i32_const(0));
        let mut exports = ExportSection::new();
        exports.export("memory", ExportKind::Memory, 0);
        let mut function = Function::new([]);
        function.instructions().end();
        let mut code = CodeSection::new();
        code.function(&function);
        let mut segments = DataSection::new();
        segments.active(0, &ConstExpr::i32_const(1001), data.iter().copied());
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&memory).section(&globals).section(&exports);
        module.section(&code).section(&segments);
        module.finish()
    }

    fn marked(len: &[u8]) -> Vec<u8> {
        module(&[b"before", MARK, len].concat())
    }

    #[test]
    fn room_begins_behind_its_mark_and_is_aligned() {
        let check = |core: &[u8], expected| assert_eq!(find(core), expected);
        let start = 1001 + 6 + MARK.len() as u32 + 4;
        let room = Room { start: start.next_multiple_of(16), end: start + 0x3_0000 };
        check(&marked(&[0, 0, 3, 0]), Some(room));
        check(&marked(&[0, 0, 3]), None);
        check(&marked(&[255; 4]), None);
        check(&module(b"nothing of the kind"), None);
        check(b"", None);
    }

    #[test]
    fn a_furnished_module_is_valid_and_lets_the_adapter_allocate() {
        let core = marked(&[0, 0, 3, 0]);
        assert!(!is_furnished(&core));
        let furnished = furnish(&core, find(&core).unwrap());
        Validator::new().validate_all(&furnished).unwrap();
        assert!(is_furnished(&furnished));
        assert_eq!(find(&furnished), find(&core));
    }
}
