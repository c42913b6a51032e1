//! Reads the `Sandbox` parameter. A value without a meaning is a problem here, never a warning: whoever asks for safety
//! must not run without.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};

use super::super::fields::{Cursor, Fields, words};
use super::super::node::Value;
use super::super::quantity::ByteSize;
use super::{
    Attached, BreakerPolicy, BreakerSpec, Capabilities, DirGrant, Fuel, Limits, OnError, Pins, RollbackOn, SandboxSpec,
    SignaturePin, SwapMode, SwapSpec,
};

/// Reads the map under `Sandbox`.
pub(in crate::config) fn read(mut fields: Fields<'_>) -> SandboxSpec {
    let strict = fields.or("Strict", false);
    let capabilities = fields.map("Capabilities").map(capabilities).unwrap_or_default();
    let spec = SandboxSpec {
        limits: fields.map("Limits").map(limits).unwrap_or_default(),
        capabilities: Capabilities { strict, ..capabilities },
        pins: pins(&mut fields),
        on_error: word(&mut fields, "OnError", ON_ERROR).unwrap_or_default(),
        breaker: fields.map("Breaker").map(breaker).unwrap_or_default(),
        swap: fields.map("Swap").map(swap).unwrap_or_default(),
    };
    fields.finish();
    spec
}

const ON_ERROR: &[(&str, OnError)] = &[("keep", OnError::Keep), ("drop", OnError::Drop), ("halt", OnError::Halt)];

fn limits(mut fields: Fields<'_>) -> Limits {
    let usual = Limits::default();
    let memory_bytes = size(&mut fields, "Memory", MEMORY).unwrap_or(usual.memory_bytes);
    let per_byte = number(&mut fields, "FuelPerByte", 1..=1_000_000_000);
    let base = number(&mut fields, "FuelBase", 0..=u64::MAX >> 1);
    if base.is_some() && per_byte.is_none() {
        report(&mut fields, "FuelBase", "has no effect without FuelPerByte");
    }
    let mut rate = |key, usual: u32| number(&mut fields, key, 0..=10_000).map_or(usual, |lines| lines as u32);
    let log_lines_per_second = rate("LogLinesPerSecond", usual.log_lines_per_second);
    let alarms_per_second = rate("AlarmsPerSecond", usual.alarms_per_second);
    let limits = Limits {
        memory_bytes,
        time: duration(&mut fields, "Time").unwrap_or(usual.time),
        setup: duration(&mut fields, "Setup").unwrap_or(usual.setup),
        table_elements: count(&mut fields, "Table", 1..=10_000_000).unwrap_or(usual.table_elements),
        instances: count(&mut fields, "Instances", 1..=10_000).unwrap_or(usual.instances),
        fuel: per_byte.map(|per_byte| Fuel { per_byte, base: base.unwrap_or(FUEL_BASE) }),
        answer_bytes: size(&mut fields, "Answer", ANSWER).unwrap_or(memory_bytes),
        log_lines_per_second,
        alarms_per_second,
    };
    fields.finish();
    limits
}

/// What a call costs that does nothing to speak of: steps to spare for a batch of one short line.
const FUEL_BASE: u64 = 1_000_000;

/// One page of Wasm memory, to what 32-bit addresses reach.
const MEMORY: (RangeInclusive<u64>, &str) = (64 << 10..=4 << 30, "64KiB to 4GiB");

const ANSWER: (RangeInclusive<u64>, &str) = (1 << 10..=4 << 30, "1KiB to 4GiB");

fn capabilities(mut fields: Fields<'_>) -> Capabilities {
    let mut dirs: Vec<DirGrant> = Vec::new();
    for grant in fields.maps("Dirs") {
        let at = grant.cursor.clone();
        let Some(grant) = dir(grant) else { continue };
        if dirs.iter().any(|other| other.guest == grant.guest) {
            at.error(format!("another directory is called {:?} too", grant.guest));
        }
        dirs.push(grant);
    }
    let is_name = |name: &String| !name.is_empty() && !name.contains(['=', '\0']);
    let env: Vec<String> = fields.or("Env", Vec::new());
    if !env.iter().all(is_name) {
        report(&mut fields, "Env", "expected names of environment variables");
    }
    let (clock, random) = (fields.or("Clock", false), fields.or("Random", false));
    fields.finish();
    Capabilities { dirs, env, clock, random, strict: false }
}

