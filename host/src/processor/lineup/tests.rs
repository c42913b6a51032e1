//! How versions come, are tried, and go.

use std::time::Duration;

use super::*;
use crate::config::{SwapMode, SwapSpec};
use crate::processor::Context;
use crate::processor::component::Component;
use crate::processor::engine::Engine;
use crate::processor::stage::Policy;

/// A pipeline whose time is told by the test.
struct Bench {
    component: Component,
    lineup: Lineup,
    start: Instant,
    seconds: u64,
}

impl Bench {
    fn new() -> Self {
        let built_in = loglift_builtin_processors::find("processor_strptime").expect("it is built in");
        let engine = Arc::new(Engine::new(None).expect("an engine"));
        let component = Component::load(&engine, built_in.component).expect("a processor");
        let first = stage(&component, "processors[0] (one)", SwapSpec::default());
        let lineup = Lineup::new("app", vec![first], 0);
        Self { component, lineup, start: Instant::now(), seconds: 0 }
    }

    fn stage(&self, swap: SwapSpec) -> Arc<Stage> {
        stage(&self.component, "processors[0] (one)", swap)
    }

    fn now(&self) -> Moment {
        Moment { instant: self.start + Duration::from_secs(self.seconds), unix_seconds: self.seconds as i64 }
    }

    fn change(&self, stages: &[&Arc<Stage>]) -> Vec<&'static str> {
        let stages: Vec<Arc<Stage>> = stages.iter().map(|stage| Arc::clone(stage)).collect();
        self.lineup.change(&stages, self.now()).iter().map(name).collect()
    }

    fn after(&mut self, seconds: u64) -> Vec<&'static str> {
        self.seconds += seconds;
        self.lineup.tick(self.now()).iter().map(name).collect()
    }

    fn runs(&self, stage: &Arc<Stage>) -> bool {
        Arc::ptr_eq(&self.lineup.stages()[0], stage)
    }

    fn standings(&self) -> Vec<Standing> {
        self.lineup.histories()[0].iter().map(|version| version.standing.clone()).collect()
    }
}

fn stage(component: &Component, name: &str, swap: SwapSpec) -> Arc<Stage> {
    // Those of one type have one config.
    let key = name.split(['(', ')']).nth(1).unwrap_or_default();
    let config = format!(r#"{{"SourceKey": "{key}", "Format": "%s"}}"#);
    let policy = Policy { swap, ..Policy::default() };
    let stage = Stage::new(name.to_owned(), component.clone(), config, Context::default(), policy);
    Arc::new(stage.expect("a valid config"))
}

fn name(turn: &Turn) -> &'static str {
    match turn {
        Turn::InPlace(_) => "in place",
        Turn::Tried(_) => "tried",
        Turn::Ready(_) => "ready",
        Turn::Rejected(..) => "rejected",
        Turn::RolledBack(..) => "rolled back",
        Turn::NoTrial(..) => "no trial",
        Turn::Stays(_) => "stays",
    }
}

fn canary(manual: bool) -> SwapSpec {
    SwapSpec { mode: SwapMode::Canary, events: 100, manual, ..SwapSpec::default() }
}

/// Has the new version of a trial take so many events.
fn feed(lineup: &Lineup, events: u64) {
    let trial = lineup.seats()[0].trial.clone().expect("a trial");
    trial.candidate.counters.in_events.add(events);
    let crate::processor::swap::Method::Canary(canary) = &trial.method else { panic!("no canary") };
    canary.count(events);
}

#[test]
fn a_version_that_faults_soon_is_replaced_by_the_one_before() {
    let mut bench = Bench::new();
    let first = bench.lineup.stages().remove(0);
    let second = bench.stage(SwapSpec::default());
    let edition = bench.lineup.edition();
    assert_eq!(bench.change(&[&second]), ["in place"]);
    assert!(bench.runs(&second) && bench.lineup.edition() > edition);
    assert_eq!(bench.standings(), [Standing::Replaced, Standing::Watched]);
    assert_eq!(bench.after(59), [""; 0]);
    second.counters.in_events.add(1);
    second.counters.faults.traps.add(1);
    assert_eq!(bench.after(0), ["rolled back"]);
    assert!(bench.runs(&first));
    assert_eq!(bench.standings(), [Standing::Running, Standing::Withdrawn("it had a fault".to_owned())]);
    // The config still asks for it, which is no news.
    assert_eq!(bench.change(&[&second]), [""; 0]);
    assert!(bench.runs(&first));
}

#[test]
fn a_version_that_was_watched_long_enough_stays() {
    let mut bench = Bench::new();
    let second = bench.stage(SwapSpec::default());
    bench.change(&[&second]);
    assert_eq!(bench.after(60), [""; 0]);
    second.counters.faults.traps.add(9);
    assert_eq!(bench.after(1), [""; 0]);
    assert_eq!(bench.standings(), [Standing::Replaced, Standing::Running]);
    assert!(bench.runs(&second));
}

