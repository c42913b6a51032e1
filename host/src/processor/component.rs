//! A compiled component, and what can be said of it before it runs.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use wasmtime::component::types::ComponentItem;

use super::Description;
use super::bindings::ProcessorPre;
use super::engine::{CompileError, Engine};
use super::instance::{Guest, Limits, linker};

/// A component that is a processor, ready to be instantiated.
#[derive(Clone)]
pub struct Component {
    engine: Arc<Engine>,
    pre: ProcessorPre<Guest>,
    /// The SHA-256 of its bytes, as `sha256:` and hex digits.
    pub digest: String,
    /// What it exports, by name.
    pub exports: Vec<String>,
    /// What it imports, and so could touch if the host let it.
    pub imports: Vec<String>,
    /// What it says of itself.
    pub description: Description,
}

/// Why a component cannot be a processor.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// It is made for another version of the contract.
    #[error("made for {found}; this agent speaks {CONTRACT}")]
    Version {
        /// The export that comes closest.
        found: String,
    },
    /// It is something else.
    #[error("not a processor: it does not export {CONTRACT} (it exports {})", list(.exports))]
    World {
        /// What it exports.
        exports: Vec<String>,
    },
    /// It names the exports and imports of the contract, with other types.
    #[error("does not fit {CONTRACT}")]
    Types(#[source] wasmtime::Error),
    /// It fails before it does anything.
    #[error("cannot describe itself")]
    Describe(#[source] wasmtime::Error),
}

impl Component {
    /// Compiles a component and has it describe itself.
    ///
    /// # Errors
    /// [`LoadError`], by what is wrong with it.
    pub fn load(engine: &Arc<Engine>, bytes: &[u8]) -> Result<Self, LoadError> {
        let component = engine.compile(bytes)?;
        let wasmtime = engine.wasmtime();
        let kind = component.component_type();
        let exports: Vec<String> = kind.exports(wasmtime).map(|(name, _)| name.to_owned()).collect();
        if !exports.iter().any(|name| name == CONTRACT) {
            let near = exports.iter().find(|name| name.starts_with(CONTRACT_NAME));
            return Err(match near {
                Some(found) => LoadError::Version { found: found.clone() },
                None => LoadError::World { exports },
            });
        }
        // Types are no authority, so they are not worth a mention.
        let imports = kind
            .imports(wasmtime)
            .filter(|(_, item)| !is_types_only(item, wasmtime))
            .map(|(name, _)| name.to_owned())
            .collect();

        let mut linker = linker(wasmtime).map_err(LoadError::Types)?;
        linker.define_unknown_imports_as_traps(&component).map_err(LoadError::Types)?;
        let pre = linker.instantiate_pre(&component).and_then(ProcessorPre::new).map_err(LoadError::Types)?;
        let description = Guest::new("describe", Limits::default())
            .instantiate(engine, &pre)
            .and_then(|(mut store, processor, _call)| processor.loglift_processor_columnar().call_describe(&mut store))
            .map_err(LoadError::Describe)?;
        let digest = digest(bytes);
        Ok(Self { engine: Arc::clone(engine), pre, digest, exports, imports, description })
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn pre(&self) -> &ProcessorPre<Guest> {
        &self.pre
    }
}

/// What tells one component from another: the SHA-256 of its bytes, as `sha256:` and hex digits.
pub fn digest(component: &[u8]) -> String {
    format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(component)))
}

fn is_types_only(item: &wasmtime::component::types::ComponentExtern, engine: &wasmtime::Engine) -> bool {
    match &item.ty {
        ComponentItem::ComponentInstance(instance) => {
            instance.exports(engine).all(|(_, item)| matches!(item.ty, ComponentItem::Type(_)))
        }
        _ => false,
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// The export that makes a component a processor.
pub(super) const CONTRACT: &str = "loglift:processor/columnar@0.1.0";
const CONTRACT_NAME: &str = "loglift:processor/columnar@";
