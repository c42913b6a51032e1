//! The service answers, and does not take it.

use anyhow::{Context, Result, ensure};
use loglift_tests::agent::Running;
use loglift_tests::scratch::Scratch;
use loglift_tests::service::{KEY, Service, drawn};
use loglift_tests::status::{expect_balanced, file};
use serde_json::Value;
use sls_emulator::faults::{Effect, Rule};

use super::{
    SMALL, agent, arrived, destination, end, expect_lines, numbered, shipping, shipping_files, wait_for_events,
    wait_for_spool,
};

/// Each class of errors that the agent knows, by a code or more.
const ERRORS: &[(u16, &str)] = &[
    (500, "InternalServerError"),
    (503, "ServerBusy"),
    (429, "TooManyRequests"),
    (403, "WriteQuotaExceed"),
    (403, "ShardWriteQuotaExceed"),
    (403, "ProjectQuotaExceed"),
    (401, "Unauthorized"),
    (401, "SignatureNotMatch"),
    (403, "SecurityTokenExpired"),
    (404, "ProjectNotExist"),
    (404, "LogStoreNotExist"),
    (403, "ProjectForbidden"),
    (400, "RequestTimeExpired"),
    (400, "ParameterInvalid"),
    (400, "PostBodyInvalid"),
    (400, "PostBodyUncompressError"),
    (413, "PostBodyTooLarge"),
    (400, "InvalidSequenceId"),
    (400, "SomethingNew"),
];

#[test]
fn a_third_of_all_requests_may_fail_in_every_way() -> Result<()> {
    let (scratch, service) = shipping_files(10, 600, SMALL)?;
    let effects: Vec<Effect> = ERRORS.iter().map(|(status, code)| Effect::error(*status, code)).collect();
    service.fail_by(drawn(7, 10_000, 33, &effects))?;
    let mut agent = agent(&scratch, &[]).start()?;
    wait_for_events(&mut agent, &service, 6000)?;
    ensure!(expect_lines(&service, 6000)? == 0, "a group came again");
    let found = destination(&agent).context("there is one")?;
    ensure!(found["counters"]["dead_events"] == 0 && found["state"] == "ok", "{found:#}");
    end(agent)?;
    let refused = &service.stats()?.requests["put_logs"].refused;
    let unmet: Vec<_> = ERRORS.iter().filter(|(_, code)| !refused.contains_key(*code)).collect();
    ensure!(unmet.is_empty(), "{unmet:?} were not met: {refused:?}");
    Ok(())
}

#[test]
fn quotas_shrink_the_number_of_requests_which_grows_again() -> Result<()> {
    let (scratch, service) = shipping_files(10, 1000, "Batch: {MinCnt: 20, TimeoutSecs: 0}")?;
    let allowed = |agent: &Running<'_>| destination(agent).and_then(|found| found["requests_allowed"].as_u64());
    service.fail_by([Rule::on("put_logs", Effect::error(403, "WriteQuotaExceed"))])?;
    let mut agent = agent(&scratch, &[]).start()?;
    agent.wait_until("a single request at a time", |agent| allowed(agent) == Some(1))?;
    agent.wait_for_log("SEND_QUOTA_EXCEED_ALARM")?;
    service.heal()?;
    agent.wait_until("three requests at a time", |agent| allowed(agent) >= Some(3))?;
    wait_for_events(&mut agent, &service, 10_000)?;
    expect_lines(&service, 10_000)?;
    end(agent)?;
    Ok(())
}

#[test]
fn a_bad_event_becomes_a_dead_letter_and_keeps_no_other_one_back() -> Result<()> {
    let (scratch, service) = shipping(&[], SMALL)?;
    refuse_poison(&service)?;
    scratch.write("input.log", poisoned())?;
    let mut agent = agent(&scratch, &[]).start()?;
    wait_for_events(&mut agent, &service, 999)?;
    expect_one_dead_letter(&scratch, &service)?;
    expect_rejected(&agent, &scratch)?;
    end(agent)?;
    expect_one_dead_letter(&scratch, &service)?;
    Ok(())
}

