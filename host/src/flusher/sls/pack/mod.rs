//! Turns batches into packages.
