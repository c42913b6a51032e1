//! The files that one path has led to, one after the other, so that their lines stay in order.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::begin;
use super::chunk::{Notice, Notices};
use super::find::{self, Found};
use super::follow::{FollowSpec, Follower};
use super::stat::Stat;
use super::tail::Step;
use super::track::{Phase, Track, Tracks};
use crate::event::{EventBatch, Loss, Permit, Signature};

/// The files of one path. The oldest that is not finished is read; the next one's turn comes when that is done.
#[derive(Debug)]
pub struct Lane {
    spec: Arc<FollowSpec>,
    tracks: Arc<Tracks>,
    /// The oldest first. All but the first wait.
    followed: VecDeque<Follower>,
    /// Not to be read until something is written to them.
    untouched: Vec<Follower>,
    untouched_due: Option<Instant>,
    /// Finished, and watched in case that something is written to them nevertheless.
    retired: Vec<Follower>,
    retired_due: Option<Instant>,
}

/// What a look at the files of a lane gave.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is moved once")]
#[derive(Debug)]
pub enum Advance {
    /// Events, and the bytes of the budget that they take.
    Batch(EventBatch, Permit),
    /// Something happened, though no record is complete: look again.
    Again,
    /// There is something to read, but no budget for it.
    NoBudget,
    /// Nothing new; to be looked at again after a while.
    Idle(Duration),
    /// No file is left.
    Empty,
}

/// Gives bytes of the budget, or `None` if there are none now.
pub type TakePermit<'a> = dyn FnMut(usize) -> Option<Permit> + 'a;

impl Lane {
    /// A lane without a file.
    pub fn new(spec: Arc<FollowSpec>, tracks: Arc<Tracks>) -> Self {
        Self {
            spec,
            tracks,
            followed: VecDeque::new(),
            untouched: Vec::new(),
            untouched_due: None,
            retired: Vec::new(),
            retired_due: None,
        }
    }

    /// Puts a file behind those that are older than it.
    pub fn adopt(&mut self, track: &Arc<Track>, found: Option<Found>, is_copy: bool, now: Instant) {
        let file = found.map(|found| found.file);
        let follower = match file {
            Some(file) if is_copy => Follower::of_copy(Arc::clone(track), file, &self.spec, now),
            file => Follower::new(Arc::clone(track), file, &self.spec, now),
        };
        match track.phase() {
            Phase::Finished => {
                self.retired.push(follower);
                self.retired_due = Some(now);
            }
            Phase::Untouched => {
                self.untouched.push(follower);
                self.untouched_due = Some(now);
            }
            Phase::Followed => self.enqueue(follower),
        }
    }

    fn enqueue(&mut self, follower: Follower) {
        let track = follower.track();
        let is_newer = |other: &Follower| match (other.track().is_current(), track.is_current()) {
            (false, false) | (true, true) => other.track().birth_ns > track.birth_ns && track.birth_ns.is_some(),
            (is_current, _) => is_current,
        };
        // The first one stays where it is if it is half read.
        let is_begun = self.followed.front().is_some_and(Follower::is_begun);
        let place = (usize::from(is_begun)..self.followed.len()).find(|place| is_newer(&self.followed[*place]));
        self.followed.insert(place.unwrap_or(self.followed.len()), follower);
    }

    /// Looks at the files and takes one chunk, if there is one.
    ///
    /// # Errors
    /// Those of the file system, with the file that they are about. The next call tries again.
    pub fn advance(
        &mut self,
        now: Instant,
        take: &mut TakePermit<'_>,
        notices: &mut Notices,
    ) -> Result<Advance, (PathBuf, io::Error)> {
        let named = |follower: &Follower, error| (follower.track().seen().real_path, error);
        if self.untouched_due.is_some_and(|due| due <= now) {
            self.look_at_untouched(now)?;
        }
        if self.retired_due.is_some_and(|due| due <= now)
            && let Some(advance) = self.advance_retired(now, take, notices)
        {
            return Ok(advance);
        }
        // The next one first: what was written to the first before that had something is in the length of the first.
        let has_successor = self.followed.iter().skip(1).any(|next| next.has_content().unwrap_or(false));
        let Some(first) = self.followed.front_mut() else {
            return Ok(match self.others_due() {
                Some(due) => Advance::Idle(due.saturating_duration_since(now)),
                None => Advance::Empty,
            });
        };
        let step = first.look(has_successor, &self.spec.patience, now).map_err(|error| {
            // The handle may be what is wrong: the next look opens the file again.
            first.close();
            named(first, error)
        })?;
        match step {
            Step::Read => {
                let Some(permit) = take(first.chunk_bytes()) else { return Ok(Advance::NoBudget) };
                let read = first.read(notices).map_err(|error| named(first, error))?;
                Ok(read.map_or(Advance::Again, |batch| Advance::Batch(batch, permit)))
            }
            Step::Flush => {
                let Some(permit) = take(first.chunk_bytes()) else { return Ok(Advance::NoBudget) };
                Ok(first.flush(notices).map_or(Advance::Again, |batch| Advance::Batch(batch, permit)))
            }
            Step::Restart => {
                let Some(permit) = take(first.chunk_bytes()) else { return Ok(Advance::NoBudget) };
                let last = self.restart(now, notices)?;
                Ok(last.map_or(Advance::Again, |batch| Advance::Batch(batch, permit)))
            }
            Step::Finish => {
                self.finish_first(now, notices);
                Ok(Advance::Again)
            }
            Step::Close => {
                first.close();
                Ok(Advance::Idle(LONGEST_CLOSED_WAIT))
            }
            Step::Wait => Ok(Advance::Idle(self.wait(now))),
        }
    }

