//! The rules of the contract, and where they stand in `wit/processor.wit`.

use crate::processor::world::World;

/// Something that every processor keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// It says what it is, and the same each time.
    Describe,
    /// Its schema is one.
    Schema,
    /// It takes a config, or says what is wrong with it.
    Configure,
    /// It takes every batch without a trap.
    Process,
    /// Its answers hold.
    Answer,
    /// It changes nothing that it did not ask for.
    Reads,
    /// It refuses a batch only if it can process no event of it.
    Refusal,
    /// Equal batches get equal answers.
    Determinism,
    /// Another instance can go on with what it saved.
    State,
    /// Its alarms and counters are such that a person can read them.
    Alarms,
    /// It does not flood the log.
    Log,
    /// It calls nothing that it is not granted.
    Imports,
    /// It takes no longer than it may.
    Time,
    /// It needs no more memory than it may.
    Memory,
}

impl Rule {
    /// All rules, in the order in which they are looked at.
    pub const ALL: [Self; 14] = [
        Self::Describe,
        Self::Schema,
        Self::Configure,
        Self::Process,
        Self::Answer,
        Self::Reads,
        Self::Refusal,
        Self::Determinism,
        Self::State,
        Self::Alarms,
        Self::Log,
        Self::Imports,
        Self::Time,
        Self::Memory,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::Schema => "schema",
            Self::Configure => "configure",
            Self::Process => "process",
            Self::Answer => "answer",
            Self::Reads => "reads",
            Self::Refusal => "refusal",
            Self::Determinism => "determinism",
            Self::State => "state",
            Self::Alarms => "alarms",
            Self::Log => "log",
            Self::Imports => "imports",
            Self::Time => "time",
            Self::Memory => "memory",
        }
    }

    /// What a processor that keeps it does, in one line.
    pub fn promise(self) -> &'static str {
        match self {
            Self::Describe => "says what it is, and the same each time",
            Self::Schema => "its schema is one, and takes the config",
            Self::Configure => "takes a config or says what is wrong with it, and never traps",
            Self::Process => "takes every batch without a trap",
            Self::Answer => "every answer holds",
            Self::Reads => "changes nothing that it did not ask for",
            Self::Refusal => "refuses a batch only if it can process no event of it",
            Self::Determinism => "gives equal answers to equal batches",
            Self::State => "another instance goes on with what it saved",
            Self::Alarms => "its alarms and counters can be read",
            Self::Log => "does not flood the log",
            Self::Imports => "calls nothing that is not granted",
            Self::Time => "stays within the limit of time",
            Self::Memory => "stays within the limit of memory",
        }
    }

    /// Where in `wit/processor.wit` it stands.
    pub fn place(self, world: World) -> &'static str {
        let is_typed = world == World::Typed;
        match self {
            Self::Describe if is_typed => "typed.describe, types.description",
            Self::Configure if is_typed => "typed.configure",
            Self::Process if is_typed => "typed.process, typed.batch",
            Self::Answer if is_typed => "typed.answer",
            Self::Reads if is_typed => "types.setup.reads",
            Self::Refusal | Self::Time | Self::Memory if is_typed => "typed.process",
            Self::Alarms if is_typed => "types.alarm, typed.answer.counts",
            Self::Imports if is_typed => "world typed-processor",
            Self::Describe => "columnar.describe, types.description",
            Self::Schema => "types.description.config-schema",
            Self::Configure => "columnar.configure",
            Self::Process => "columnar.process, types.batch",
            Self::Answer => "types.answer",
            Self::Reads => "types.setup.reads, types.answer.names",
            Self::Refusal => "columnar.process",
            Self::Determinism => "types.context",
            Self::State => "state.save, state.restore",
            Self::Alarms => "types.alarm, types.answer.counts",
            Self::Log => "host.log",
            Self::Imports => "world processor",
            Self::Time => "columnar.process",
            Self::Memory => "columnar.process",
        }
    }
}

/// The rule that an invalid answer breaks, and where it stands, by what the check says of it.
pub(super) fn of_invalid(message: &str, world: World) -> (Rule, Option<&'static str>) {
    let what = message.strip_prefix("broke the contract: ").unwrap_or(message);
    if what.starts_with("rows from a processor that reads") || what.starts_with("names: renames a field to") {
        return (Rule::Reads, None);
    }
    let places = if world == World::Typed { &TYPED_PLACES[..] } else { &PLACES };
    let place = places.iter().find(|(start, _)| what.starts_with(start)).map(|(_, place)| *place);
    (if place == Some(ALARM) { Rule::Alarms } else { Rule::Answer }, place)
}

const ALARM: &str = "types.alarm";

/// How what the check says begins, and what of the contract that is about.
const PLACES: [(&str, &str); 11] = [
    ("edits", "types.edits"),
    ("rows", "types.rows"),
    ("names and tags", "types.answer"),
    ("names", "types.answer.names"),
    ("origins", "types.answer.origins"),
    ("through", "types.answer.through"),
    ("seconds", "types.answer.seconds"),
    ("nanoseconds", "types.answer.nanoseconds"),
    ("tags", "types.answer.tags"),
    ("outcomes", "types.answer.outcomes"),
    ("alarms", ALARM),
];

/// The same of events with strings, whose answers are made columns before they are checked.
const TYPED_PLACES: [(&str, &str); 9] = [
    ("verdicts", "typed.verdict"),
    ("edits", "typed.change"),
    ("rows", "typed.change"),
    ("names", "typed.change"),
    ("seconds", "typed.time"),
    ("nanoseconds", "typed.time"),
    ("tags", "typed.answer.tags"),
    ("outcomes", "typed.answer.outcomes"),
    ("alarms", ALARM),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_answer_is_traced_to_the_contract() {
        fn check(message: &str, rule: Rule, place: Option<&str>) {
            assert_eq!(
                of_invalid(&format!("broke the contract: {message}"), World::Columnar),
                (rule, place),
                "{message}"
            );
        }
        check("edits.keys: 0 elements instead of 1", Rule::Answer, Some("types.edits"));
        check("rows: key 2 of 2 names", Rule::Answer, Some("types.rows"));
        check("rows from a processor that reads some fields only", Rule::Reads, None);
        check("names: renames a field to \"a\", which there is already", Rule::Reads, None);
        check("names: \"content\" twice", Rule::Answer, Some("types.answer.names"));
        check("nanoseconds: a whole second or more", Rule::Answer, Some("types.answer.nanoseconds"));
        check("alarms: the kind is no plain name", Rule::Alarms, Some("types.alarm"));
        check("the output has 9 bytes more, 8 are allowed", Rule::Answer, None);
    }

    #[test]
    fn places_are_in_the_contract() {
        let contract = include_str!("../../../../wit/processor.wit");
        let of_rules = World::ALL.map(|world| Rule::ALL.map(|rule| rule.place(world)));
        let of_answers = PLACES.iter().chain(&TYPED_PLACES).map(|(_, place)| *place);
        let places = of_rules.iter().flatten().flat_map(|places| places.split(", ")).chain(of_answers);
        for place in places {
            for part in place.split(['.', ' ']) {
                let is_there = ["interface", "world", "record", "variant"].contains(&part)
                    || contract.split(|c: char| !c.is_alphanumeric() && c != '-').any(|word| word == part);
                assert!(is_there, "{part} of {place}");
            }
        }
    }
}