fn dir(mut fields: Fields<'_>) -> Option<DirGrant> {
    let (host, guest) = (fields.required::<String>("Host"), fields.required::<String>("Guest"));
    let writable = word(&mut fields, "Access", &[("ro", false), ("rw", true)]).unwrap_or(false);
    let at = fields.cursor("Host").map_or(fields.cursor.at(), |host| host.at());
    fields.finish();
    Some(DirGrant { host: PathBuf::from(host?), guest: guest?, writable, at })
}

fn pins(fields: &mut Fields<'_>) -> Pins {
    let digest = fields.cursor("Digest").and_then(|cursor| {
        let digest = cursor.node.as_str().and_then(parse_digest);
        if digest.is_none() {
            cursor.error("expected sha256: and 64 hexadecimal digits");
        }
        digest
    });
    let signature = fields.cursor("Signature").map(|cursor| attached(&cursor));
    let public_key = fields.cursor("PublicKey").map(|cursor| attached(&cursor));
    let signature = match (signature, public_key) {
        (Some(signature), Some(public_key)) => signature.zip(public_key),
        (None, None) => None,
        (signature, _) => {
            let (there, missing) =
                if signature.is_some() { ("Signature", "PublicKey") } else { ("PublicKey", "Signature") };
            report(fields, there, &format!("{missing} is missing, without which nothing is verified"));
            None
        }
    };
    Pins { digest, signature: signature.map(|(signature, public_key)| SignaturePin { signature, public_key }) }
}

fn parse_digest(text: &str) -> Option<[u8; 32]> {
    let hex = text.strip_prefix("sha256:")?;
    HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok()?.try_into().ok()
}

fn attached(cursor: &Cursor<'_>) -> Option<Attached> {
    let text = cursor.node.as_str().filter(|text| !text.is_empty());
    let Some(text) = text else { return cursor.wrong_type("a path, or base64: and the bytes") };
    let Some(encoded) = text.strip_prefix("base64:") else { return Some(Attached::File(text.into())) };
    let decoded = BASE64.decode(encoded.as_bytes()).ok();
    if decoded.is_none() {
        cursor.error("what follows base64: is not base64");
    }
    decoded.map(Attached::Inline)
}

fn breaker(mut fields: Fields<'_>) -> BreakerSpec {
    let usual = BreakerSpec::default();
    let policies = &[("pass", BreakerPolicy::Pass), ("drop", BreakerPolicy::Drop), ("block", BreakerPolicy::Block)];
    let breaker = BreakerSpec {
        faults: number(&mut fields, "Faults", 0..=1_000_000).map_or(usual.faults, |faults| faults as u32),
        share: part(&mut fields, "Share").unwrap_or(usual.share),
        window: duration(&mut fields, "Window").unwrap_or(usual.window),
        pause: duration(&mut fields, "Pause").unwrap_or(usual.pause),
        policy: word(&mut fields, "Policy", policies).unwrap_or(usual.policy),
    };
    fields.finish();
    breaker
}

