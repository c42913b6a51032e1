//! Makes a component of a core module.
//!
//! A module that carries the world it was compiled for, as those do that `wit-bindgen` made bindings for, is taken at
//! its word. Of any other the world is the one of the contract whose functions it exports. What a module imports of
//! WASI preview 1 is answered by the adapter of wasmtime, which imports WASI 0.2.

use std::collections::BTreeSet;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as PREVIEW1, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as ADAPTER,
};
use wasmparser::{Encoding, ExternalKind, Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata, metadata};
use wit_parser::{Resolve, SourceMap, WorldId, WorldItem, WorldKey};

use super::room;

/// A component, and the interfaces that it exports.
#[derive(Debug)]
pub(super) struct Wrapped {
    pub(super) component: Vec<u8>,
    pub(super) exports: Vec<String>,
}

/// Why a file cannot be made a component of; reads on after the name of the file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum WrapError {
    #[error("is not WebAssembly")]
    NotWasm,
    #[error("is a component already: use it as it is")]
    IsComponent,
    #[error("is not a valid module: {0}")]
    Malformed(String),
    #[error(
        "is a program (it exports _start), not a library: compile it as a reactor, in C with -mexec-model=reactor, in \
         Go with -buildmode=c-shared, in Rust as a cdylib"
    )]
    Program,
    #[error("is not a processor: it exports no function of {VERSION} (it exports {exports})")]
    NotAProcessor { exports: String },
    #[error("lacks {missing}, which {world} wants it to export")]
    Lacks { world: String, missing: String },
    #[error("imports {name} from {module}, which nothing provides: was a library or a source file left out?")]
    Import { module: String, name: String },
    #[error("does not fit the contract: {0}")]
    Contract(String),
}

/// Makes a component of a core module.
pub(super) fn wrap(core: &[u8]) -> Result<Wrapped, WrapError> {
    // First, since only a module that can be parsed can be furnished.
    Surface::of(core)?;
    let mut core = room::furnish(core);
    let surface = Surface::of(&core)?;
    let contract = |error: anyhow::Error| WrapError::Contract(format!("{error:#}"));
    let exports = if surface.carries_world {
        let (_, bindgen) = metadata::decode(&core).map_err(contract)?;
        surface.check(&bindgen.resolve, bindgen.world, "the world that it carries")?;
        interfaces(&bindgen.resolve, &bindgen.resolve.worlds[bindgen.world].exports)
    } else {
        let resolve = contract_wit();
        let world = surface.choose(&resolve)?;
        embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8).map_err(contract)?;
        interfaces(&resolve, &resolve.worlds[world].exports)
    };
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&core).map_err(contract)?;
    if surface.imports.iter().any(|(module, _)| module == PREVIEW1) {
        // Not by the function that the module allocates with: that takes all back after each call.
        encoder.realloc_via_memory_grow(!surface.exports.contains("cabi_realloc_adapter"));
        encoder.adapter(PREVIEW1, ADAPTER).map_err(contract)?;
    }
    let component = encoder.encode().map_err(contract)?;
    Ok(Wrapped { component, exports })
}

/// What a core module shows of itself.
#[derive(Debug, Default)]
struct Surface {
    exports: BTreeSet<String>,
    imports: Vec<(String, String)>,
    carries_world: bool,
}

impl Surface {
    fn of(core: &[u8]) -> Result<Self, WrapError> {
        if !core.starts_with(b"\0asm") {
            return Err(WrapError::NotWasm);
        }
        let mut surface = Self::default();
        let malformed = |error: wasmparser::BinaryReaderError| WrapError::Malformed(error.to_string());
        for payload in Parser::new(0).parse_all(core) {
            match payload.map_err(malformed)? {
                Payload::Version { encoding: Encoding::Component, .. } => return Err(WrapError::IsComponent),
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import.map_err(malformed)?;
                        surface.imports.push((import.module.to_owned(), import.name.to_owned()));
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export.map_err(malformed)?;
                        if matches!(export.kind, ExternalKind::Func | ExternalKind::Memory) {
                            surface.exports.insert(export.name.to_owned());
                        }
                    }
                }
                Payload::CustomSection(section) => {
                    surface.carries_world |= section.name().starts_with(CARRIED_WORLD);
                }
                _ => {}
            }
        }
        Ok(surface)
    }

    /// The world of the contract whose functions the module exports: of those that it has all of, the largest.
    fn choose(&self, resolve: &Resolve) -> Result<WorldId, WrapError> {
        let missing =
            |world: WorldId| functions(resolve, world).iter().filter(|name| !self.exports.contains(*name)).count();
        let has = |world: WorldId| functions(resolve, world).len() - missing(world);
        let worlds = resolve.worlds.iter().map(|(id, _)| id);
        let best = worlds.max_by_key(|world| (has(*world), std::cmp::Reverse(missing(*world))));
        let best = best.filter(|world| has(*world) > 0).ok_or_else(|| self.no_processor())?;
        self.check(resolve, best, &format!("the world {}", resolve.worlds[best].name))?;
        Ok(best)
    }

    /// Says what a module lacks of a world, or wants of nobody.
    fn check(&self, resolve: &Resolve, world: WorldId, title: &str) -> Result<(), WrapError> {
        let wanted = functions(resolve, world);
        if !wanted.iter().any(|name| name.starts_with(CONTRACT)) {
            return Err(self.no_processor());
        }
        let lacks = |name: &&String| !self.exports.contains(*name);
        let memory = ["memory".to_owned(), "cabi_realloc".to_owned()];
        let missing: Vec<&str> = wanted.iter().chain(&memory).filter(lacks).map(String::as_str).collect();
        if !missing.is_empty() {
            return Err(WrapError::Lacks { world: title.to_owned(), missing: missing.join(", ") });
        }
        let provided = interfaces(resolve, &resolve.worlds[world].imports);
        let is_provided = |module: &str| {
            // What is in brackets or begins with a dollar belongs to the component model itself.
            module == PREVIEW1 || module.starts_with(['[', '$']) || provided.iter().any(|name| name == module)
        };
        match self.imports.iter().find(|(module, _)| !is_provided(module)) {
            Some((module, name)) => Err(WrapError::Import { module: module.clone(), name: name.clone() }),
            None => Ok(()),
        }
    }

    fn no_processor(&self) -> WrapError {
        if self.exports.contains("_start") {
            return WrapError::Program;
        }
        let exports: Vec<&str> = self.exports.iter().map(String::as_str).collect();
        WrapError::NotAProcessor { exports: if exports.is_empty() { "nothing".to_owned() } else { exports.join(", ") } }
    }
}

