//! The built-in processors, each a component like any other, embedded in whatever links this crate.
//!
//! Compiling this crate compiles them: see `build.rs`, which also holds the list. It needs a Rust with the target
//! `wasm32-unknown-unknown`, and says in one line what to install where there is none.
#![forbid(unsafe_code)]

/// A processor that needs no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltIn {
    /// Its `Type` in a pipeline config, such as `processor_parse_json_native`.
    pub type_name: &'static str,
    /// The component in the binary format, with a world of `loglift:processor`.
    pub component: &'static [u8],
}

/// All built-in processors, in the order of their type names.
pub const BUILT_IN: &[BuiltIn] = include!(concat!(env!("OUT_DIR"), "/built_in.rs"));

/// The processor that changes nothing, as a component: no pipeline can name it, others are measured against it.
pub const PASS_THROUGH: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pass_through.wasm"));

/// The `Type` of each built-in processor, in the order of [`BUILT_IN`].
pub const TYPES: &[&str] = &{
    let mut types = [""; BUILT_IN.len()];
    let mut place = 0;
    while place < types.len() {
        types[place] = BUILT_IN[place].type_name;
        place += 1;
    }
    types
};

/// Returns the built-in processor with this `Type`.
///
/// # Examples
/// ```
/// assert!(loglift_builtin_processors::find("processor_strptime").is_some());
/// assert!(loglift_builtin_processors::find("processor_wasm").is_none());
/// ```
pub fn find(type_name: &str) -> Option<&'static BuiltIn> {
    BUILT_IN.iter().find(|built_in| built_in.type_name == type_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_there_once_as_a_component() {
        // The magic number of WebAssembly, then the version of the binary format and the layer: 1 means component.
        const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";
        assert!(BUILT_IN.is_sorted_by(|left, right| left.type_name < right.type_name));
        for built_in in BUILT_IN {
            assert!(built_in.component.starts_with(&COMPONENT), "{}", built_in.type_name);
        }
    }
}