#[test]
fn a_trial_ends_in_place_or_not_at_all() {
    let mut bench = Bench::new();
    let first = bench.lineup.stages().remove(0);
    let second = bench.stage(canary(false));
    assert_eq!(bench.change(&[&second]), ["tried"]);
    assert!(bench.runs(&first) && bench.standings()[1] == Standing::Trial);
    feed(&bench.lineup, 99);
    assert_eq!(bench.after(1), [""; 0]);
    feed(&bench.lineup, 1);
    assert_eq!(bench.after(0), ["in place"]);
    assert!(bench.runs(&second));

    let third = bench.stage(canary(false));
    assert_eq!(bench.change(&[&third]), ["tried"]);
    third.counters.faults.traps.add(1);
    assert_eq!(bench.after(0), ["rejected"]);
    assert!(bench.runs(&second) && bench.lineup.seats()[0].trial.is_none());
}

#[test]
fn a_person_has_the_last_word_if_so_asked() {
    let mut bench = Bench::new();
    let first = bench.lineup.stages().remove(0);
    let second = bench.stage(canary(true));
    bench.change(&[&second]);
    feed(&bench.lineup, 100);
    assert_eq!(bench.after(0), ["ready"]);
    assert_eq!(bench.after(1), [""; 0]);
    assert!(bench.lineup.promote("two", bench.now()).is_err());
    assert!(bench.lineup.promote("processors[0]", bench.now()).is_ok() && bench.runs(&second));
    assert!(matches!(bench.lineup.promote("one", bench.now()), Err(NoTurn::NothingToPromote)));

    let third = bench.stage(canary(true));
    bench.change(&[&third]);
    let back = bench.lineup.roll_back("one", bench.now()).expect("the trial ends");
    assert!(Arc::ptr_eq(&back, &second) && bench.runs(&second));
    let back = bench.lineup.roll_back("one", bench.now()).expect("there was one before");
    assert!(Arc::ptr_eq(&back, &first) && bench.runs(&first));
    assert!(matches!(bench.lineup.roll_back("one", bench.now()), Err(NoTurn::NothingBefore)));
}

#[test]
fn a_processor_more_leaves_the_others_as_they_are() {
    let bench = Bench::new();
    let first = bench.lineup.stages().remove(0);
    let other = stage(&bench.component, "processors[0] (other)", SwapSpec::default());
    assert_eq!(bench.change(&[&other, &first]), ["in place"]);
    assert!(Arc::ptr_eq(&bench.lineup.stages()[1], &first));
    let numbers: Vec<usize> = bench.lineup.histories().iter().map(Vec::len).collect();
    assert_eq!(numbers, [1, 1]);
    assert_eq!(bench.change(&[]), [""; 0]);
    assert!(bench.lineup.stages().is_empty());
}

#[test]
fn a_processor_more_does_not_put_in_place_what_is_on_trial() {
    let mut bench = Bench::new();
    let first = bench.lineup.stages().remove(0);
    let second = bench.stage(canary(false));
    assert_eq!(bench.change(&[&second]), ["tried"]);
    // One more behind it changes nothing.
    let other = stage(&bench.component, "processors[1] (other)", SwapSpec::default());
    assert_eq!(bench.change(&[&second, &other]), ["in place"]);
    assert!(bench.runs(&first) && bench.lineup.seats()[0].trial.is_some());
    // One more before it moves it, and its trial begins anew.
    let more = stage(&bench.component, "processors[0] (more)", SwapSpec::default());
    let moved = stage(&bench.component, "processors[1] (one)", canary(false));
    assert_eq!(bench.change(&[&more, &moved]), ["in place", "tried"]);
    let seat = bench.lineup.seats().remove(1);
    assert!(!Arc::ptr_eq(&seat.stage, &moved) && seat.stage.name == "processors[1] (one)");
    assert!(seat.trial.is_some_and(|trial| Arc::ptr_eq(&trial.candidate, &moved)));
    assert_eq!(bench.after(1), [""; 0]);
    // With its trial over and lost, the next config of that kind does not bring it in either.
    moved.counters.faults.traps.add(1);
    assert_eq!(bench.after(1), ["rejected"]);
    let back = bench.stage(canary(false));
    assert_eq!(bench.change(&[&back]), ["tried"]);
    assert!(!bench.runs(&back));
}

#[test]
fn a_config_that_changes_back_ends_the_trial_and_changes_nothing_else() {
    let bench = Bench::new();
    let first = bench.lineup.stages().remove(0);
    let second = bench.stage(canary(false));
    bench.change(&[&second]);
    assert!(bench.lineup.known().iter().any(|known| Arc::ptr_eq(known, &first)), "it is there to be taken again");
    assert_eq!(bench.change(&[&first]), ["stays"]);
    assert!(bench.runs(&first) && bench.lineup.seats()[0].trial.is_none());
    assert_eq!(bench.standings()[0], Standing::Running);
    assert!(matches!(&bench.standings()[1], Standing::Withdrawn(_)));
    assert_eq!(bench.change(&[&first]), [""; 0]);
}

#[test]
fn beside_a_version_that_is_halted_nothing_is_tried() {
    for (is_manual, expected) in [(false, vec!["in place"]), (true, vec![])] {
        let mut bench = Bench::new();
        let first = bench.lineup.stages().remove(0);
        let second = bench.stage(canary(is_manual));
        bench.change(&[&second]);
        let blocked = first.wait("out of service".to_owned(), false);
        assert_eq!(bench.after(1), [""; 0], "that has an end");
        drop(blocked);
        let _halted = first.wait("it trapped".to_owned(), true);
        assert_eq!(bench.after(1), expected);
    }
}
