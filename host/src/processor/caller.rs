//! Asks an instance what to do with a batch, and makes a new one when it has failed.

use std::time::{Duration, Instant};

use super::Limits;
use super::answer::{Lent, Report, apply, check, forget_gone_names};
use super::bindings::loglift::processor::types::{Answer, Batch};
use super::bisect::Patience;
use super::fault::{Fault, FaultKind};
use super::lend::{Projection, whole};
use super::memory::{Memory, Saved};
use super::outside::{Heard, Source};
use crate::event::EventBatch;
use crate::telemetry::counter::ProcessorCounters;
use crate::telemetry::one_line;

/// Makes instances of a processor. Tests have processors of their own.
pub(super) trait Maker {
    /// What processes batches.
    type Instance: Process;

    /// A fresh instance, and the fields that it looks at, if not all.
    fn fresh(&self) -> Result<(Self::Instance, Option<Vec<String>>), Fault>;

    /// What an instance may use.
    fn limits(&self) -> Limits;

    /// Where what it does is counted.
    fn counters(&self) -> &ProcessorCounters;

    /// The version of what remembers something from batch to batch; `None` if nothing does.
    fn remembers(&self) -> Option<&str> {
        None
    }
}

/// An instance of a processor.
pub(super) trait Process {
    /// Has a batch processed, within the limit of time or a small part of it.
    fn process(&mut self, batch: Batch<'_>, patience: Patience) -> Result<Answer, Fault>;

    /// What it remembers, in a form of its own.
    fn save(&mut self) -> Result<Vec<u8>, Fault> {
        Ok(Vec::new())
    }

    /// Has it remember what one of the version `from_version` has saved. The inner error is its own word on that.
    fn restore(&mut self, from_version: &str, saved: &[u8]) -> Result<Result<(), String>, Fault> {
        let _ = (from_version, saved);
        Ok(Ok(()))
    }

    /// Whether the memory has come so near to its limit that a fresh instance is better.
    fn is_worn(&self) -> bool;

    /// How much memory it has. That never shrinks.
    fn memory_bytes(&self) -> usize;

    /// Has the time and random numbers come from `source`. Returns what was recorded of them before.
    fn listen(&mut self, _: Source) -> Vec<Heard> {
        Vec::new()
    }
}

/// A processor as one worker calls it.
#[derive(Debug)]
pub(super) struct Caller<M: Maker> {
    maker: M,
    /// `None` after a fault.
    instance: Option<M::Instance>,
    /// The fields it looks at, if not all.
    pub(super) reads: Option<Vec<Vec<u8>>>,
    projection: Projection,
    /// Where the time and random numbers come from in the next call.
    next_source: Option<Source>,
    /// What was recorded of them in the last one.
    heard: Vec<Heard>,
    /// Of a processor that remembers.
    memory: Option<Memory>,
    /// What it answers is only looked at, and it remembers nothing of that.
    is_probe: bool,
    /// What has become of its memory, for a person.
    notice: Option<String>,
}

impl<M: Maker> Caller<M> {
    /// A caller that makes its instance when there is something to do.
    pub(super) fn new(maker: M) -> Self {
        let projection = Projection::default();
        let memory = maker.remembers().map(|_| Memory::default());
        let (next_source, heard) = (None, Vec::new());
        Self {
            maker,
            instance: None,
            reads: None,
            projection,
            next_source,
            heard,
            memory,
            is_probe: false,
            notice: None,
        }
    }

    /// One whose instances remember the same, and of which nothing is left.
    pub(super) fn probe(&self) -> Self
    where
        M: Clone,
    {
        Self { memory: self.memory.clone(), is_probe: true, ..Self::new(self.maker.clone()) }
    }

    /// What makes its instances.
    pub(super) fn maker(&self) -> &M {
        &self.maker
    }

    /// What the processor answers to a batch, checked, and how long the call took. The batch is as it was.
    pub(super) fn ask(&mut self, batch: &mut EventBatch, patience: Patience) -> (Result<Answer, Fault>, Duration) {
        let start = Instant::now();
        let answer = self.ensure_instance().and_then(|()| self.ask_instance(batch, patience));
        let took = start.elapsed();
        if self.memory.is_some() && answer.is_ok() {
            self.note(batch);
        }
        if self.instance.as_ref().is_some_and(Process::is_worn) {
            self.instance = None;
        }
        (answer, took)
    }

