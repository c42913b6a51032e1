//! Signs requests, sends them, and sorts the answers.
//!
//! [`client`] sends a package to one destination and hands back an [`answer::Answer`]: it was accepted, or refused with a
//! [`class::Class`] that says what the caller does next. Whether to wait, to try again or to give up is never decided
//! here.
//!
//! Everything else is a function of what was given: [`endpoint`] where a project is found, [`request`] the headers of a
//! write, [`sign`] the two signatures, [`answer`] and [`class`] what an answer means, [`clock`] the time that the service
//! would accept. [`credentials`] has the one exception: files and roles change while the agent runs.
//!
//! A region in the destination makes signatures of version 4, which are bound to it; without one they are of version 1.

pub mod answer;
pub mod class;
pub mod client;
pub mod clock;
pub mod credentials;
pub mod endpoint;
mod network;
pub mod request;
pub mod sign;