    /// How long nothing needs to be done: short where something came a short while ago.
    fn wait(&self, now: Instant) -> Duration {
        let Some(first) = self.followed.front() else { return LONGEST_CLOSED_WAIT };
        let longest = if first.is_open() { LONGEST_OPEN_WAIT } else { LONGEST_CLOSED_WAIT };
        let wait = (first.quiet(now) / 16).clamp(SHORTEST_WAIT, longest);
        // Another one waits for its turn.
        let wait = if self.followed.len() > 1 { wait.min(SHORTEST_WAIT * 4) } else { wait };
        self.others_due().map_or(wait, |due| wait.min(due.saturating_duration_since(now)))
    }

    /// When a file other than the first is to be looked at.
    fn others_due(&self) -> Option<Instant> {
        [self.untouched_due, self.retired_due].into_iter().flatten().min()
    }

    /// Begins the files that were there before the agent and were written to since.
    fn look_at_untouched(&mut self, now: Instant) -> Result<(), (PathBuf, io::Error)> {
        let mut trouble = Ok(());
        for mut follower in std::mem::take(&mut self.untouched) {
            let track = Arc::clone(follower.track());
            let seen = track.seen();
            let stat = std::fs::metadata(&seen.real_path).map(|metadata| Stat::of(&metadata));
            let stat = stat.ok().filter(|stat| Some(stat.id) == track.source.file && stat.birth_ns == track.birth_ns);
            match stat {
                None if !seen.is_named => drop(settle_unread(&track, Loss::Untouched)),
                Some(stat) if stat.len != seen.len || stat.modified_ns != seen.modified_ns => {
                    match self.begin_near_end(&track, &seen.real_path) {
                        Ok(found) => {
                            follower.restart_at_progress(Some(found.file), &self.spec, now);
                            self.enqueue(follower);
                        }
                        Err(error) => {
                            self.untouched.push(follower);
                            trouble = Err((seen.real_path, error));
                        }
                    }
                }
                _ => self.untouched.push(follower),
            }
        }
        self.untouched_due = (!self.untouched.is_empty()).then(|| now + LONGEST_CLOSED_WAIT);
        trouble
    }

    fn begin_near_end(&self, track: &Track, path: &Path) -> io::Result<Found> {
        let found = Found::open(path)?;
        let position = begin::near_end(&found.file, found.stat.len, self.spec.tail_bytes, &self.spec.events.framing)?;
        let head = Signature::of(&found.head()?);
        track.source.progress.skip(position, Loss::SkippedTail);
        track.see(|seen| {
            seen.phase = Phase::Followed;
            seen.head = head;
            seen.len = found.stat.len;
        });
        Ok(found)
    }

