//! Packages on disk, which wait there for a destination that does not take them.
