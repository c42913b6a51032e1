//! Decides whether what arrived is what was written. Pure.

use std::fmt;

/// One run of the agent, from its start to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Life {
    /// The numbers of the lines that arrived, of each stream, in the order in which they came.
    pub arrived: Vec<Vec<u32>>,
    /// When it had ended, its checkpoints covered so many lines of each stream.
    pub saved: Vec<u32>,
    /// It was alive long enough after so many lines of each stream had arrived to have stored that.
    pub due: Vec<u32>,
    /// It was asked to stop, and had the time to do so in peace.
    pub was_asked: bool,
}

/// What is to be said of all lives together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Lines that never arrived, by stream and number.
    pub missing: Vec<(usize, u32)>,
    /// Lines that arrived for the first time after a later one of their stream had.
    pub disordered: Vec<(usize, u32)>,
    /// Lines that arrived again though nothing was in flight: twice in one life, after a checkpoint had covered them, or
    /// after an agent that was asked to stop.
    pub needless: Vec<(usize, u32)>,
    /// Lines that were delivered long before the end of a life and in no checkpoint then.
    pub unsaved: Vec<(usize, u32)>,
    /// How many lines arrived, again or not.
    pub arrived: u64,
    /// Of each life that did not stop in peace, how many lines arrived again because of that.
    pub repeated: Vec<u64>,
}

/// Compares the number of lines that were `written` to each stream with what arrived in each life of the agent, in order.
///
/// A line may arrive again only in a later life, and only if the checkpoints that this life began with do not cover it: then
/// it was in flight when the one before was killed.
pub fn check(written: &[u32], lives: &[Life]) -> Verdict {
    let mut verdict = Verdict::default();
    let mut repeated = vec![0; lives.len() + 1];
    for (stream, written) in written.iter().enumerate() {
        // The life in which each line arrived last.
        let mut last: Vec<Option<usize>> = vec![None; *written as usize];
        let mut newest = None;
        for (number, life) in lives.iter().enumerate() {
            let before = number.checked_sub(1).map(|before| &lives[before]);
            for line in of(&life.arrived, stream) {
                verdict.arrived += 1;
                let Some(last) = last.get_mut(*line as usize) else {
                    verdict.needless.push((stream, *line));
                    continue;
                };
                match last.replace(number) {
                    None if newest.is_some_and(|newest| newest > *line) => verdict.disordered.push((stream, *line)),
                    None => newest = Some(*line),
                    Some(seen) => {
                        repeated[number] += 1;
                        let was_covered = before.is_none_or(|before| *line < saved(before, stream) || before.was_asked);
                        if seen == number || was_covered {
                            verdict.needless.push((stream, *line));
                        }
                    }
                }
            }
            let late = saved(life, stream)..life.due.get(stream).copied().unwrap_or(0);
            verdict.unsaved.extend(late.map(|line| (stream, line)));
        }
        let missing = last.iter().zip(0..).filter(|(last, _)| last.is_none());
        verdict.missing.extend(missing.map(|(_, line)| (stream, line)));
    }
    let killed = lives.iter().zip(&repeated[1..]).filter(|(life, _)| !life.was_asked);
    verdict.repeated = killed.map(|(_, repeated)| *repeated).collect();
    verdict
}

impl Verdict {
    /// Whether nothing went wrong.
    pub fn is_good(&self) -> bool {
        [&self.missing, &self.disordered, &self.needless, &self.unsaved].iter().all(|lines| lines.is_empty())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, lines) in [
            ("never arrived", &self.missing),
            ("arrived after a later one", &self.disordered),
            ("arrived again without need", &self.needless),
            ("were in no checkpoint in time", &self.unsaved),
        ] {
            if !lines.is_empty() {
                writeln!(f, "{} lines {what}: {}", lines.len(), ranges(lines))?;
            }
        }
        Ok(())
    }
}

/// `0: 3-5 9, 1: 4` for streams and the numbers of their lines.
fn ranges(lines: &[(usize, u32)]) -> String {
    let mut text = String::new();
    let mut count = 0;
    let mut rest = lines;
    let mut stream = None;
    while let Some((first, _)) = rest.split_first().filter(|_| count < MAX_RANGES) {
        let run = rest.iter().zip(first.1..).take_while(|(line, number)| **line == (first.0, *number)).count();
        if stream != Some(first.0) {
            text += &format!("{}{}:", if stream.is_some() { ", " } else { "" }, first.0);
            stream = Some(first.0);
        }
        text +=
            &if run == 1 { format!(" {}", first.1) } else { format!(" {}-{}", first.1, first.1 as usize + run - 1) };
        rest = &rest[run..];
        count += 1;
    }
    text + if rest.is_empty() { "" } else { " and more" }
}

