//! A config, as YAML and as JSON.

use loglift::config::{Context, Source, Syntax, parse};

/// Reads a config.
pub fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let env = |name: &str| (name == "HOME").then(|| "somewhere".to_owned());
    let builtin_types = &["processor_parse_json_native", "processor_strptime"];
    let context = Context { env: &env, builtin_types, default_tail_limit_kib: None };
    for syntax in [Syntax::Yaml, Syntax::Json] {
        let source = Source { file: "fuzz".to_owned(), stem: "fuzz".to_owned(), syntax };
        let told = match parse(text, &source, &context) {
            Ok((_, warnings)) => warnings.iter().map(|warning| warning.0.clone()).collect(),
            Err(problems) => {
                assert!(!problems.is_empty(), "a refusal has a reason");
                problems
            }
        };
        for problem in told {
            assert!(!problem.message.is_empty() && problem.to_string().starts_with("fuzz"));
            assert!(!problem.to_string().contains('\n'), "one line: {problem}");
        }
    }
}
