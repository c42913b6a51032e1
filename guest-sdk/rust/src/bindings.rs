//! What `wit-bindgen` generates from `wit/`. Only [`export!`](crate::export) names it.
#![allow(missing_docs, unsafe_code, unreachable_pub, unused_qualifications, clippy::all, reason = "generated code")]

wit_bindgen::generate!({
    path: "../../wit",
    world: "processor",
    pub_export_macro: true,
    default_bindings_module: "loglift_sdk::bindings",
});
