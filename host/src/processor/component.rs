//! A compiled component, and what can be said of it before it runs.

use std::sync::Arc;

use wasmtime::component::types::{self, ComponentItem};
use wasmtime::component::{InstancePre, Linker, ResourceType};

use super::Description;
use super::engine::{CompileError, Engine, Machine};
use super::guest::{Equipment, Guest, linker};
use super::guest_log::GuestLog;
use super::outside::{Outside, Source};
use super::wants::{Want, imports_wasi, wants};
use super::world::World;
use super::zones::Zones;
use super::{trust, wasi};
use crate::config::{Capabilities, Limits};

/// A component that is a processor, ready to be instantiated.
#[derive(Clone)]
pub struct Component {
    engine: Arc<Engine>,
    counts_fuel: bool,
    imports_wasi: bool,
    pre: InstancePre<Guest>,
    /// What events look like to it.
    pub world: World,
    /// The SHA-256 of its bytes, as `sha256:` and hexadecimal digits.
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
    #[error("made for {found}; this agent speaks {}", World::ALL.map(World::export).join(" and "))]
    Version {
        /// The export that comes closest.
        found: String,
    },
    /// It is something else.
    #[error("not a processor: it exports neither {} (it exports {})", World::ALL.map(World::export).join(" nor "), list(.exports))]
    World {
        /// What it exports.
        exports: Vec<String>,
    },
    /// It wants more than is granted, and the config is strict about that.
    #[error("Strict is set, and it wants {}", list(.wants))]
    NotGranted {
        /// What it wants and does not get.
        wants: Vec<String>,
    },
    /// It names the exports and imports of the contract, with other types.
    #[error("does not fit {}", .world.export())]
    Types {
        /// The world that it claims to have.
        world: World,
        /// What does not fit.
        #[source]
        error: wasmtime::Error,
    },
    /// It fails before it does anything.
    #[error("cannot describe itself: {0}")]
    Describe(String),
}

/// What a component is loaded with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms<'a> {
    /// What it may use, also while it describes itself.
    pub limits: Limits,
    /// It is refused if it wants more than this.
    pub strict: Option<&'a Capabilities>,
}

impl Component {
    /// Compiles a component and has it describe itself, with nothing granted.
    ///
    /// # Errors
    /// [`LoadError`], by what is wrong with it.
    pub fn load(engine: &Arc<Engine>, bytes: &[u8]) -> Result<Self, LoadError> {
        Self::load_on(engine, bytes, Terms::default())
    }

    /// As [`Self::load`], on terms.
    ///
    /// # Errors
    /// [`LoadError`], by what is wrong with it.
    pub fn load_on(engine: &Arc<Engine>, bytes: &[u8], terms: Terms<'_>) -> Result<Self, LoadError> {
        let counts_fuel = terms.limits.fuel.is_some();
        let component = engine.compile(bytes, counts_fuel)?;
        let machine = engine.machine(counts_fuel);
        let wasmtime = machine.wasmtime();
        let kind = component.component_type();
        let exports: Vec<String> = kind.exports(wasmtime).map(|(name, _)| name.to_owned()).collect();
        let Some(world) = World::of(&exports) else {
            return Err(match World::of_another_version(&exports) {
                Some(found) => LoadError::Version { found: found.clone() },
                None => LoadError::World { exports },
            });
        };
        // Types are no authority, so they are not worth a mention.
        let imports: Vec<String> = kind
            .imports(wasmtime)
            .filter(|(_, item)| !is_types_only(item, wasmtime))
            .map(|(name, _)| name.to_owned())
            .collect();
        if let Some(granted) = terms.strict {
            let wants: Vec<String> = refused(&wants(&imports), granted);
            if !wants.is_empty() {
                return Err(LoadError::NotGranted { wants });
            }
        }

        // Also for the sake of types alone, such as those of streams.
        let all_imports: Vec<String> = kind.imports(wasmtime).map(|(name, _)| name.to_owned()).collect();
        let imports_wasi = imports_wasi(&all_imports);
        let pre = link(wasmtime, &component, imports_wasi).and_then(|pre| world.check(&pre).map(|()| pre));
        let pre = pre.map_err(|error| LoadError::Types { world, error })?;
        let described = describe(machine, (world, &pre), imports_wasi, terms.limits);
        let description = described.and_then(|description| check_lengths(&description).map(|()| description));
        let description = description.map_err(LoadError::Describe)?;
        let digest = trust::digest(bytes);
        Ok(Self {
            engine: Arc::clone(engine),
            counts_fuel,
            imports_wasi,
            pre,
            world,
            digest,
            exports,
            imports,
            description,
        })
    }

    /// What it wants from outside.
    pub fn wants(&self) -> Vec<Want> {
        wants(&self.imports)
    }

    /// What a fresh instance says of the component.
    pub(super) fn describe_again(&self, limits: Limits) -> Result<Description, String> {
        describe(self.machine(), self.pre(), self.imports_wasi, limits)
    }

    pub(super) fn machine(&self) -> &Machine {
        self.engine.machine(self.counts_fuel)
    }

    /// Whether it remembers something from batch to batch.
    pub fn remembers(&self) -> bool {
        self.exports.iter().any(|name| name == STATE)
    }

    pub(super) fn imports_wasi(&self) -> bool {
        self.imports_wasi
    }

