//! What a component hears from outside: the time and random numbers.
//!
//! Unless the config grants the real ones, the time of day is when the host read the batch, the monotonic clock stands
//! still, and random numbers begin with one seed in every call: equal batches give equal answers. What the real ones said
//! can be recorded, and said again when the batch is replayed.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use ring::rand::{SecureRandom, SystemRandom};

use crate::config::Capabilities;

/// Where a component's time and random numbers come from.
#[derive(Debug)]
pub(super) struct Outside {
    has_clock: bool,
    has_random: bool,
    source: Source,
    /// What the time of day is without the real clock.
    batch_time: Duration,
    numbers: Numbers,
    started: Instant,
}

/// What is done with what the real clock and the real random numbers say.
#[derive(Debug)]
pub(super) enum Source {
    /// Nothing.
    Real,
    /// It is kept; `bytes` is about how much.
    Recording { all: Vec<Heard>, bytes: usize },
    /// They are not asked: it was recorded.
    Replaying(VecDeque<Heard>),
}

/// What a component heard from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The time of day, since 1970-01-01T00:00:00Z.
    Wall(Duration),
    /// Nanoseconds of the monotonic clock.
    Monotonic(u64),
    /// Random bytes.
    Random(Vec<u8>),
}

impl Heard {
    /// About how much memory it takes.
    pub(super) fn size_bytes(&self) -> usize {
        size_of::<Self>() + if let Self::Random(random) = self { random.len() } else { 0 }
    }
}

/// Numbers that look random and are the same each time: SplitMix64.
#[derive(Debug)]
struct Numbers(u64);

/// Why the outside is silent.
#[derive(Debug, thiserror::Error)]
pub(super) enum Silence {
    /// It asks for something else than it did then.
    #[error("asks for something that it did not ask for when it was recorded")]
    NotRecorded,
    /// The system fails.
    #[error("the system has no random numbers")]
    NoRandom,
}

impl Outside {
    /// What is granted, and what becomes of what it says.
    pub(super) fn new(granted: &Capabilities, source: Source) -> Self {
        Self {
            has_clock: granted.clock,
            has_random: granted.random,
            source,
            batch_time: Duration::ZERO,
            numbers: Numbers(SEED),
            started: Instant::now(),
        }
    }

    /// Begins a call with a batch that was read at this Unix time; 0 if there is no batch.
    pub(super) fn begin_call(&mut self, read_seconds: i64) {
        self.batch_time = Duration::from_secs(u64::try_from(read_seconds).unwrap_or(0));
        self.numbers = Numbers(SEED);
    }

    pub(super) fn has_clock(&self) -> bool {
        self.has_clock
    }

    /// The time of day, since 1970-01-01T00:00:00Z.
    pub(super) fn wall(&mut self) -> Result<Duration, Silence> {
        if !self.has_clock {
            return Ok(self.batch_time);
        }
        let real = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        match self.source.hear(|| Ok(Heard::Wall(real())))? {
            Heard::Wall(time) => Ok(time),
            _ => Err(Silence::NotRecorded),
        }
    }

    /// Nanoseconds of a clock that never goes back.
    pub(super) fn monotonic(&mut self) -> Result<u64, Silence> {
        if !self.has_clock {
            return Ok(STANDS_STILL_AT);
        }
        let started = self.started;
        let real = || Heard::Monotonic(started.elapsed().as_nanos() as u64 + STANDS_STILL_AT);
        match self.source.hear(|| Ok(real()))? {
            Heard::Monotonic(nanoseconds) => Ok(nanoseconds),
            _ => Err(Silence::NotRecorded),
        }
    }

    /// So many random bytes.
    pub(super) fn random(&mut self, len: usize) -> Result<Vec<u8>, Silence> {
        if !self.has_random {
            return Ok(self.numbers.bytes(len));
        }
        let real = || {
            let mut bytes = vec![0; len];
            SystemRandom::new().fill(&mut bytes).map_err(|_| Silence::NoRandom)?;
            Ok(Heard::Random(bytes))
        };
        match self.source.hear(real)? {
            Heard::Random(bytes) if bytes.len() == len => Ok(bytes),
            _ => Err(Silence::NotRecorded),
        }
    }

