//! Finds files, follows them and turns their bytes into batches.
//!
//! [`paths`] decides which files a config means, and [`walk`] finds them; [`follow`] knows a file again whatever it is called,
//! and keeps those of one path in order; [`records`] turns bytes into batches. They meet here and in `runtime`: a walk gives
//! paths, a catalog of [`follow`] makes tracks and followers of them, and a follower has a chunker of [`records`].

pub mod follow;
pub mod paths;
pub mod records;
pub mod stat;
pub mod walk;