    /// The first file was truncated: takes what was read of it, goes on with its copy if there is one, and follows what is
    /// written to it from now on.
    fn restart(&mut self, now: Instant, notices: &mut Notices) -> Result<Option<EventBatch>, (PathBuf, io::Error)> {
        let first = &mut self.followed[0];
        let track = Arc::clone(first.track());
        let seen = track.seen();
        if first.is_copy() {
            let lost_bytes = settle_unread(&track, Loss::TruncatedUnread);
            notices.extend((lost_bytes > 0).then_some((track.source.path.clone(), Notice::Truncated { lost_bytes })));
            let last = first.flush(notices);
            self.followed.pop_front();
            return Ok(last);
        }
        let new = match first.take_file() {
            Some(file) => Found::of(file, seen.real_path.clone()),
            None => Found::open(&seen.real_path),
        };
        let new = new.and_then(|new| Ok((Signature::of(&new.head()?), new)));
        let (head, new) = new.map_err(|error| (seen.real_path.clone(), error))?;
        let progress = &track.source.progress;
        let read = first.read_position();
        // A copy that is known already has been taken for a file of its own, or was read for another one.
        let copy =
            find::copy_of(&seen.real_path, new.stat.id, seen.head, &read).filter(|copy| !self.tracks.knows(&copy.stat));
        let mut last = None;
        match copy {
            Some(copy) => {
                self.tracks.begin_copy(track.lane.clone(), &copy, seen.head);
                first.continue_with(copy, now);
            }
            None => {
                last = first.flush(notices);
                let unread = seen.len.0.saturating_sub(progress.read_to().0);
                progress.lose(Loss::TruncatedUnread, unread, false);
                track.see(|seen| seen.phase = Phase::Finished);
                notices.push((track.source.path.clone(), Notice::Truncated { lost_bytes: unread }));
                self.followed.pop_front();
            }
        }
        let path = track.source.path.clone();
        let lane = track.lane.clone();
        let renewed = self.tracks.begin(path, lane, seen.real_path, &new.stat, head, Phase::Followed);
        renewed.see(|new| new.is_named = seen.is_named);
        let follower = Follower::new(renewed, Some(new.file), &self.spec, now);
        // Right behind the copy, if there is one: a file that is newer comes after both.
        self.followed.insert(last_of_first(&self.followed, &track), follower);
        Ok(last)
    }

    fn finish_first(&mut self, now: Instant, notices: &mut Notices) {
        let Some(first) = self.followed.pop_front() else { return };
        let lost_bytes = settle_unread(first.track(), Loss::DeletedUnread);
        notices.extend((lost_bytes > 0).then(|| (first.track().source.path.clone(), Notice::Gone { lost_bytes })));
        if !first.is_copy() {
            self.retired.push(first);
            self.retired_due = Some(now + RETIRED_WAIT);
        }
    }

    /// Looks at the finished files. Something may have been written to one by a program that had it open still.
    fn advance_retired(&mut self, now: Instant, take: &mut TakePermit<'_>, notices: &mut Notices) -> Option<Advance> {
        let mut place = 0;
        while let Some(retired) = self.retired.get_mut(place) {
            let step = retired.look(true, &self.spec.patience, now).unwrap_or(Step::Finish);
            match step {
                Step::Read => {
                    retired.track().see(|seen| seen.phase = Phase::Followed);
                    let Some(permit) = take(retired.chunk_bytes()) else { return Some(Advance::NoBudget) };
                    let batch = retired.read(notices).ok().flatten();
                    return Some(batch.map_or(Advance::Again, |batch| Advance::Batch(batch, permit)));
                }
                Step::Flush => {
                    let Some(permit) = take(retired.chunk_bytes()) else { return Some(Advance::NoBudget) };
                    let batch = retired.flush(notices);
                    return Some(batch.map_or(Advance::Again, |batch| Advance::Batch(batch, permit)));
                }
                Step::Wait => {}
                Step::Finish | Step::Close if retired.quiet(now) < self.spec.patience.close => {
                    retired.track().see(|seen| seen.phase = Phase::Finished);
                }
                Step::Restart | Step::Close | Step::Finish if retired.quiet(now) >= self.spec.patience.close => {
                    self.retired.swap_remove(place);
                    continue;
                }
                Step::Restart | Step::Close | Step::Finish => {}
            }
            place += 1;
        }
        self.retired_due = (!self.retired.is_empty()).then(|| now + RETIRED_WAIT);
        None
    }
}

/// The place behind the file of `track`, or the first if that is not there any more.
fn last_of_first(followed: &VecDeque<Follower>, track: &Arc<Track>) -> usize {
    usize::from(followed.front().is_some_and(|first| Arc::ptr_eq(first.track(), track)))
}

/// Counts what was never read of a file as lost.
pub(super) fn settle_unread(track: &Track, cause: Loss) -> u64 {
    let progress = &track.source.progress;
    let unread = track.seen().len.0.saturating_sub(progress.read_to().0);
    progress.lose(cause, unread, false);
    track.see(|seen| seen.phase = Phase::Finished);
    unread
}

/// How soon a file is looked at again that something came to a moment ago.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);

/// How soon an open file is looked at again at the latest.
const LONGEST_OPEN_WAIT: Duration = Duration::from_secs(1);

/// How soon a closed file is looked at again at the latest: with ten thousand of them, that is two thousand `stat`s a second.
const LONGEST_CLOSED_WAIT: Duration = Duration::from_secs(5);

/// How soon finished files are looked at again.
const RETIRED_WAIT: Duration = Duration::from_millis(250);
