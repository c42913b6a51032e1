//! What has to be done so that what runs is what configs say. Pure.

use std::collections::BTreeMap;

use crate::config::Pipeline;
use crate::runtime::Rank;

/// All that a pipeline is made of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recipe {
    /// Its config, without where what stands.
    pub(super) config: Pipeline,
    /// The digest of each component that it names and that can change, or why there is none.
    pub(super) components: Vec<Result<String, String>>,
}

/// What is to be done about a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It runs as it should.
    Keep,
    /// It was tried, and cannot run.
    Wait,
    /// It does not run and should.
    Start,
    /// It has other processors.
    Replace,
    /// It reads or delivers otherwise.
    Restart,
}

/// What is to be done so that a pipeline runs as `wanted`. `failed` is what could not run.
pub(super) fn step(wanted: &Recipe, running: Option<&Recipe>, failed: Option<&Recipe>) -> Step {
    match running {
        Some(running) if running == wanted => Step::Keep,
        _ if failed == Some(wanted) => Step::Wait,
        None => Step::Start,
        Some(running) if running.config.has_same_ends(&wanted.config) => Step::Replace,
        Some(_) => Step::Restart,
    }
}

/// For each config, the one that has its pipeline's name already: of several, the first counts.
pub(super) fn shadows<'a>(names: impl IntoIterator<Item = (&'a Rank, &'a str)>) -> BTreeMap<Rank, Rank> {
    let mut owners: BTreeMap<&str, &Rank> = BTreeMap::new();
    let mut shadowed = BTreeMap::new();
    for (rank, name) in names {
        let owner = *owners.entry(name).or_insert(rank);
        if owner != rank {
            shadowed.insert(rank.clone(), owner.clone());
        }
    }
    shadowed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Context, Source, Syntax, parse};

    fn recipe(processors: &str, flusher: &str, component: &str) -> Recipe {
        let text = format!(
            "inputs: [{{Type: input_file, FilePaths: [/a]}}]\nprocessors: [{processors}]\nflushers: [{{Type: {flusher}}}]"
        );
        let source = Source { file: "a.yaml".into(), stem: "a".into(), syntax: Syntax::Yaml };
        let builtin_types = &["processor_parse_json_native", "processor_strptime"];
        let context = Context { env: &|_| None, builtin_types, default_tail_limit_kib: None };
        let (pipeline, _) = parse(&text, &source, &context).expect("the config is valid");
        Recipe { config: pipeline.placeless(), components: vec![Ok(component.to_owned())] }
    }

    #[test]
    fn steps() {
        const WASM: &str = "{Type: processor_wasm, Component: a.wasm}";
        let first = recipe(WASM, "flusher_stdout", "v1");
        let check = |processors: &str, flusher: &str, component: &str, expected: Step| {
            let wanted = recipe(processors, flusher, component);
            assert_eq!(step(&wanted, Some(&first), None), expected, "{processors} {flusher} {component}");
            let is_same = expected == Step::Keep;
            assert_eq!(step(&wanted, None, None), Step::Start);
            let failed = if is_same { Step::Keep } else { Step::Wait };
            assert_eq!(step(&wanted, Some(&first), Some(&wanted)), failed, "{processors} {flusher} {component}");
        };
        check(WASM, "flusher_stdout", "v1", Step::Keep);
        check(&format!("\n\n  {WASM}"), "flusher_stdout", "v1", Step::Keep);
        check(WASM, "flusher_stdout", "v2", Step::Replace);
        check("", "flusher_stdout", "v1", Step::Replace);
        check(WASM, "flusher_blackhole", "v1", Step::Restart);
        check("{Type: processor_wasm, Component: b.wasm}", "flusher_stdout", "v1", Step::Replace);
        // Whether lines or JSON objects are read depends on the first processor.
        check("{Type: processor_parse_json_native, SourceKey: content}", "flusher_stdout", "v1", Step::Restart);
    }

    #[test]
    fn of_two_configs_with_one_name_the_first_counts() {
        let rank = |place: usize, file: &str| (place, file.into());
        let ranks = [rank(0, "a"), rank(0, "b"), rank(1, "a"), rank(1, "c")];
        let names = ranks.iter().zip(["x", "y", "x", "z"]);
        assert_eq!(shadows(names), [(rank(1, "a"), rank(0, "a"))].into());
    }
}
