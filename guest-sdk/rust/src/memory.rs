//! What `wit-bindgen` generates for processors that remember. Only [`export_stateful!`](crate::export_stateful) names it.
#![allow(missing_docs, unsafe_code, unreachable_pub, unused_qualifications, clippy::all, reason = "generated code")]

wit_bindgen::generate!({
    inline: "
        package loglift:sdk;

        world memory {
            export loglift:processor/state@0.1.0;
        }
    ",
    path: "../../wit",
    pub_export_macro: true,
    default_bindings_module: "loglift_sdk::memory",
});