/// The names of what a world imports or exports.
fn interfaces<'a>(resolve: &Resolve, items: impl IntoIterator<Item = (&'a WorldKey, &'a WorldItem)>) -> Vec<String> {
    let mut names: Vec<String> = items.into_iter().map(|(key, _)| resolve.name_world_key(key)).collect();
    names.sort_unstable();
    names
}

/// The functions that a world exports, as core modules name them.
fn functions(resolve: &Resolve, world: WorldId) -> Vec<String> {
    let name = |(key, item): (&WorldKey, &WorldItem)| match item {
        WorldItem::Interface { id, .. } => {
            let interface = resolve.name_world_key(key);
            resolve.interfaces[*id].functions.keys().map(|name| format!("{interface}#{name}")).collect()
        }
        WorldItem::Function(function) => vec![function.name.clone()],
        WorldItem::Type { .. } => Vec::new(),
    };
    resolve.worlds[world].exports.iter().flat_map(name).collect()
}

/// The contract that this agent keeps, with all its worlds.
fn contract_wit() -> Resolve {
    let mut sources = SourceMap::default();
    WIT.iter().for_each(|(name, text)| sources.push_str(name, *text));
    let group = sources.parse().map_err(|(_, error)| error).expect("the host's own bindings are made from it");
    let mut resolve = Resolve::default();
    resolve.push_group(group).expect("the host's own bindings are made from it");
    resolve
}

/// The files of `wit/`.
const WIT: [(&str, &str); 1] = [("processor.wit", include_str!("../../../../wit/processor.wit"))];

/// The package of the contract.
const CONTRACT: &str = "loglift:processor/";

/// The same with its version, for a person.
const VERSION: &str = "loglift:processor@0.1.0";

