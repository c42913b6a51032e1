//! `loglift conformance`.

use std::fmt::Write;

use serde_json::json;

use super::Common;
use super::checkpoint::print;
use super::given::{Given, given};
use crate::config::AgentConfig;
use crate::processor::conformance::{Examination, Findings, Rule, Verdict};
use crate::telemetry::one_line;

#[derive(Debug, clap::Args)]
pub(super) struct ConformanceArguments {
    /// The file of a component, or the type of a built-in processor
    #[arg(value_name = "COMPONENT|TYPE")]
    component: String,

    /// Configure it with this: a JSON object, a file that holds one, or a pipeline config that has this processor, with what
    /// that grants it [default: {}]
    #[arg(long, value_name = "JSON|FILE")]
    config: Option<String>,

    /// Other seeds give other batches and configs
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// Examines whether a processor keeps the contract. Returns whether it does.
pub(super) fn conformance(arguments: &ConformanceArguments, common: &Common) -> anyhow::Result<bool> {
    let ConformanceArguments { component: name, config, seed, json } = arguments;
    let workshop = common.workshop(false, &AgentConfig::default())?;
    let Given { component, config, policy, .. } = given(&workshop, name, config.as_deref())?;
    let examination = Examination { component: &component, config: &config, policy, seed: *seed };
    let findings = examination.run().map_err(|unconfigured| {
        anyhow::anyhow!("{name} cannot be examined, {unconfigured}; give it one with --config")
    })?;
    let description = &component.description;
    let [type_name, version] = [&description.name, &description.version].map(|text| one_line(text));
    if *json {
        let heading = json!({
            "name": type_name,
            "version": version,
            "digest": component.digest,
            "config": serde_json::from_str::<serde_json::Value>(&config)?,
            "seed": seed,
        });
        print(&(document(heading, &findings).to_string() + "\n"))?;
    } else {
        print(&format!("{type_name} {version} ({})\n{}", component.digest, describe(&findings)))?;
    }
    Ok(!findings.is_broken())
}

fn document(mut heading: serde_json::Value, findings: &Findings) -> serde_json::Value {
    let rule = |(rule, verdict): &(Rule, Verdict)| {
        let mut entry = json!({
            "rule": rule.name(),
            "promise": rule.promise(),
            "contract": rule.place(findings.world),
            "verdict": match verdict {
                Verdict::Kept => "kept",
                Verdict::Broken { .. } => "broken",
                Verdict::Skipped(_) => "skipped",
            },
        });
        match verdict {
            Verdict::Broken { how, place, times } => {
                entry["how"] = json!(how);
                entry["times"] = json!(times);
                if let Some(place) = place {
                    entry["contract"] = json!(place);
                }
            }
            Verdict::Skipped(why) => entry["why"] = json!(one_line(why)),
            Verdict::Kept => {}
        }
        entry
    };
    heading["rules"] = findings.rules.iter().map(rule).collect();
    heading["notes"] = findings.notes.iter().map(|note| one_line(note)).collect();
    heading["batches"] = json!(findings.batches);
    heading["configs"] = json!(findings.configs);
    heading["conforms"] = json!(!findings.is_broken());
    heading
}

fn describe(findings: &Findings) -> String {
    let mut text = String::new();
    let mut line = |verdict: &str, name: &str, what: &str| {
        writeln!(text, "  {verdict:<8} {name:<12} {what}").expect("a string takes all");
    };
    for (rule, verdict) in &findings.rules {
        match verdict {
            Verdict::Kept => line("ok", rule.name(), rule.promise()),
            Verdict::Skipped(why) => line("skipped", rule.name(), &one_line(why)),
            Verdict::Broken { how, place, times } => {
                line("BROKEN", rule.name(), how);
                let more = if *times > 1 { format!(", and {} times more", times - 1) } else { String::new() };
                line(
                    "",
                    "",
                    &format!("see {} in wit/processor.wit{more}", place.unwrap_or(rule.place(findings.world))),
                );
            }
        }
    }
    for note in &findings.notes {
        line("note", "", &one_line(note));
    }
    let broken = findings.rules.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Broken { .. })).count();
    let ending = match broken {
        0 => "it keeps the contract".to_owned(),
        1 => "it breaks a rule of the contract".to_owned(),
        _ => format!("it breaks {broken} rules of the contract"),
    };
    text + &format!("{} batches, {} configs: {ending}\n", findings.batches, findings.configs)
}