fn swap(mut fields: Fields<'_>) -> SwapSpec {
    let usual = SwapSpec::default();
    let modes = &[("immediate", SwapMode::Immediate), ("shadow", SwapMode::Shadow), ("canary", SwapMode::Canary)];
    let mode = word(&mut fields, "Mode", modes).unwrap_or_default();
    let seconds = number(&mut fields, "Seconds", 0..=86_400).map(Duration::from_secs);
    let swap = SwapSpec {
        mode,
        events: number(&mut fields, "Events", 1..=u64::MAX >> 1).unwrap_or(usual.events),
        watch: seconds.unwrap_or(usual.watch),
        max_error_rate: part(&mut fields, "MaxErrorRate").unwrap_or(usual.max_error_rate),
        share: part(&mut fields, "Share").unwrap_or(usual.share),
        rollback_on: rollback_on(&mut fields).unwrap_or(usual.rollback_on),
        manual: word(&mut fields, "Promote", &[("auto", false), ("manual", true)]).unwrap_or(usual.manual),
    };
    fields.finish();
    swap
}

fn rollback_on(fields: &mut Fields<'_>) -> Option<RollbackOn> {
    let mut chosen = RollbackOn { faults: false, errors: false, time: false };
    for cursor in fields.cursor("RollbackOn")?.items()? {
        match cursor.node.as_str() {
            Some("faults") => chosen.faults = true,
            Some("errors") => chosen.errors = true,
            Some("time") => chosen.time = true,
            _ => cursor.error("expected faults, errors or time"),
        }
    }
    Some(chosen)
}

/// One of several words; any other is a problem.
fn word<T: Copy>(fields: &mut Fields<'_>, key: &'static str, options: &[(&str, T)]) -> Option<T> {
    let cursor = fields.cursor(key)?;
    let chosen = options.iter().find(|(option, _)| cursor.node.as_str() == Some(option));
    if chosen.is_none() {
        cursor.error(format!("expected {}", words(options)));
    }
    chosen.map(|(_, value)| *value)
}

fn number(fields: &mut Fields<'_>, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
    let value = fields.optional(key)?;
    if range.contains(&value) {
        return Some(value);
    }
    let (low, high) = range.into_inner();
    report(fields, key, &format!("expected {low} to {high}"));
    None
}

fn count(fields: &mut Fields<'_>, key: &'static str, range: RangeInclusive<u64>) -> Option<usize> {
    number(fields, key, range).map(|count| count as usize)
}

fn size(fields: &mut Fields<'_>, key: &'static str, (range, words): (RangeInclusive<u64>, &str)) -> Option<usize> {
    let ByteSize(bytes) = fields.optional(key)?;
    if !range.contains(&bytes) {
        report(fields, key, &format!("expected {words}"));
        return None;
    }
    Some(bytes as usize)
}

fn duration(fields: &mut Fields<'_>, key: &'static str) -> Option<Duration> {
    let duration: Duration = fields.optional(key)?;
    if duration.is_zero() || duration > MAX_DURATION {
        report(fields, key, if duration.is_zero() { "must not be zero" } else { "expected 24h at most" });
        return None;
    }
    Some(duration)
}

const MAX_DURATION: Duration = Duration::from_secs(86_400);

/// A number from 0 to 1.
fn part(fields: &mut Fields<'_>, key: &'static str) -> Option<f64> {
    let cursor = fields.cursor(key)?;
    let value = match cursor.node.value {
        Value::Integer(value @ 0..=1) => Some(value as f64),
        Value::Float(value) if (0.0..=1.0).contains(&value) => Some(value),
        _ => None,
    };
    if value.is_none() {
        cursor.error("expected a number from 0 to 1");
    }
    value
}

