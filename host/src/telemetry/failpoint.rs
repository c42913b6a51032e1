//! Places at which a test can have the agent killed.
//!
//! A debug build with `LOGLIFT_KILL_AT=NAME:COUNT` in its environment sends itself SIGKILL when it comes to the place
//! `NAME` for the `COUNT`th time. In a release build these places are nothing.
//!
//! A debug build can also be told to do something wrong, with `LOGLIFT_BREAK=NAME`, so that tests can show that they would
//! notice; and to compact its journal sooner, with `LOGLIFT_JOURNAL_SLACK_BYTES`.

/// A place by this name. Does not return if the agent is to be killed here.
#[cfg(debug_assertions)]
pub fn hit(name: &str) {
    debug::hit(name);
}

/// A place by this name.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn hit(_name: &str) {}

/// Whether the agent is to do wrong what has this name.
#[cfg(debug_assertions)]
pub fn is_broken(name: &str) -> bool {
    debug::BROKEN.as_deref() == Some(name)
}

/// Whether the agent is to do wrong what has this name.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn is_broken(_name: &str) -> bool {
    false
}

/// How much of the journal of checkpoints may be outdated, if a test wants that to be little.
pub fn journal_slack_bytes() -> Option<u64> {
    if !cfg!(debug_assertions) {
        return None;
    }
    std::env::var("LOGLIFT_JOURNAL_SLACK_BYTES").ok()?.parse().ok()
}

#[cfg(debug_assertions)]
mod debug {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    /// Where to be killed, and how many times to come there before that.
    static ARMED: LazyLock<Option<(String, AtomicU64)>> = LazyLock::new(|| {
        let text = std::env::var("LOGLIFT_KILL_AT").ok()?;
        let parsed = parse(&text);
        if parsed.is_none() {
            tracing::error!(value = text, "LOGLIFT_KILL_AT is not NAME:COUNT");
        }
        parsed.map(|(name, count)| (name.to_owned(), AtomicU64::new(count)))
    });

    pub(super) static BROKEN: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("LOGLIFT_BREAK").ok());

    pub(super) fn hit(name: &str) {
        let Some((armed, left)) = &*ARMED else { return };
        if armed == name && left.fetch_sub(1, Ordering::SeqCst) == 1 {
            let killed = kill_process(getpid(), Signal::KILL);
            unreachable!("a process that killed itself goes on: {killed:?}");
        }
    }

    fn parse(text: &str) -> Option<(&str, u64)> {
        let (name, count) = text.rsplit_once(':')?;
        let count = count.parse().ok().filter(|count| *count > 0)?;
        (!name.is_empty()).then_some((name, count))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_place_and_a_count() {
            assert_eq!(parse("checkpoint-write:3"), Some(("checkpoint-write", 3)));
            for wrong in ["", "read", "read:", "read:0", "read:x", ":1"] {
                assert_eq!(parse(wrong), None, "{wrong}");
            }
        }
    }
}