    /// What the processor remembers, and the version that it has; `None` if it does not.
    ///
    /// # Errors
    /// It fails at that, which is counted. Its instance is gone then; another one is to remember the same.
    pub(super) fn save(&mut self) -> Result<Option<Saved>, Fault> {
        if self.memory.as_ref().is_some_and(|memory| !memory.is_saved()) {
            let saved = self.ensure_instance().and_then(|()| match &mut self.instance {
                Some(instance) => instance.save(),
                None => Err(no_instance()),
            });
            match saved {
                Ok(bytes) => {
                    let version = self.maker.remembers().unwrap_or_default().to_owned();
                    self.memory.iter_mut().for_each(|memory| {
                        memory.begin(Some(Saved { version: version.clone(), bytes: bytes.clone() }));
                    });
                }
                Err(fault) => {
                    fault.kind.counter(&self.maker.counters().faults).add(1);
                    self.instance = None;
                    return Err(fault);
                }
            }
        }
        Ok(self.last_saved())
    }

    /// What was saved last.
    pub(super) fn last_saved(&self) -> Option<Saved> {
        self.memory.as_ref().and_then(Memory::saved).cloned()
    }

    /// Forgets what has happened since it was saved last, which it cannot save.
    pub(super) fn forget_unsaved(&mut self, fault: &Fault) {
        let Some(memory) = &mut self.memory else { return };
        let count = memory.since().len();
        self.notice = Some(format!("has forgotten the last {count} batches, since it cannot save them: {fault}"));
        memory.forget_since();
        self.instance = None;
    }

    /// Has the processor remember what was saved, from now on.
    pub(super) fn remember(&mut self, saved: Saved) {
        let Some(memory) = &mut self.memory else { return };
        memory.begin(Some(saved));
        if self.instance.is_some() {
            self.recall();
        }
    }

    /// Has another instance go on with what was saved.
    pub(super) fn begin_anew(&mut self, saved: Saved) {
        self.instance = None;
        self.remember(saved);
    }

    /// What has become of its memory, if a person should hear of it.
    pub(super) fn take_notice(&mut self) -> Option<String> {
        self.notice.take()
    }

    /// Notes a batch that was answered, so that another instance can remember it.
    fn note(&mut self, batch: &EventBatch) {
        if self.is_probe {
            // The next one is not to know of it.
            self.instance = None;
            return;
        }
        let Some(memory) = &mut self.memory else { return };
        memory.note(batch);
        let is_worn = self.instance.as_ref().is_some_and(Process::is_worn);
        let is_long = memory.is_long();
        if (is_long || is_worn)
            && let Err(fault) = self.save()
            && is_long
        {
            // There is no room for more, and no time to process ever more of them again.
            self.forget_unsaved(&fault);
        }
    }

    /// Has a fresh instance remember what the one before it did. What it cannot is forgotten, and said.
    fn recall(&mut self) {
        let Some(memory) = self.memory.take() else { return };
        let Some(instance) = &mut self.instance else { return };
        let restored = memory.saved().map_or(Ok(Ok(())), |saved| instance.restore(&saved.version, &saved.bytes));
        let refused = match restored {
            Ok(Ok(())) => None,
            Ok(Err(refused)) => Some(one_line(&refused)),
            Err(fault) => Some(fault.to_string()),
        };
        if let Some(refused) = refused {
            self.notice = Some(format!("begins without a memory, of what was saved it makes nothing: {refused}"));
            self.instance = None;
            self.memory = Some(Memory::default());
            drop(self.ensure_instance());
            return;
        }
        for batch in memory.since() {
            if let Err(fault) = self.ask_instance(&mut batch.clone(), Patience::Full) {
                let count = memory.since().len();
                self.notice = Some(format!("has forgotten the last {count} batches, over which it fails now: {fault}"));
                self.instance = None;
                let mut rest = memory;
                rest.forget_since();
                self.memory = Some(rest);
                drop(self.ensure_instance());
                return;
            }
        }
        self.memory = Some(memory);
    }

    /// Has the time and random numbers come from `source` in the next call.
    pub(super) fn listen(&mut self, source: Source) {
        self.next_source = Some(source);
    }

