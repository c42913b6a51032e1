//! Signs requests, sends them, and sorts the answers.