fn report(fields: &mut Fields<'_>, key: &'static str, message: &str) {
    if let Some(cursor) = fields.cursor(key) {
        cursor.error(message);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{warnings_and_problems, yaml};
    use super::*;

    fn read_text(text: &str) -> (Option<SandboxSpec>, Vec<String>) {
        warnings_and_problems(|report| {
            let node = yaml(text);
            Fields::open(Cursor { node: &node, path: "Sandbox".into(), report }).map(read)
        })
    }

    fn valid(text: &str) -> SandboxSpec {
        let (spec, found) = read_text(text);
        assert_eq!(found, [""; 0], "{text}");
        spec.expect("valid")
    }

    #[test]
    fn nothing_is_granted_and_limits_hold_unless_said_otherwise() {
        let spec = valid("{}");
        assert_eq!(spec, SandboxSpec::default());
        assert_eq!(spec.capabilities, Capabilities::default());
        assert!(!spec.capabilities.clock && !spec.capabilities.random && spec.limits.fuel.is_none());
    }

    #[test]
    fn limits() {
        let limits = valid(
            "Limits: {Memory: 8MiB, Time: 100ms, Setup: 10s, Table: 10, Instances: 2, FuelPerByte: 50, \
                LogLinesPerSecond: 0, AlarmsPerSecond: 5}",
        )
        .limits;
        let expected = Limits {
            memory_bytes: 8 << 20,
            time: Duration::from_millis(100),
            setup: Duration::from_secs(10),
            table_elements: 10,
            instances: 2,
            fuel: Some(Fuel { per_byte: 50, base: FUEL_BASE }),
            // As memory.
            answer_bytes: 8 << 20,
            log_lines_per_second: 0,
            alarms_per_second: 5,
        };
        assert_eq!(limits, expected);
        assert_eq!(valid("Limits: {Answer: 1MiB}").limits.answer_bytes, 1 << 20);
        assert_eq!(valid("Limits: {FuelPerByte: 1, FuelBase: 0}").limits.fuel, Some(Fuel { per_byte: 1, base: 0 }));
    }

    #[test]
    fn capabilities_and_pins() {
        let spec = valid(
            "Strict: true\nCapabilities:\n  Dirs: [{Host: /a, Guest: a}, {Host: /b, Guest: /b, Access: rw}]\n  \
                Env: [TZ, LANG]\n  Clock: true\n  Random: true\n",
        );
        let granted = spec.capabilities;
        let dirs: Vec<_> =
            granted.dirs.iter().map(|dir| (dir.host.to_str(), dir.guest.as_str(), dir.writable)).collect();
        assert_eq!(dirs, [(Some("/a"), "a", false), (Some("/b"), "/b", true)]);
        assert_eq!((granted.env, granted.clock, granted.random), (vec!["TZ".into(), "LANG".into()], true, true));
        assert!(granted.strict);

        let hex = "0123456789abcdefABCDEF00".repeat(2) + "0123456789abcdef";
        let pins = valid(&format!("{{Digest: 'sha256:{hex}', Signature: ./a.sig, PublicKey: 'base64:AAEC'}}")).pins;
        assert_eq!(pins.digest.map(|digest| (digest[0], digest[31])), Some((0x01, 0xef)));
        let signature = Attached::File("./a.sig".into());
        let public_key = Attached::Inline(vec![0, 1, 2]);
        assert_eq!(pins.signature, Some(SignaturePin { signature, public_key }));
    }

    #[test]
    fn faults_and_swaps() {
        let spec = valid(
            "OnError: drop\nBreaker: {Faults: 3, Share: 0.1, Window: 1m, Pause: 5s, Policy: block}\n\
                Swap: {Mode: immediate, Seconds: 5, MaxErrorRate: 0.5, Share: 1, RollbackOn: [time], Promote: manual}\n",
        );
        let breaker = BreakerSpec {
            faults: 3,
            share: 0.1,
            window: Duration::from_secs(60),
            pause: Duration::from_secs(5),
            policy: BreakerPolicy::Block,
        };
        assert_eq!((spec.on_error, spec.breaker), (OnError::Drop, breaker));
        let swap = SwapSpec {
            watch: Duration::from_secs(5),
            max_error_rate: 0.5,
            share: 1.0,
            rollback_on: RollbackOn { faults: false, errors: false, time: true },
            manual: true,
            ..SwapSpec::default()
        };
        assert_eq!(spec.swap, swap);
        assert_eq!(valid("OnError: halt").on_error, OnError::Halt);
    }

    #[test]
    fn a_sandbox_is_not_taken_lightly() {
        fn check(text: &str, expected: &str) {
            let (_, found) = read_text(text);
            let found: Vec<_> = found.iter().map(|found| found.trim_start_matches("a.yaml:1:")).collect();
            assert_eq!(found, [expected], "{text}");
        }
        check("{Limits: {Memory: 64mib}}", "19: Sandbox.Limits.Memory: expected a size such as 64MiB, found \"64mib\"");
        check("{Limits: {Memory: 0}}", "19: Sandbox.Limits.Memory: expected 64KiB to 4GiB");
        check(
            "{Limits: {Time: 100}}",
            "17: Sandbox.Limits.Time: expected a duration such as 100ms or 1s, found the number 100",
        );
        check("{Limits: {Time: 0s}}", "17: Sandbox.Limits.Time: must not be zero");
        check("{Limits: {Setup: 25h}}", "18: Sandbox.Limits.Setup: expected 24h at most");
        check("{Limits: {Table: 0}}", "18: Sandbox.Limits.Table: expected 1 to 10000000");
        check("{Limits: {FuelBase: 1}}", "21: Sandbox.Limits.FuelBase: has no effect without FuelPerByte");
        check("{Limits: {FuelPerByte: 0}}", "24: Sandbox.Limits.FuelPerByte: expected 1 to 1000000000");
        check(
            "{Limits: {Memroy: 1MiB}}",
            "11: Sandbox.Limits.Memroy: unknown parameter, ignored (did you mean Memory?)",
        );
        check("{Limit: {}}", "2: Sandbox.Limit: unknown parameter, ignored (did you mean Limits?)");
        check("{OnError: ignore}", "11: Sandbox.OnError: expected keep, drop or halt");
        check("{OnError: 5}", "11: Sandbox.OnError: expected keep, drop or halt");
        check("{Breaker: {Policy: x}}", "20: Sandbox.Breaker.Policy: expected pass, drop or block");
        check(
            "{Capabilities: {Clock: 1}}",
            "24: Sandbox.Capabilities.Clock: expected true or false, found the number 1",
        );
        check("{Capabilities: {Net: true}}", "17: Sandbox.Capabilities.Net: unknown parameter, ignored");
        check("{Capabilities: {Env: [A=B]}}", "22: Sandbox.Capabilities.Env: expected names of environment variables");
        check("{Capabilities: {Dirs: [{Host: /a}]}}", "24: Sandbox.Capabilities.Dirs[0]: Guest is missing");
        check(
            "{Capabilities: {Dirs: [{Host: '', Guest: a}]}}",
            "31: Sandbox.Capabilities.Dirs[0].Host: must not be empty",
        );
        check(
            "{Capabilities: {Dirs: [{Host: /a, Guest: a, Access: w}]}}",
            "53: Sandbox.Capabilities.Dirs[0].Access: expected ro or rw",
        );
        check(
            "{Capabilities: {Dirs: [{Host: /a, Guest: a}, {Host: /b, Guest: a}]}}",
            "46: Sandbox.Capabilities.Dirs[1]: another directory is called \"a\" too",
        );
        check("{Digest: abc}", "10: Sandbox.Digest: expected sha256: and 64 hexadecimal digits");
        check("{Digest: 'sha256:00'}", "10: Sandbox.Digest: expected sha256: and 64 hexadecimal digits");
        check("{Signature: a}", "13: Sandbox.Signature: PublicKey is missing, without which nothing is verified");
        check("{PublicKey: a}", "13: Sandbox.PublicKey: Signature is missing, without which nothing is verified");
        check("{PublicKey: a, Signature: 'base64:?'}", "27: Sandbox.Signature: what follows base64: is not base64");
        check("{Swap: {Share: 2}}", "16: Sandbox.Swap.Share: expected a number from 0 to 1");
        check("{Swap: {RollbackOn: [x]}}", "22: Sandbox.Swap.RollbackOn[0]: expected faults, errors or time");
        check("{Swap: {Mode: blue}}", "15: Sandbox.Swap.Mode: expected immediate, shadow or canary");
    }
}