/// What the name of the section begins with in which a module carries its world.
const CARRIED_WORLD: &str = "component-type";

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection, MemorySection,
        MemoryType, Module, TypeSection, ValType,
    };

    use super::*;

    const COLUMNAR: &str = "loglift:processor/columnar@0.1.0";
    const STATE: &str = "loglift:processor/state@0.1.0";
    const DESCRIBE: &str = "loglift:processor/columnar@0.1.0#describe";
    const CONFIGURE: &str = "loglift:processor/columnar@0.1.0#configure";
    const PROCESS: &str = "loglift:processor/columnar@0.1.0#process";
    const SAVE: &str = "loglift:processor/state@0.1.0#save";
    const RESTORE: &str = "loglift:processor/state@0.1.0#restore";
    const BASIS: [&str; 4] = [DESCRIBE, CONFIGURE, PROCESS, "cabi_realloc"];

    /// A module with these exports, which all trap, and these imports of the type `(i32, i32) -> i32`.
    fn module(exports: &[&str], imports: &[(&str, &str)]) -> Vec<u8> {
        let mut types = TypeSection::new();
        let mut functions = FunctionSection::new();
        let mut code = CodeSection::new();
        let mut exported = ExportSection::new();
        let mut imported = ImportSection::new();
        types.ty().function([ValType::I32; 2], [ValType::I32]);
        for (module, name) in imports {
            imported.import(module, name, EntityType::Function(0));
        }
        for (index, name) in (0u32..).zip(exports) {
            let params = match *name {
                CONFIGURE => 8,
                PROCESS => 1,
                RESTORE | "cabi_realloc" => 4,
                _ => 0,
            };
            let results = usize::from(*name != "_start");
            types.ty().function(vec![ValType::I32; params], vec![ValType::I32; results]);
            functions.function(index + 1);
            exported.export(name, ExportKind::Func, index + imports.len() as u32);
            let mut function = Function::new([]);
            function.instructions().unreachable().end();
            code.function(&function);
        }
        exported.export("memory", ExportKind::Memory, 0);
        let mut memory = MemorySection::new();
        let ty = MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None };
        memory.memory(ty);
        let mut module = Module::new();
        module
            .section(&types)
            .section(&imported)
            .section(&functions)
            .section(&memory)
            .section(&exported)
            .section(&code);
        module.finish()
    }

    fn with(more: &[&'static str]) -> Vec<&'static str> {
        [&BASIS, more].concat()
    }

    #[test]
    fn the_exports_choose_the_world() {
        let check = |exports: &[&str], imports: &[(&str, &str)], expected: &[&str]| {
            assert_eq!(wrap(&module(exports, imports)).unwrap().exports, expected, "{exports:?}");
        };
        check(&BASIS, &[], &[COLUMNAR]);
        check(&with(&["helper"]), &[], &[COLUMNAR]);
        check(&with(&[SAVE, RESTORE]), &[], &[COLUMNAR, STATE]);
        check(&BASIS, &[("wasi_snapshot_preview1", "environ_sizes_get")], &[COLUMNAR]);
    }

    #[test]
    fn what_cannot_be_wrapped_is_told_apart() {
        let check = |bytes: &[u8], expected: WrapError| assert_eq!(wrap(bytes).unwrap_err(), expected);
        let lacks = |world: &str, missing: &str| WrapError::Lacks {
            world: format!("the world {world}"),
            missing: missing.to_owned(),
        };
        let import = |module: &str, name: &str| WrapError::Import { module: module.to_owned(), name: name.to_owned() };
        check(b"#!/bin/sh\n", WrapError::NotWasm);
        check(b"", WrapError::NotWasm);
        check(&wrap(&module(&BASIS, &[])).unwrap().component, WrapError::IsComponent);
        check(&module(&["_start"], &[]), WrapError::Program);
        check(&module(&["run"], &[]), WrapError::NotAProcessor { exports: "memory, run".to_owned() });
        check(&module(&[DESCRIBE, PROCESS, "cabi_realloc"], &[]), lacks("processor", CONFIGURE));
        check(&module(&[DESCRIBE, CONFIGURE, PROCESS], &[]), lacks("processor", "cabi_realloc"));
        check(&module(&with(&[SAVE]), &[]), lacks("stateful-processor", RESTORE));
        check(&module(&BASIS, &[("env", "regcomp")]), import("env", "regcomp"));
    }

    #[test]
    fn the_contract_is_named_as_it_is() {
        let resolve = contract_wit();
        assert!(resolve.packages.iter().any(|(_, package)| package.name.to_string() == VERSION));
        let other_version = module(&["loglift:processor/columnar@0.2.0#describe"], &[]);
        let error = wrap(&other_version).unwrap_err().to_string();
        assert!(error.contains(VERSION) && error.contains("@0.2.0"), "{error}");
    }

    #[test]
    fn a_module_that_is_cut_or_has_other_types_is_refused_with_the_reason() {
        let whole = module(&BASIS, &[]);
        assert!(matches!(wrap(&whole[..whole.len() - 3]), Err(WrapError::Malformed(_))));
        let other_function = module(&BASIS, &[("loglift:processor/host@0.1.0", "shout")]);
        let other_types = module(&BASIS, &[("loglift:processor/host@0.1.0", "log")]);
        for wrong in [other_function, other_types] {
            assert!(matches!(wrap(&wrong), Err(WrapError::Contract(_))), "{:?}", wrap(&wrong));
        }
    }

    #[test]
    fn a_module_that_carries_its_world_is_taken_at_its_word() {
        let carrying = |exports: &[&str], world: &str| {
            let resolve = contract_wit();
            let (id, _) = resolve.worlds.iter().find(|(_, known)| known.name == world).unwrap();
            let mut module = module(exports, &[]);
            embed_component_metadata(&mut module, &resolve, id, StringEncoding::UTF8).unwrap();
            module
        };
        let remembering = with(&[SAVE, RESTORE]);
        assert_eq!(wrap(&carrying(&remembering, "processor")).unwrap().exports, [COLUMNAR]);
        assert_eq!(wrap(&carrying(&remembering, "stateful-processor")).unwrap().exports, [COLUMNAR, STATE]);
        let error = wrap(&carrying(&with(&[SAVE]), "stateful-processor")).unwrap_err();
        assert_eq!(error.to_string(), format!("lacks {RESTORE}, which the world that it carries wants it to export"));
    }

    #[test]
    fn only_what_wants_wasi_gets_it() {
        let imports_wasi = |imports: &[(&str, &str)]| {
            let component = wrap(&module(&BASIS, imports)).unwrap().component;
            component.windows(5).any(|bytes| bytes == b"wasi:")
        };
        assert!(!imports_wasi(&[]));
        assert!(imports_wasi(&[("wasi_snapshot_preview1", "environ_sizes_get")]));
    }
}