#[test]
fn a_bad_event_that_waited_on_disk_becomes_a_dead_letter_as_well() -> Result<()> {
    let (scratch, mut service) = shipping(&[], SMALL)?;
    service.down();
    scratch.write("input.log", poisoned())?;
    let mut agent = agent(&scratch, &[]).start()?;
    wait_for_spool(&mut agent)?;
    service.up()?;
    refuse_poison(&service)?;
    wait_for_events(&mut agent, &service, 999)?;
    expect_one_dead_letter(&scratch, &service)?;
    expect_rejected(&agent, &scratch)?;
    end(agent)?;
    Ok(())
}

fn refuse_poison(service: &Service) -> Result<()> {
    let refused = Effect::error(400, "PostBodyInvalid");
    service.fail_by([Rule { when_body_contains: Some("poison".to_owned()), ..Rule::on("put_logs", refused) }])
}

/// A thousand lines, one of them bad.
fn poisoned() -> String {
    numbered(0..1000).replace("line 537\n", "line 537 poison\n")
}

fn expect_one_dead_letter(scratch: &Scratch, service: &Service) -> Result<()> {
    let expected: Vec<usize> = (0..1000).filter(|number| *number != 537).collect();
    let found = arrived(service)?;
    ensure!((found.numbers == expected, found.repeated) == (true, 0), "{} lines came", found.numbers.len());
    let list = scratch.loglift(&["spool", "list", "--json"]).finish()?;
    let list: Value = serde_json::from_slice(&list.stdout).context("one destination")?;
    let dead = &list["dead_letters"][0];
    ensure!(dead["events"] == 1 && list["packages"] == 0, "{list:#}");
    ensure!(dead["reason"].as_str().is_some_and(|reason| reason.contains("PostBodyInvalid")), "{list:#}");
    let export = scratch.loglift(&["spool", "export", "--dead-letters", "--output", "-"]).finish()?;
    let exported: Value = serde_json::from_slice(&export.stdout).context("one event")?;
    ensure!(exported["content"] == "line 537 poison", "{exported:#}");
    Ok(())
}

/// Expects that the ledger has the bytes of one event as rejected, about: it is not known where in a package they are.
fn expect_rejected(agent: &Running<'_>, scratch: &Scratch) -> Result<()> {
    let status = agent.status()?;
    let path = scratch.path("input.log").display().to_string();
    let ledger = &file(&status, &path).context("it is known")?["ledger"];
    ensure!(ledger["rejected"].as_u64().is_some_and(|bytes| (5..30).contains(&bytes)), "{ledger:#}");
    expect_balanced(&status)
}

#[test]
fn a_service_that_is_down_keeps_nothing_back_that_is_for_another_one() -> Result<()> {
    let scratch = Scratch::new()?;
    let (up, mut down) = (Service::named(&scratch, "sls-up")?, Service::named(&scratch, "sls-down")?);
    down.down();
    for (name, service) in [("up", &up), ("down", &down)] {
        let log = format!("{name}.log");
        scratch.write(&log, numbered(0..2000))?;
        scratch.write(&format!("{name}.yaml"), scratch.config(&log, &[], &[&service.flusher(SMALL)]))?;
    }
    let arguments = ["run", "-c", "up.yaml", "-c", "down.yaml", "--checkpoint-interval", "50"];
    let agent = KEY.into_iter().fold(scratch.loglift(&arguments), |agent, (name, value)| agent.env(name, value));
    let mut agent = agent.start()?;
    let all_came = |service: &Service| service.stats().is_ok_and(|stats| stats.events >= 2000);
    agent.wait_until("all lines of one service", |_| all_came(&up))?;
    expect_lines(&up, 2000)?;
    let states = agent.status()?["destinations"]
        .as_array()
        .map(|all| all.iter().map(|one| one["state"].clone()).collect::<Vec<_>>());
    ensure!(states.is_some_and(|states| states.contains(&"failing".into())), "the other one is down");
    down.up()?;
    agent.wait_until("all lines of the other service", |_| all_came(&down))?;
    expect_lines(&down, 2000)?;
    end(agent)?;
    Ok(())
}