    /// What was recorded of them in the last call.
    pub(super) fn take_heard(&mut self) -> Vec<Heard> {
        std::mem::take(&mut self.heard)
    }

    /// Carries out the answer to the batch that was asked about last.
    pub(super) fn carry_out(&self, answer: Answer, batch: &mut EventBatch) -> Report {
        apply(answer, batch, self.reads.as_ref().map(|_| &self.projection))
    }

    /// Makes an instance if there is none.
    pub(super) fn ensure_instance(&mut self) -> Result<(), Fault> {
        if self.instance.is_none() {
            let (instance, reads) = self.maker.fresh()?;
            self.maker.counters().instances.add(1);
            self.instance = Some(instance);
            self.reads = reads.map(|reads| reads.into_iter().map(String::into_bytes).collect());
            self.recall();
        }
        Ok(())
    }

    fn ask_instance(&mut self, batch: &mut EventBatch, patience: Patience) -> Result<Answer, Fault> {
        let Some(instance) = &mut self.instance else { return Err(no_instance()) };
        let projection = match &self.reads {
            Some(reads) => {
                self.projection.fill(batch, reads);
                Some(&self.projection)
            }
            None => {
                forget_gone_names(batch);
                None
            }
        };
        let lent = projection.map_or_else(|| whole(batch), |projection| projection.lend(batch));
        let (counters, limits) = (self.maker.counters(), self.maker.limits());
        counters.calls.add(1);
        counters.in_bytes.add(lent.bytes.len() as u64);
        let source = self.next_source.take();
        let has_source = source.is_some();
        source.into_iter().for_each(|source| drop(instance.listen(source)));
        let start = Instant::now();
        let answered = instance.process(lent, patience);
        counters.call_ns.add(start.elapsed().as_nanos() as u64);
        counters.memory_bytes.reach(instance.memory_bytes() as u64);
        if has_source {
            self.heard = instance.listen(Source::Real);
        }
        let checked = answered.and_then(|answer| {
            counters.out_bytes.add(answer.appended.len() as u64);
            check(&answer, Lent { batch, projection }, limits.answer_bytes)
                .map(|()| answer)
                .map_err(|invalid| Fault::new(FaultKind::InvalidAnswer, invalid.to_string()))
        });
        if checked.as_ref().is_err_and(|fault| !fault.leaves_instance()) {
            self.instance = None;
        }
        checked
    }
}

fn no_instance() -> Fault {
    Fault::new(FaultKind::Setup, "has no instance")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::testing::batch;
    use crate::processor::twin::nothing;

    /// Remembers every line that it was lent, and traps on `poison`.
    #[derive(Debug, Clone, Copy)]
    struct Elephant<'a> {
        counters: &'a ProcessorCounters,
        /// Does not take what was saved.
        refuses: bool,
        /// Traps when it is to save so many lines or more.
        forgets_at: usize,
    }

    #[derive(Debug, Default)]
    struct Trunk {
        lines: String,
        refuses: bool,
        forgets_at: usize,
    }