fn saved(life: &Life, stream: usize) -> u32 {
    life.saved.get(stream).copied().unwrap_or(0)
}

fn of(arrived: &[Vec<u32>], stream: usize) -> &[u32] {
    arrived.get(stream).map_or(&[], Vec::as_slice)
}

const MAX_RANGES: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn killed(arrived: &[u32], saved: u32) -> Life {
        Life { arrived: vec![arrived.to_vec()], saved: vec![saved], ..Life::default() }
    }

    fn verdict(written: u32, lives: &[Life]) -> Verdict {
        check(&[written], lives)
    }

    #[test]
    fn what_arrives_once_and_in_order_is_good() {
        let good = verdict(5, &[killed(&[0, 1], 2), killed(&[], 2), killed(&[2, 3, 4], 5)]);
        assert!(good.is_good(), "{good}");
        assert_eq!((good.arrived, good.repeated), (5, vec![0, 0, 0]));
    }

    #[test]
    fn a_missing_line_is_noticed() {
        let bad = verdict(5, &[killed(&[0, 1], 2), killed(&[3], 5)]);
        assert_eq!((bad.missing.clone(), bad.is_good()), (vec![(0, 2), (0, 4)], false));
        assert_eq!(bad.to_string(), "2 lines never arrived: 0: 2 4\n");
        assert_eq!(verdict(2, &[]).missing.len(), 2);
    }

    #[test]
    fn a_line_behind_a_later_one_is_noticed() {
        let bad = verdict(4, &[killed(&[0, 2, 1, 3], 4)]);
        assert_eq!((bad.disordered.clone(), bad.is_good()), (vec![(0, 1)], false));
        // Across lives as well, but only among first deliveries.
        assert_eq!(verdict(3, &[killed(&[0, 2], 1), killed(&[1, 2], 3)]).disordered, [(0, 1)]);
        assert!(verdict(3, &[killed(&[0, 1, 2], 1), killed(&[1, 2], 3)]).is_good());
    }

    #[test]
    fn what_was_in_flight_may_arrive_again() {
        let good = verdict(4, &[killed(&[0, 1, 2], 1), killed(&[1], 1), killed(&[1, 2, 3], 4)]);
        assert!(good.is_good(), "{good}");
        assert_eq!(good.repeated, [1, 2, 0]);
    }

    #[test]
    fn what_was_not_in_flight_may_not_arrive_again() {
        let check = |lives: &[Life], expected: &[(usize, u32)]| assert_eq!(verdict(3, lives).needless, expected);
        check(&[killed(&[0, 1, 2], 2), killed(&[1, 2], 3)], &[(0, 1)]);
        check(&[killed(&[0, 1, 1, 2], 0)], &[(0, 1)]);
        check(&[killed(&[0, 1, 2], 1), killed(&[1, 2, 1], 3)], &[(0, 1)]);
        let asked = Life { was_asked: true, ..killed(&[0, 1, 2], 0) };
        check(&[asked, killed(&[2], 3)], &[(0, 2)]);
        // A line that nobody wrote.
        check(&[killed(&[0, 1, 2, 3], 3)], &[(0, 3)]);
    }

    #[test]
    fn a_checkpoint_that_is_not_stored_in_time_is_noticed() {
        let life = |due| Life { due: vec![due], ..killed(&[0, 1, 2], 1) };
        assert!(verdict(3, &[life(1)]).is_good());
        assert_eq!(verdict(3, &[life(3)]).unsaved, [(0, 1), (0, 2)]);
    }

    #[test]
    fn lines_are_named_by_ranges() {
        let of_one: Vec<_> = [3, 4, 5, 9].map(|number| (0, number)).to_vec();
        assert_eq!(ranges(&[of_one, vec![(2, 1)]].concat()), "0: 3-5 9, 2: 1");
        let many: Vec<_> = (0..100).map(|number| (0, 2 * number)).collect();
        assert!(ranges(&many).ends_with(" 38 and more"));
    }
}
