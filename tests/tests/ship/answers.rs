//! Connections break, and answers are slow, strange or somebody else's.

use anyhow::{Context, Result, ensure};
use sls_emulator::Faults;
use sls_emulator::faults::{Cut, Effect, ErrorAnswer, Rule};

use super::{SMALL, agent, destination, end, expect_lines, numbered, shipping, wait_for_events};

/// Ships 3000 lines while the service does this to one of three requests. Returns how many groups came again, and how many requests
/// were spoilt.
fn ship_through(effect: Effect) -> Result<(u64, u64)> {
    let (scratch, service) = shipping(&[], SMALL)?;
    service.fail_by([Rule { share: Some(0.34), ..Rule::on("put_logs", effect) }])?;
    scratch.write("input.log", numbered(0..3000))?;
    let mut agent = agent(&scratch, &[]).start()?;
    wait_for_events(&mut agent, &service, 3000)?;
    let repeated = expect_lines(&service, 3000)?;
    end(agent)?;
    let stats = service.stats()?;
    let [packs] = stats.pack_ids.values().collect::<Vec<_>>()[..] else { anyhow::bail!("one file: {stats:?}") };
    ensure!(packs.repeated == repeated, "{packs:?}");
    ensure!(stats.faults > 0, "nothing went wrong");
    Ok((repeated, stats.faults))
}

#[test]
fn connections_that_are_cut_before_the_body_or_in_it_lose_and_repeat_nothing() -> Result<()> {
    for cut in [Cut::BeforeBody, Cut::MidBody] {
        let (repeated, _) = ship_through(Effect { cut: Some(cut), ..Effect::default() })?;
        ensure!(repeated == 0, "{cut:?}: {repeated} groups came again");
    }
    Ok(())
}

#[test]
fn a_group_whose_answer_was_cut_comes_again_with_the_same_id() -> Result<()> {
    let (repeated, cut) = ship_through(Effect { cut: Some(Cut::BeforeAnswer), ..Effect::default() })?;
    ensure!(repeated == cut, "{cut} answers were cut, {repeated} groups came again");
    Ok(())
}

#[test]
fn answers_that_are_not_the_services_own_lose_nothing() -> Result<()> {
    let html = |status, body: &str, without_request_id| {
        let error = ErrorAnswer { status, body: Some(body.to_owned()), without_request_id, ..ErrorAnswer::default() };
        Effect { error: Some(error), ..Effect::default() }
    };
    let strange = [
        html(302, "<a href='http://portal.example/login'>log in</a>", true),
        html(502, "<h1>502 Bad Gateway</h1>", true),
        html(200, "<h1>Welcome to this hotel</h1>", true),
        html(200, "", true),
        html(403, "<h1>Blocked by your administrator</h1>", true),
        html(413, "<h1>413 Request Entity Too Large</h1>", true),
        html(400, "<h1>Bad Request</h1>", true),
        html(404, "<h1>Not Found</h1>", true),
    ];
    let (scratch, service) = shipping(&[], SMALL)?;
    // One and then none, so that no package meets several and waits for long.
    let met = strange.len() as u64;
    let rules = strange.into_iter().flat_map(|effect| [effect, Effect::default()]);
    service.fail_by(rules.map(|effect| Rule { next: Some(1), ..Rule::on("put_logs", effect) }))?;
    scratch.write("input.log", numbered(0..1000))?;
    let mut agent = agent(&scratch, &[]).start()?;
    wait_for_events(&mut agent, &service, 1000)?;
    ensure!(expect_lines(&service, 1000)? == 0, "a group came again");
    let dead = destination(&agent).context("there is one")?["counters"]["dead_events"].clone();
    ensure!(dead == 0, "{dead} events were given up");
    let ended = end(agent)?;
    ensure!(!ended.log("which is never followed").is_empty(), "{}", ended.stderr);
    ensure!(service.stats()?.faults == met, "{} of {met} were met", service.stats()?.faults);
    Ok(())
}

#[test]
fn a_clock_that_is_wrong_by_twenty_minutes_is_made_up_for() -> Result<()> {
    for clock_offset_secs in [1200, -1200] {
        let (scratch, service) = shipping(&[], SMALL)?;
        service.fail(Faults { clock_offset_secs, ..Faults::default() })?;
        scratch.write("input.log", numbered(0..1000))?;
        let before = unix_seconds()?;
        let mut agent = agent(&scratch, &[]).start()?;
        wait_for_events(&mut agent, &service, 1000)?;
        expect_lines(&service, 1000)?;
        end(agent)?;
        let after = unix_seconds()?;
        let refused = &service.stats()?.requests["put_logs"].refused;
        ensure!(refused.get("RequestTimeExpired").is_some_and(|times| *times < 5), "{refused:?}");
        let times = service.events()?.into_iter().map(|event| u64::from(event.time));
        ensure!(times.into_iter().all(|time| (before..=after).contains(&time)), "times of events were changed");
    }
    Ok(())
}

#[test]
fn a_stop_while_the_service_is_slow_ends_and_leaves_the_rest_on_disk() -> Result<()> {
    let (scratch, service) = shipping(&[], SMALL)?;
    let slow = Effect { latency_ms: Some(3_600_000), ..Effect::default() };
    service.fail_by([Rule::on("put_logs", slow)])?;
    scratch.write("input.log", numbered(0..1000))?;
    let mut first = agent(&scratch, &["--drain-timeout", "1"]).start()?;
    first.wait_until("a request", |agent| {
        destination(agent).is_some_and(|found| found["requests"].as_u64() > Some(0))
    })?;
    let ended = first.terminate()?;
    ensure!(ended.code() == Some(0), "what is on disk is delivered, as far as this agent goes\n{}", ended.stderr);
    service.heal()?;
    let mut second = agent(&scratch, &[]).start()?;
    wait_for_events(&mut second, &service, 1000)?;
    expect_lines(&service, 1000)?;
    end(second)?;
    Ok(())
}

fn unix_seconds() -> Result<u64> {
    Ok(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs())
}
