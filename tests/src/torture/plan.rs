//! What to do to the agent.

use std::time::Duration;

use super::random::Random;
use super::stream::Scheme;

/// What to do to the agent, and for how long.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Decides everything that is random, but for the moments at which threads run.
    pub seed: u64,
    /// How often the agent ends before it may deliver all there is.
    pub lives: usize,
    /// No further life begins after so much time.
    pub longest: Duration,
    /// How it ends.
    pub deaths: Deaths,
    /// How files are rotated.
    pub schemes: Vec<Scheme>,
    /// What the agent is told to do wrong.
    pub broken: Option<&'static str>,
    /// The data directory is on a disk that is full at times.
    pub with_full_disk: bool,
    /// How long the last agent may deliver nothing before that is taken for its end.
    pub patience: Duration,
}

/// How the agent ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deaths {
    /// It is killed.
    Killed,
    /// It is asked to stop.
    Asked,
}

/// How one life of the agent ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// By SIGKILL after a while.
    Killed(Duration),
    /// By SIGKILL when it comes to a place for so many times.
    At(&'static str, u64),
    /// By SIGTERM after a while.
    Asked(Duration),
}

impl Plan {
    /// So many kills, with every rotation: two of the streams are copied and truncated, the others are renamed or deleted.
    pub fn new(seed: u64, lives: usize) -> Self {
        Self {
            seed,
            lives,
            longest: Duration::MAX,
            deaths: Deaths::Killed,
            schemes: SCHEMES.to_vec(),
            broken: None,
            with_full_disk: false,
            patience: Duration::from_secs(30),
        }
    }

    /// How the next life ends.
    pub fn death(&self, random: &mut Random) -> Death {
        let after = Duration::from_millis(match random.between(0, 9) {
            0..3 => random.between(0, 300),
            3..9 => random.between(300, 1500),
            _ => random.between(LONG_MS, LONG_MS + 500),
        });
        if self.deaths == Deaths::Asked {
            // A process that has not come to listen for the signal yet is ended by it.
            return Death::Asked(after.max(Duration::from_millis(500)));
        }
        if self.broken.is_some() {
            return Death::At("send", random.between(3, 20));
        }
        if random.once_in(3) {
            return Death::Killed(after);
        }
        let place = random.one_of(PLACES);
        let most = match place {
            "checkpoint-rename" | "checkpoint-renamed" => 2,
            place if place.starts_with("checkpoint") => 10,
            _ => 100,
        };
        Death::At(place, random.between(1, most))
    }
}

impl Death {
    /// What it is called in a report.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Killed(_) => "at random",
            Self::At(place, _) => place,
            Self::Asked(_) => "asked to stop",
        }
    }
}

/// How files are rotated, the more often the more often it is named.
const SCHEMES: &[Scheme] =
    &[Scheme::Numbered, Scheme::Numbered, Scheme::Dated, Scheme::Dated, Scheme::Deleted, Scheme::Copied];

/// Where the agent can be killed: see `failpoint` in the host.
const PLACES: &[&str] = &[
    "read",
    "process",
    "send",
    "acknowledge",
    "checkpoint-write",
    "checkpoint-written",
    "checkpoint-synced",
    "checkpoint-rename",
    "checkpoint-renamed",
];

/// Some lives are longer than [`SAVE_TIME`](super::run::SAVE_TIME), so that it is seen that checkpoints come in time.
const LONG_MS: u64 = 4_000;
