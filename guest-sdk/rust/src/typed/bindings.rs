//! What `wit-bindgen` generates for the typed world. Only [`export_typed!`](crate::export_typed) names it.
#![allow(missing_docs, unsafe_code, unreachable_pub, unused_qualifications, clippy::all, reason = "generated code")]

wit_bindgen::generate!({
    path: "../../wit",
    world: "typed-processor",
    with: {
        "loglift:processor/host@0.1.0": crate::bindings::loglift::processor::host,
        "loglift:processor/types@0.1.0": crate::bindings::loglift::processor::types,
    },
    pub_export_macro: true,
    default_bindings_module: "loglift_sdk::typed::bindings",
});
