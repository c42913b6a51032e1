//! What processors remember.

/// What one processor of a pipeline remembers, as it is stored and handed to another instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The name of the processor: `processors[1] (processor_wasm)`.
    pub name: String,
    /// What its component calls itself.
    pub component: String,
    /// The start of the SHA-256 of what it is configured with: by that it is known again at another place of its pipeline.
    pub config: String,
    /// The version of the component.
    pub version: String,
    /// In a form of its own.
    pub saved: Vec<u8>,
}
