//! What `wit-bindgen` generates from `wit/`.
#![allow(unsafe_code, clippy::all, reason = "generated code")]

wit_bindgen::generate!({ path: "wit", world: "imports", generate_all });
