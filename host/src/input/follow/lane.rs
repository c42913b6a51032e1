//! The files that one path has led to, one after the other, so that their lines stay in order.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::event::{EventBatch, Loss, Permit, Signature};
use crate::input::follow::begin;
use crate::input::follow::disk;
use crate::input::follow::find::{self, Found};
use crate::input::follow::follower::{FollowSpec, Follower};
use crate::input::follow::tail::Step;
use crate::input::follow::track::{Phase, Track, Tracks};
use crate::input::records::chunk::{Notice, Notices};

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
    /// They cannot be read for long and hold up the others no more. They are tried again in turn.
    aside: VecDeque<Follower>,
    aside_due: Option<Instant>,
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
            // Most paths never lead to a second file, and there may be many of them.
            followed: VecDeque::with_capacity(1),
            untouched: Vec::new(),
            untouched_due: None,
            retired: Vec::new(),
            retired_due: None,
            aside: VecDeque::new(),
            aside_due: None,
        }
    }

    /// Puts a file behind those that are older than it.
    pub fn adopt(&mut self, track: &Arc<Track>, found: Option<Found>, is_copy: bool, now: Instant) {
        if self.has(track) {
            return;
        }
        let follower = match found {
            Some(copy) if is_copy => Follower::of_copy(Arc::clone(track), copy, &self.spec, now),
            found => Follower::new(Arc::clone(track), found.map(|found| found.file), &self.spec, now),
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

    fn has(&self, track: &Arc<Track>) -> bool {
        self.all().any(|follower| Arc::ptr_eq(follower.track(), track))
    }

    fn all(&self) -> impl Iterator<Item = &Follower> {
        self.followed.iter().chain(&self.untouched).chain(&self.retired).chain(&self.aside)
    }

    /// Whether a file is open.
    #[cfg(test)]
    pub(super) fn holds(&self, id: crate::event::FileId) -> bool {
        self.all().any(|follower| follower.is_open() && !follower.is_copy() && follower.track().source.file == Some(id))
    }

    fn enqueue(&mut self, follower: Follower) {
        let generation = follower.track().generation;
        let is_newer = |other: &Follower| match (other.track().is_current(), follower.track().is_current()) {
            (false, false) | (true, true) => match (other.made_ns(), follower.made_ns()) {
                (Some(others), Some(made)) => (others, other.track().generation) > (made, generation),
                _ => false,
            },
            (is_current, _) => is_current,
        };
        // One that was found late comes before a newer one that is half read already: behind that, it would seem to be what comes
        // next, and end the newer one. Only a copy stays first, as what it is the copy of is behind it.
        let is_copy = self.followed.front().is_some_and(Follower::is_copy);
        let place = (usize::from(is_copy)..self.followed.len()).find(|place| is_newer(&self.followed[*place]));
        self.followed.insert(place.unwrap_or(self.followed.len()), follower);
        self.close_waiting();
    }

    /// Closes files that wait, the newest first, until as few are open as may be. Their turn opens them by their path; those
    /// that have none any more are closed last, since that loses them.
    fn close_waiting(&mut self) {
        while self.followed.iter().skip(1).filter(|waiting| waiting.is_open()).count() > self.spec.max_open_waiting {
            let open = |place: &usize| self.followed[*place].is_open();
            let mut places = (1..self.followed.len()).rev().filter(open);
            let has_path = places.clone().find(|place| !self.followed[*place].is_deleted());
            let Some(place) = has_path.or_else(|| places.next()) else { return };
            self.followed[place].close();
        }
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
        if self.untouched_due.is_some_and(|due| due <= now) {
            self.look_at_untouched(now)?;
        }
        if self.retired_due.is_some_and(|due| due <= now)
            && let Some(advance) = self.advance_retired(now, take, notices)
        {
            return Ok(advance);
        }
        if self.aside_due.is_some_and(|due| due <= now) {
            // It comes before all that is newer, unless it fails again.
            self.aside.pop_front().into_iter().for_each(|failing| self.followed.push_front(failing));
            self.aside_due = (!self.aside.is_empty()).then(|| now + ASIDE_WAIT);
        }
        self.advance_first(now, take, notices).map_err(|error| self.note_failure(error, now))
    }

    fn advance_first(&mut self, now: Instant, take: &mut TakePermit<'_>, notices: &mut Notices) -> io::Result<Advance> {
        self.followed.iter().skip(1).for_each(Follower::note_head);
        // The next one first: what was written to the first before that had something is in the length of the first.
        let has_successor = self.followed.iter().skip(1).any(|next| next.has_content().unwrap_or(false));
        let Some(first) = self.followed.front_mut() else {
            return Ok(match self.others_due() {
                Some(due) => Advance::Idle(due.saturating_duration_since(now)),
                None => Advance::Empty,
            });
        };
        let step = first.look(has_successor, &self.spec.patience, now)?;
        match step {
            Step::Wait => return Ok(Advance::Idle(self.wait(now))),
            Step::Close => {
                first.close();
                return Ok(Advance::Idle(LONGEST_CLOSED_WAIT));
            }
            Step::Read => first.note_delay(&self.spec, now, notices)?,
            Step::Flush | Step::Restart | Step::Finish => {}
        }
        let Some(permit) = take(first.chunk_bytes()) else { return Ok(Advance::NoBudget) };
        let batch = match step {
            Step::Read => {
                let (came, batch) = first.read(notices)?;
                if came == 0 && batch.is_none() {
                    // Some file systems say that there is more than can be read.
                    return Ok(Advance::Idle(LONGEST_OPEN_WAIT));
                }
                batch
            }
            Step::Restart => self.restart(now, notices)?,
            Step::Finish => self.finish_first(now, notices),
            Step::Flush | Step::Close | Step::Wait => first.flush(notices),
        };
        Ok(batch.map_or(Advance::Again, |batch| Advance::Batch(batch, permit)))
    }

    /// Notes that the first file cannot be read. The next look opens it again; after a minute of that, those behind it have
    /// their turn, and it is tried now and then. Only its own lines come late then.
    fn note_failure(&mut self, error: io::Error, now: Instant) -> (PathBuf, io::Error) {
        let Some(mut first) = self.followed.pop_front() else { return (PathBuf::new(), error) };
        let path = first.track().seen().real_path;
        first.fail(now);
        if first.is_failing_for_long(now) && !self.followed.is_empty() {
            self.aside.push_back(first);
            self.aside_due.get_or_insert(now + ASIDE_WAIT);
        } else {
            self.followed.push_front(first);
        }
        (path, error)
    }

    /// How long nothing needs to be done: short where something came a short while ago.
    fn wait(&self, now: Instant) -> Duration {
        let Some(first) = self.followed.front() else { return LONGEST_CLOSED_WAIT };
        let (part, longest) = if first.is_open() { (16, LONGEST_OPEN_WAIT) } else { (8, LONGEST_CLOSED_WAIT) };
        let wait = (first.quiet(now) / part).clamp(SHORTEST_WAIT, longest);
        // Another one waits for its turn.
        let wait = if self.followed.len() > 1 { wait.min(SHORTEST_WAIT * 4) } else { wait };
        self.others_due().map_or(wait, |due| wait.min(due.saturating_duration_since(now)))
    }

    /// When a file other than the first is to be looked at.
    fn others_due(&self) -> Option<Instant> {
        [self.untouched_due, self.retired_due, self.aside_due].into_iter().flatten().min()
    }

    /// Begins the files that were there before the agent and were written to since.
    fn look_at_untouched(&mut self, now: Instant) -> Result<(), (PathBuf, io::Error)> {
        let mut trouble = Ok(());
        for mut follower in std::mem::take(&mut self.untouched) {
            let track = Arc::clone(follower.track());
            let seen = track.seen();
            let at_path = match disk::stat(&seen.real_path) {
                Err(error) if !disk::is_absence(&error) => {
                    self.untouched.push(follower);
                    trouble = Err((seen.real_path, error));
                    continue;
                }
                stat => stat.ok().filter(|stat| Some(stat.id) == track.source.file),
            };
            let is_number_reused = at_path.is_some_and(|stat| stat.birth_ns != track.birth_ns);
            match at_path.filter(|_| !is_number_reused) {
                None if is_number_reused || !seen.is_named => {
                    track.finish(Loss::Untouched);
                }
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
        // What was written since the file is known is read, however much that is. What is shorter than it was is all new.
        let new_bytes = found.stat.len.0.checked_sub(track.ask(|seen| seen.len.0)).unwrap_or(found.stat.len.0);
        let tail_bytes = self.spec.tail_bytes.max(new_bytes);
        let position = begin::near_end(&found.file, found.stat.len, tail_bytes, &self.spec.events.framing)?;
        let head = Signature::of(&found.head()?);
        track.touch(position, &found.stat, head);
        Ok(found)
    }

    /// The first file was truncated: takes what was read of it, goes on with its copy if there is one, and follows what is
    /// written to it from now on. If another file has its number by now, that is left to whoever looks at paths, since there may
    /// be files between the two.
    fn restart(&mut self, now: Instant, notices: &mut Notices) -> io::Result<Option<EventBatch>> {
        let first = &mut self.followed[0];
        let track = Arc::clone(first.track());
        if first.is_copy() {
            let last = end_truncated(first, notices);
            self.followed.pop_front();
            return Ok(last);
        }
        let copy = match copy_of(first, &self.tracks) {
            Err(error) if !first.is_failing_for_long(now) => return Err(error),
            // A file beside it that cannot be read may be the copy, and holds up nothing for ever.
            copy => copy.ok().flatten(),
        };
        let new = reopen(first)?;
        let is_truncated = track.is_of(&new.stat);
        let head = Signature::of(&new.head()?);
        self.tracks.note_disturbed(if is_truncated { track.lane.clone() } else { new.path.clone() });
        let mut last = None;
        match copy {
            Some(copy) => {
                self.tracks.begin_copy(track.lane.clone(), &copy, track.ask(|seen| seen.head));
                first.continue_with(copy, now);
            }
            None => {
                last = if is_truncated { end_truncated(first, notices) } else { end_deleted(first, notices) };
                self.followed.pop_front();
            }
        }
        if is_truncated && let Some(follower) = self.renew(&track, new, head, now) {
            // Right behind the copy, if there is one: a file that is newer comes after both.
            self.followed.insert(last_of_first(&self.followed, &track), follower);
        }
        Ok(last)
    }

    /// Follows what is written to a file from its truncation on, unless someone does already.
    fn renew(&self, old: &Track, new: Found, head: Signature, now: Instant) -> Option<Follower> {
        let since = self.tracks.upcoming();
        let is_known = |newest: Arc<Track>| newest.generation > old.generation && newest.birth_ns == new.stat.birth_ns;
        if self.tracks.newest_of(new.stat.id).is_some_and(is_known) {
            return None;
        }
        let is_named = old.seen().is_named;
        let (path, lane) = (old.source.path.clone(), old.lane.clone());
        let track = self.tracks.begin_unless_begun(since, path, lane, new.path, &new.stat, head, Phase::Followed)?;
        track.see(|seen| seen.is_named = is_named);
        Some(Follower::new(track, Some(new.file), &self.spec, now))
    }

    /// Takes what is left of the first file, and lets the next one have its turn.
    fn finish_first(&mut self, now: Instant, notices: &mut Notices) -> Option<EventBatch> {
        let mut first = self.followed.pop_front()?;
        let last = first.flush(notices);
        // One that waited closed was renamed, and is not where it was any more.
        let cause = if first.is_open() { Loss::DeletedUnread } else { Loss::RotatedUnread };
        finish_unread(first.track(), cause, notices);
        if !first.is_copy() {
            self.retired.push(first);
            self.retired_due = Some(now + RETIRED_WAIT);
        }
        last
    }

    /// Looks at the finished files. Something may have been written to one by a program that had it open still, or that
    /// writes to the same few files in turn.
    fn advance_retired(&mut self, now: Instant, take: &mut TakePermit<'_>, notices: &mut Notices) -> Option<Advance> {
        let mut place = 0;
        while let Some(retired) = self.retired.get_mut(place) {
            let step = retired.look(true, &self.spec.patience, now).unwrap_or_else(|_| {
                retired.close();
                Step::Wait
            });
            if step == Step::Restart {
                // It has something new, and is one of those that are followed.
                retired.track().revive();
                let retired = self.retired.swap_remove(place);
                self.followed.push_front(retired);
                return Some(Advance::Again);
            }
            if matches!(step, Step::Read | Step::Flush) {
                let Some(permit) = take(retired.chunk_bytes()) else { return Some(Advance::NoBudget) };
                let read = if step == Step::Read { retired.read(notices) } else { Ok((1, retired.flush(notices))) };
                match read {
                    Ok((_, Some(batch))) => return Some(Advance::Batch(batch, permit)),
                    Ok((1.., None)) => return Some(Advance::Again),
                    // It waits for its next turn, as those behind it do not.
                    Ok((0, None)) => {}
                    Err(_) => retired.close(),
                }
                place += 1;
                continue;
            }
            if step != Step::Wait {
                finish_unread(retired.track(), Loss::DeletedUnread, notices);
                if retired.quiet(now) >= self.spec.patience.close {
                    retired.close();
                }
                // What has a name that is looked for may be written to at any time.
                if retired.quiet(now) >= self.spec.patience.lost && !retired.track().seen().is_named {
                    self.retired.swap_remove(place);
                    continue;
                }
            }
            place += 1;
        }
        let wait = if self.retired.iter().any(Follower::is_open) { RETIRED_WAIT } else { LONGEST_CLOSED_WAIT };
        self.retired_due = (!self.retired.is_empty()).then(|| now + wait);
        None
    }
}

/// The copy that was made of a file before it was truncated, if there is one that was not read yet.
fn copy_of(follower: &Follower, tracks: &Tracks) -> io::Result<Option<Found>> {
    let track = follower.track();
    let Some(id) = track.source.file else { return Ok(None) };
    let copy = find::copy_of(&track.lane, id, track.ask(|seen| seen.head), &follower.read_position())?;
    // A copy that is known already has been taken for a file of its own, or was read for another one.
    Ok(copy.filter(|copy| {
        tracks.newest_of(copy.stat.id).is_none_or(|known| {
            // Or one that was made in the place of an earlier copy.
            let is_renewed = known.seen().modified_ns != copy.stat.modified_ns && tracks.has_copy(&copy.stat);
            known.birth_ns != copy.stat.birth_ns || is_renewed
        })
    }))
}

/// Opens a file that was truncated, if it is not open.
fn reopen(follower: &mut Follower) -> io::Result<Found> {
    let path = follower.track().seen().real_path;
    match follower.take_file() {
        Some(file) => Found::of(file, path),
        None => Found::open(&path),
    }
}

/// Takes what was read of a file before it was truncated, and counts the rest as lost.
fn end_truncated(follower: &mut Follower, notices: &mut Notices) -> Option<EventBatch> {
    let last = follower.flush(notices);
    let lost_bytes = follower.track().finish(Loss::TruncatedUnread);
    notices.push((follower.track().source.path.clone(), Notice::Truncated { lost_bytes }));
    last
}

/// Takes what was read of a file before it was deleted, and counts the rest as lost.
fn end_deleted(follower: &mut Follower, notices: &mut Notices) -> Option<EventBatch> {
    let last = follower.flush(notices);
    finish_unread(follower.track(), Loss::DeletedUnread, notices);
    last
}

/// The place behind the file of `track`, or the first if that is not there any more.
fn last_of_first(followed: &VecDeque<Follower>, track: &Arc<Track>) -> usize {
    usize::from(followed.front().is_some_and(|first| Arc::ptr_eq(first.track(), track)))
}

/// Counts what was never read of a file as lost.
fn finish_unread(track: &Track, cause: Loss, notices: &mut Notices) {
    let lost_bytes = track.finish(cause);
    notices.extend((lost_bytes > 0).then(|| (track.source.path.clone(), Notice::Gone { lost_bytes })));
}

/// How soon a file is looked at again that something came to a moment ago.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);

/// How soon an open file is looked at again at the latest.
const LONGEST_OPEN_WAIT: Duration = Duration::from_secs(1);

/// How soon a closed file is looked at again at the latest: with ten thousand of them, that is two thousand `stat`s a second.
const LONGEST_CLOSED_WAIT: Duration = Duration::from_secs(5);

/// How soon finished files are looked at again.
const RETIRED_WAIT: Duration = Duration::from_millis(250);

/// How soon one of the files that cannot be read for long is tried again.
const ASIDE_WAIT: Duration = Duration::from_secs(30);