    pub(super) fn pre(&self) -> (World, &InstancePre<Guest>) {
        (self.world, &self.pre)
    }
}

/// What is wanted and not granted.
fn refused(wants: &[Want], granted: &Capabilities) -> Vec<String> {
    let refused = wants.iter().filter(|want| !want.is_granted(granted));
    refused.map(|want| format!("{} ({})", want.authority, want.interfaces.join(", "))).collect()
}

/// Gives a component what it imports. What the host does not have is there too, and fails when it is called.
fn link(
    engine: &wasmtime::Engine,
    component: &wasmtime::component::Component,
    imports_wasi: bool,
) -> wasmtime::Result<InstancePre<Guest>> {
    let mut linker = linker(engine)?;
    if imports_wasi {
        wasi::link(&mut linker)?;
    }
    for (name, item) in component.component_type().imports(engine) {
        let is_known = name.starts_with(CONTRACT_PACKAGE) || super::wants::imports_wasi(&[name.to_owned()]);
        if !is_known {
            deny(&mut linker, engine, name, &item.ty)?;
        }
    }
    linker.instantiate_pre(component)
}

/// Defines an import that fails when it is called.
fn deny(
    linker: &mut Linker<Guest>,
    engine: &wasmtime::Engine,
    name: &str,
    item: &ComponentItem,
) -> wasmtime::Result<()> {
    match item {
        ComponentItem::ComponentFunc(_) => deny_function(&mut linker.root(), name, name),
        ComponentItem::Resource(_) => deny_resource(&mut linker.root(), name),
        ComponentItem::ComponentInstance(instance) => {
            let mut linker = linker.instance(name)?;
            for (function, export) in instance.exports(engine) {
                match &export.ty {
                    ComponentItem::ComponentFunc(_) => {
                        deny_function(&mut linker, function, &format!("{name}#{function}"))?;
                    }
                    ComponentItem::Resource(_) => deny_resource(&mut linker, function)?,
                    _ => {}
                }
            }
            Ok(())
        }
        // A type is no authority; a module or a component that is imported stays missing, and is refused.
        _ => Ok(()),
    }
}

fn deny_function(
    linker: &mut wasmtime::component::LinkerInstance<'_, Guest>,
    name: &str,
    full_name: &str,
) -> wasmtime::Result<()> {
    let full_name = full_name.to_owned();
    linker.func_new(name, move |_, _, _, _| Err(wasmtime::format_err!("calls {full_name}, which is not granted")))
}

fn deny_resource(linker: &mut wasmtime::component::LinkerInstance<'_, Guest>, name: &str) -> wasmtime::Result<()> {
    linker.resource(name, ResourceType::host::<()>(), |_, _| Ok(()))
}

/// What a component says of itself, or why it fails to.
fn describe(
    machine: &Machine,
    pre: (World, &InstancePre<Guest>),
    imports_wasi: bool,
    limits: Limits,
) -> Result<Description, String> {
    let nothing = Capabilities::default();
    let _runtime = imports_wasi.then(wasi::enter);
    let log = Arc::new(GuestLog::new("describe", limits.log_lines_per_second));
    let outside = Outside::new(&nothing, Source::Real);
    let guest = Guest::new(
        Equipment { limits, capabilities: &nothing, log: &log, zones: &Zones::default(), outside },
        imports_wasi,
    )?;
    let (mut store, exports, _call) = guest.instantiate(machine, pre, false).map_err(|fault| fault.message)?;
    let described = exports.processor.describe(&mut store);
    described.map_err(|error| store.data().fault(&error, limits.setup).message)
}

/// What a description says is kept as long as the component, shown, and stored with checkpoints.
fn check_lengths(description: &Description) -> Result<(), String> {
    let Description { name, version, summary, config_schema } = description;
    for (what, text, most) in [
        ("name", name, MAX_NAME_BYTES),
        ("version", version, MAX_NAME_BYTES),
        ("summary", summary, MAX_SUMMARY_BYTES),
        ("config schema", config_schema, MAX_SCHEMA_BYTES),
    ] {
        if text.len() > most {
            return Err(format!("its {what} has {} bytes, {most} are allowed", text.len()));
        }
    }
    Ok(())
}

fn is_types_only(item: &types::ComponentExtern, engine: &wasmtime::Engine) -> bool {
    match &item.ty {
        ComponentItem::ComponentInstance(instance) => {
            instance.exports(engine).all(|(_, item)| matches!(item.ty, ComponentItem::Type(_)))
        }
        _ => false,
    }
}

impl std::fmt::Debug for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { digest, exports, imports, description, .. } = self;
        let mut debug = f.debug_struct("Component");
        debug.field("digest", digest).field("exports", exports).field("imports", imports);
        debug.field("description", description).finish_non_exhaustive()
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// The export by which a component says that it remembers.
const STATE: &str = "loglift:processor/state@0.1.0";

/// Of the name and the version of a component: far more than any has.
const MAX_NAME_BYTES: usize = 256;

/// Of its summary, which is one line.
const MAX_SUMMARY_BYTES: usize = 4 << 10;

/// Of its schema: the longest of a built-in processor has 4 KiB.
const MAX_SCHEMA_BYTES: usize = 1 << 20;

const CONTRACT_PACKAGE: &str = "loglift:processor/";
