//! Lends a processor one batch after the other, and looks at how its answers hang together.

use std::sync::Arc;

use super::batches::Sample;
use super::rule::Rule;
use super::{Examination, Findings, caller};
use crate::event::EventBatch;
use crate::processor::bisect::Patience;
use crate::processor::caller::Caller;
use crate::processor::fault::{Fault, FaultKind};
use crate::processor::memory::Saved;
use crate::processor::recording::RecordedAnswer;
use crate::processor::stage::Stage;
use crate::telemetry::one_line;

/// What came of a batch.
type Answered = Result<RecordedAnswer, Fault>;

/// Lends the samples to two instances, and judges what each answers and whether both answer the same.
pub(super) fn run(examination: &Examination<'_>, stage: &Arc<Stage>, samples: &[Sample], findings: &mut Findings) {
    let (mut first, mut second) = (caller(stage), caller(stage));
    let has_equal_ones = !examination.hears_real_ones();
    if !has_equal_ones {
        findings.skip(Rule::Determinism, "it is granted the real time or real random numbers");
    }
    let mut answers = Vec::new();
    let mut refused = Vec::new();
    for sample in samples {
        let during = format!("batch \"{}\"", sample.name);
        let lines_before = stage.log_lines();
        let answered = ask(&mut first, &sample.batch);
        let lines = stage.log_lines() - lines_before;
        if lines > MOST_LOG_LINES {
            findings.broken(Rule::Log, format!("{during}: it logs {lines} lines"));
        }
        match &answered {
            Ok(answer) => judge(answer, &during, findings),
            Err(fault) if fault.kind == FaultKind::Refused => {
                refused.push(sample);
                refusal(stage, sample, &during, findings);
            }
            Err(fault) => findings.fault(fault, &during),
        }
        if has_equal_ones && let Some(difference) = difference(&answered, &ask(&mut second, &sample.batch)) {
            findings.broken(Rule::Determinism, format!("{during}: two instances answer differently, in {difference}"));
        }
        answers.push(answered);
        if findings.is_tiresome() {
            findings.notes.push(format!("after {} batches it was lent no more, each takes too long", answers.len()));
            findings.batches = answers.len();
            return;
        }
    }
    if let Some(example) = refused.first() {
        findings.notes.push(format!(
            "it refuses {} of {} batches, such as \"{}\"",
            refused.len(),
            samples.len(),
            example.name
        ));
    }
    if stage.remembers() {
        remember(stage, samples, &answers, has_equal_ones, findings);
    } else {
        findings.skip(Rule::State, "it does not export loglift:processor/state");
        if has_equal_ones {
            forget(stage, samples, &answers, findings);
        }
    }
}

fn ask(caller: &mut Caller<Arc<Stage>>, batch: &EventBatch) -> Answered {
    let answer = caller.ask(&mut batch.clone(), Patience::Full).0?;
    Ok(RecordedAnswer::new(caller.reads.clone(), answer))
}

/// What two answers differ in.
fn difference(one: &Answered, other: &Answered) -> Option<&'static str> {
    match (one, other) {
        (Ok(one), Ok(other)) => one.first_difference(other),
        // How far it came in a second is up to the machine.
        (Err(one), _) | (_, Err(one)) if one.kind == FaultKind::Deadline => None,
        (Err(one), Err(other)) => (one.kind != other.kind || one.message != other.message).then_some("how they fail"),
        _ => Some("whether they fail"),
    }
}

/// Looks at what the agent does not check, since no event suffers from it.
fn judge(answer: &RecordedAnswer, during: &str, findings: &mut Findings) {
    let (alarms, counts) = (answer.alarms().count(), answer.counts().len());
    if alarms > MOST_ALARMS {
        findings.broken(Rule::Alarms, format!("{during}: it sends {alarms} alarms, one with a high number would do"));
    }
    if counts > MOST_COUNTS {
        findings.broken(Rule::Alarms, format!("{during}: it counts {counts} different things"));
    }
    for (kind, message) in answer.alarms() {
        let is_capital = |char: char| char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_';
        if !kind.chars().all(is_capital) {
            findings.broken(Rule::Alarms, format!("{during}: the kind of an alarm is {kind:?}, not in capitals"));
        }
        if message.contains('\n') {
            findings.broken(Rule::Alarms, format!("{during}: the message of an alarm has several lines: {message:?}"));
        }
    }
    for (name, _) in answer.counts() {
        let is_plain = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_';
        if name.is_empty() || !name.chars().all(is_plain) {
            findings
                .broken(Rule::Alarms, format!("{during}: the name of a counter is {name:?}, not like a_name_total"));
        }
    }
}