    /// Eight random bytes as a number.
    pub(super) fn random_u64(&mut self) -> Result<u64, Silence> {
        let bytes = self.random(8)?;
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// What the real clock and random numbers say from now on comes from `source`. Returns what was recorded before.
    pub(super) fn listen(&mut self, source: Source) -> Vec<Heard> {
        match std::mem::replace(&mut self.source, source) {
            Source::Recording { all, .. } => all,
            Source::Real | Source::Replaying(_) => Vec::new(),
        }
    }
}

impl Source {
    /// The real ones, and what they say is kept.
    pub(super) fn recording() -> Self {
        Self::Recording { all: Vec::new(), bytes: 0 }
    }

    /// What was recorded.
    pub(super) fn replaying(recorded: Vec<Heard>) -> Self {
        Self::Replaying(recorded.into())
    }

    fn hear(&mut self, real: impl FnOnce() -> Result<Heard, Silence>) -> Result<Heard, Silence> {
        match self {
            Self::Real => real(),
            Self::Recording { all, bytes } => {
                let heard = real()?;
                *bytes += heard.size_bytes();
                // A component that asks for more can be captured, and its batch not be replayed.
                if *bytes <= MAX_HEARD_BYTES {
                    all.push(heard.clone());
                }
                Ok(heard)
            }
            Self::Replaying(all) => all.pop_front().ok_or(Silence::NotRecorded),
        }
    }
}

impl Numbers {
    fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len + 7);
        while bytes.len() < len {
            bytes.extend_from_slice(&self.next().to_be_bytes());
        }
        bytes.truncate(len);
        bytes
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

/// What the monotonic clock says when it stands still, and begins with when it does not. Go's runtime takes 0 for a clock that
/// is broken, and ends the program.
const STANDS_STILL_AT: u64 = 1_000_000_000;

/// With what random numbers begin that are none.
const SEED: u64 = 0;

/// As much of one call can be recorded.
const MAX_HEARD_BYTES: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn outside(granted: bool, source: Source) -> Outside {
        Outside::new(&Capabilities { clock: granted, random: granted, ..Capabilities::default() }, source)
    }

    #[test]
    fn equal_batches_hear_the_same_unless_granted_otherwise() {
        let mut outside = outside(false, Source::Real);
        assert_eq!(outside.wall().expect("heard"), Duration::ZERO);
        let mut hear = |seconds| {
            outside.begin_call(seconds);
            let heard = (outside.wall(), outside.monotonic(), outside.random(11), outside.random_u64());
            let (wall, monotonic, bytes, number) = heard;
            (wall.expect("a time"), monotonic.expect("a time"), bytes.expect("bytes"), number.expect("a number"))
        };
        let (first, second) = (hear(1_700_000_000), hear(1_700_000_000));
        assert_eq!(first, second);
        assert_eq!((first.0, first.1), (Duration::from_secs(1_700_000_000), STANDS_STILL_AT));
        // The first number of SplitMix64 from 0, as published with it.
        assert_eq!(first.2[..8], 0xe220_a839_7b1d_cdaf_u64.to_be_bytes());
        assert_eq!(hear(-1).0, Duration::ZERO);
    }

    #[test]
    fn what_was_heard_can_be_said_again() {
        let mut live = outside(true, Source::recording());
        let heard = (live.wall(), live.random(3), live.monotonic(), live.random_u64());
        let (wall, bytes, monotonic, number) = heard;
        assert!(wall.as_ref().expect("a time").as_secs() > 1_700_000_000);
        let recorded = live.listen(Source::Real);
        assert_eq!(recorded.len(), 4);
        assert_eq!(live.listen(Source::Real), []);

        let mut replayed = outside(true, Source::replaying(recorded));
        assert_eq!(replayed.wall().expect("recorded"), wall.expect("a time"));
        assert_eq!(replayed.random(3).expect("recorded"), bytes.expect("bytes"));
        assert_eq!(replayed.monotonic().expect("recorded"), monotonic.expect("a time"));
        assert_eq!(replayed.random_u64().expect("recorded"), number.expect("a number"));
        assert!(matches!(replayed.wall(), Err(Silence::NotRecorded)));
    }

    #[test]
    fn a_replay_does_not_say_what_was_not_asked_for() {
        let check = |heard: Heard| {
            let mut replayed = outside(true, Source::replaying(vec![heard]));
            assert!(matches!(replayed.random(2), Err(Silence::NotRecorded)));
        };
        check(Heard::Wall(Duration::ZERO));
        check(Heard::Random(vec![1]));
    }
}