    fn elephant(counters: &ProcessorCounters) -> Elephant<'_> {
        Elephant { counters, refuses: false, forgets_at: usize::MAX }
    }

    impl Maker for Elephant<'_> {
        type Instance = Trunk;

        fn fresh(&self) -> Result<(Trunk, Option<Vec<String>>), Fault> {
            Ok((Trunk { refuses: self.refuses, forgets_at: self.forgets_at, ..Trunk::default() }, None))
        }

        fn limits(&self) -> Limits {
            Limits::default()
        }

        fn counters(&self) -> &ProcessorCounters {
            self.counters
        }

        fn remembers(&self) -> Option<&str> {
            Some("1")
        }
    }

    impl Process for Trunk {
        fn process(&mut self, lent: Batch<'_>, _: Patience) -> Result<Answer, Fault> {
            let text = |span: &[u32]| &lent.bytes[span[0] as usize..][..span[1] as usize];
            for span in lent.values.chunks_exact(2) {
                self.lines += std::str::from_utf8(text(span)).expect("text");
            }
            if self.lines.contains("poison") { Err(Fault::new(FaultKind::Trap, "trapped")) } else { Ok(nothing()) }
        }

        fn save(&mut self) -> Result<Vec<u8>, Fault> {
            if self.lines.len() >= self.forgets_at {
                return Err(Fault::new(FaultKind::Trap, "trapped"));
            }
            Ok(self.lines.clone().into_bytes())
        }

        fn restore(&mut self, from_version: &str, saved: &[u8]) -> Result<Result<(), String>, Fault> {
            assert_eq!(from_version, "1");
            self.lines = String::from_utf8(saved.to_vec()).expect("text");
            Ok(if self.refuses { Err("never".to_owned()) } else { Ok(()) })
        }

        fn is_worn(&self) -> bool {
            false
        }

        fn memory_bytes(&self) -> usize {
            0
        }
    }

    fn ask(caller: &mut Caller<Elephant<'_>>, line: &str) -> bool {
        caller.ask(&mut batch(&[line]), Patience::Full).0.is_ok()
    }

    fn saved(caller: &mut Caller<Elephant<'_>>) -> String {
        let saved = caller.save().expect("it can").expect("it remembers");
        String::from_utf8(saved.bytes).expect("text")
    }

    #[test]
    fn after_a_fault_it_remembers_what_it_has_answered_and_nothing_else() {
        let counters = ProcessorCounters::default();
        let mut caller = Caller::new(elephant(&counters));
        assert!(ask(&mut caller, "a"));
        assert_eq!(saved(&mut caller), "a");
        assert!(ask(&mut caller, "b") && !ask(&mut caller, "poison") && ask(&mut caller, "c"));
        assert!(!ask(&mut caller, "poison"));
        assert_eq!(saved(&mut caller), "abc");
        // Long after the last save, too.
        let many: String = (0..100).map(|number| format!("{},", number % 10)).collect();
        many.split_inclusive(',').for_each(|line| assert!(ask(&mut caller, line) && !ask(&mut caller, "poison")));
        assert_eq!(saved(&mut caller), format!("abc{many}"));
        assert_eq!(caller.take_notice(), None);
    }

    #[test]
    fn what_is_only_tried_leaves_no_trace() {
        let counters = ProcessorCounters::default();
        let mut caller = Caller::new(elephant(&counters));
        assert!(ask(&mut caller, "a"));
        let mut probe = caller.probe();
        assert!(ask(&mut probe, "x") && !ask(&mut probe, "poison") && ask(&mut probe, "y"));
        assert_eq!((saved(&mut probe), saved(&mut caller)), ("a".to_owned(), "a".to_owned()));
    }

    #[test]
    fn a_memory_that_is_refused_is_said_and_forgotten() {
        let counters = ProcessorCounters::default();
        let mut caller = Caller::new(Elephant { refuses: true, ..elephant(&counters) });
        caller.remember(Saved { version: "1".to_owned(), bytes: b"old".to_vec() });
        assert!(ask(&mut caller, "a"));
        let notice = caller.take_notice().unwrap_or_default();
        assert_eq!(notice, "begins without a memory, of what was saved it makes nothing: never");
        assert_eq!(saved(&mut caller), "a");
    }

    #[test]
    fn what_cannot_be_saved_is_tried_again_and_forgotten_before_it_is_too_much() {
        let counters = ProcessorCounters::default();
        let mut caller = Caller::new(Elephant { forgets_at: 4, ..elephant(&counters) });
        assert!(ask(&mut caller, "a"));
        assert_eq!(saved(&mut caller), "a");
        ["b", "c", "d"].iter().for_each(|line| assert!(ask(&mut caller, line)));
        assert!(caller.save().is_err() && caller.save().is_err());
        assert_eq!(counters.faults.traps.total(), 2);
        let since = |caller: &Caller<Elephant<'_>>| caller.memory.as_ref().expect("it remembers").since().len();
        assert_eq!((since(&caller), caller.take_notice()), (3, None), "nothing is forgotten yet");
        for _ in 0..100 {
            assert!(ask(&mut caller, "e"));
            assert!(since(&caller) <= 32);
        }
        assert!(
            caller.take_notice().unwrap_or_default().starts_with("has forgotten the last 32 batches, since it cannot")
        );
        let instances = counters.instances.total();
        assert!(instances < 10, "{instances} instances for 104 batches");
        assert_eq!(caller.last_saved().map(|saved| saved.bytes), Some(b"a".to_vec()));
    }
}