/// It refused a batch, so it must refuse each of its events.
fn refusal(stage: &Arc<Stage>, sample: &Sample, during: &str, findings: &mut Findings) {
    if sample.batch.len() < 2 {
        return;
    }
    let mut caller = caller(stage);
    for event in 0..sample.batch.len().min(MOST_SINGLE_EVENTS) {
        let mut single = sample.batch.clone();
        single.select(&[event as u32]);
        if ask(&mut caller, &single).is_ok() {
            let number = event + 1;
            let how = format!("{during}: it refuses the batch, and processes event {number} of it alone");
            findings.broken(Rule::Refusal, how);
            return;
        }
    }
}

/// A processor that remembers nothing answers as if each batch was its first.
fn forget(stage: &Arc<Stage>, samples: &[Sample], answers: &[Answered], findings: &mut Findings) {
    let step = samples.len().div_ceil(FRESH_INSTANCES).max(1);
    for (sample, before) in samples.iter().zip(answers).skip(1).step_by(step) {
        if let Some(difference) = difference(before, &ask(&mut caller(stage), &sample.batch)) {
            let how = format!(
                "batch \"{}\": an instance that has seen others before answers differently, in {difference}; what it \
                 remembers belongs in loglift:processor/state",
                sample.name
            );
            findings.broken(Rule::Determinism, how);
        }
    }
}

/// Has instances go on with what others saved, and compares them with one that never stopped.
fn remember(
    stage: &Arc<Stage>,
    samples: &[Sample],
    answers: &[Answered],
    has_equal_ones: bool,
    findings: &mut Findings,
) {
    let mut current = caller(stage);
    let step = samples.len().div_ceil(RESTORES).max(1);
    for (number, (sample, before)) in samples.iter().zip(answers).enumerate() {
        if number % step == step - 1 {
            let Some(saved) = saved_by(&mut current, findings) else { return };
            let mut next = caller(stage);
            next.remember(saved);
            if let Err(fault) = next.ensure_instance() {
                findings.fault(&fault, "making an instance that goes on");
                return;
            }
            if let Some(notice) = next.take_notice() {
                findings.broken(Rule::State, format!("what it has just saved, it does not take: {notice}"));
                return;
            }
            current = next;
        }
        let Some(difference) = difference(before, &ask(&mut current, &sample.batch)) else { continue };
        if has_equal_ones {
            let how = format!(
                "batch \"{}\": an instance that goes on with what was saved answers differently, in {difference}",
                sample.name
            );
            findings.broken(Rule::State, how);
            return;
        }
    }
    for (what, bytes) in [("nothing", Vec::new()), ("what it never saved", b"\xff never saved \0".repeat(100))] {
        let mut next = caller(stage);
        next.remember(Saved { version: "0.0.0".to_owned(), bytes });
        // It may take that, or say that it does not, but neither trap nor go on forever.
        let made = next.ensure_instance();
        let notice = next.take_notice().unwrap_or_default();
        let is_fault = FAULTS.iter().any(|fault| notice.contains(fault));
        if let Err(fault) = made {
            findings.fault(&fault, &format!("restoring {what}"));
        } else if is_fault {
            findings.broken(Rule::State, format!("restoring {what}: {notice}"));
        }
    }
}

fn saved_by(caller: &mut Caller<Arc<Stage>>, findings: &mut Findings) -> Option<Saved> {
    let why = match caller.save() {
        Ok(Some(saved)) => return Some(saved),
        Ok(None) => "it cannot save".to_owned(),
        Err(fault) => format!("it cannot save what it remembers: {fault}"),
    };
    findings.broken(Rule::State, one_line(&why));
    None
}

/// How faults begin, as a notice has them.
const FAULTS: [&str; 3] = ["trapped", "ran for longer", "asked for"];

/// "A processor that meets the same failure in every event sends few alarms with high numbers."
const MOST_ALARMS: usize = 64;

/// Counters are for people to look at.
const MOST_COUNTS: usize = 64;

/// More lines about one batch nobody reads.
const MOST_LOG_LINES: u64 = 100;

/// Of a batch that was refused, so many events are tried alone.
const MOST_SINGLE_EVENTS: usize = 8;

/// So many batches are lent to a fresh instance each, which interpreters take a while to make.
const FRESH_INSTANCES: usize = 16;

/// So often another instance goes on.
const RESTORES: usize = 5;
