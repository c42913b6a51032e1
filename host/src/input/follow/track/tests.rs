use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;

use super::*;

fn track() -> Arc<Track> {
    let tracks = Tracks::new(Arc::default());
    let path = PathBuf::from("app.log");
    tracks.begin(path.clone(), path.clone(), path, &stat(0), Signature::default(), Phase::Followed)
}

fn stat(len: u64) -> Stat {
    let id = FileId { device: 1, inode: 2 };
    Stat { id, birth_ns: None, len: Offset(len), modified_ns: 0, links: 1 }
}

fn look(track: &Track, len: u64) {
    track.look(&stat(len), Signature::default());
}

fn at(offset: u64) -> Position {
    Position { offset: Offset(offset), ..Position::default() }
}

#[test]
fn a_finished_file_that_comes_back_is_read_and_no_byte_counts_twice() {
    let track = track();
    look(&track, 100);
    track.source.progress.begin(Offset(0), at(60));
    assert_eq!((track.finish(Loss::DeletedUnread), track.finish(Loss::Untouched)), (40, 0));
    look(&track, 60);
    let standing = track.standing();
    assert_eq!((standing.balance.written, standing.balance.is_even()), (100, true), "{standing:?}");
    look(&track, 120);
    let standing = track.standing();
    assert_eq!((standing.seen.phase, standing.balance.ledger.lost_bytes()), (Phase::Followed, 0));
    assert!(standing.balance.unread == 60 && standing.balance.is_even(), "{standing:?}");
}

#[test]
fn the_oldest_byte_that_is_not_acknowledged_says_since_when_a_file_lags() {
    let track = track();
    let progress = &track.source.progress;
    assert_eq!(track.standing().waiting_since, None);
    look(&track, 10);
    let first = track.standing().waiting_since.expect("ten bytes wait");
    look(&track, 20);
    progress.begin(Offset(0), at(10));
    assert_eq!(track.standing().waiting_since, Some(first));
    progress.end(Offset(0), 0, 0);
    assert!(track.standing().waiting_since.expect("ten more wait") > first);
    progress.begin(Offset(10), at(20));
    progress.end(Offset(10), 0, 0);
    assert_eq!(track.standing().waiting_since, None);
}

/// One thread reads as a worker does, one acknowledges, one finishes the file as discovery does when its number is in use
/// again; whatever moment another one looks at, no byte is missing or counted twice.
#[test]
fn the_balance_is_even_at_any_moment() {
    let track = track();
    let is_over = AtomicBool::new(false);
    let begun = Mutex::new(VecDeque::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            read(&track, &begun);
            is_over.store(true, Ordering::SeqCst);
        });
        scope.spawn(|| acknowledge(&track, &begun, &is_over));
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                track.finish(Loss::Untouched);
                std::thread::yield_now();
            }
        });
        while !is_over.load(Ordering::SeqCst) {
            let standing = track.standing();
            assert!(standing.balance.is_even(), "{standing:?}");
        }
    });
    let standing = track.standing();
    assert!(standing.balance.is_even() && standing.balance.in_flight == 0, "{standing:?}");
    assert!(standing.balance.ledger.acknowledged > 0 && standing.balance.ledger.dropped > 0, "{standing:?}");
}

/// Ranges that were begun, with the number of the round.
type Begun = Mutex<VecDeque<(u64, u64)>>;

fn read(track: &Track, begun: &Begun) {
    const ROUNDS: u64 = 20_000;
    let (mut len, mut read_to) = (0, 0);
    for round in 0..ROUNDS {
        len += round % 7;
        look(track, len);
        if round % 50 == 49 {
            track.finish(Loss::DeletedUnread);
        }
        let end = if round % 3 == 0 { len } else { (read_to + round % 4).min(len) };
        if end > read_to && round % 100 == 99 {
            track.source.progress.skip(at(end), Loss::ReadDelay);
        } else if end > read_to {
            track.source.progress.begin(Offset(read_to), at(end));
            begun.lock().unwrap().push_back((read_to, round));
        }
        read_to = end;
    }
}

fn acknowledge(track: &Track, begun: &Begun, is_over: &AtomicBool) {
    loop {
        let is_last = is_over.load(Ordering::SeqCst);
        let next = {
            let mut begun = begun.lock().unwrap();
            // Not in order, since flushers end in any.
            if begun.len().is_multiple_of(2) { begun.pop_back() } else { begun.pop_front() }
        };
        match next {
            Some((start, round)) => track.source.progress.end(Offset(start), round % 2, 0),
            None if is_last => return,
            None => std::thread::yield_now(),
        }
    }
}

#[test]
fn a_new_file_that_two_find_at_once_is_begun_once() {
    let tracks = Tracks::new(Arc::default());
    let since = tracks.upcoming();
    let begin = || {
        let path = PathBuf::from("app.log");
        let (lane, real_path) = (path.clone(), path.clone());
        tracks.begin_unless_begun(since, path, lane, real_path, &stat(0), Signature::default(), Phase::Followed)
    };
    assert!(begin().is_some());
    assert!(begin().is_none());
}
