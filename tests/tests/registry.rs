//! Components in registries: pushed, pulled by tag and by digest, kept for when no registry answers, and replaced while
//! lines flow. The registry is Debian's `docker-registry`; one of the tests' own does what that never would.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use loglift::processor::trust::digest;
use loglift_tests::agent::{Finished, Invocation, Running};
use loglift_tests::guests::stamping_version;
use loglift_tests::registry::{Fake, LOGIN, Registry, Reply, run, tools};
use loglift_tests::scratch::Scratch;
use serde_json::Value;

const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// A directory with a config that names a component.
fn scratch(component: &str) -> Result<Scratch> {
    let scratch = Scratch::new()?;
    scratch.write("input.log", "a line\n")?;
    scratch.pipeline(&[&entry(component)])?;
    Ok(scratch)
}

fn entry(component: &str) -> String {
    format!("Type: processor_wasm, Component: {component:?}, Config: {{Stamp: here}}")
}

/// The agent with a cache and a home of its own.
fn loglift<'a>(scratch: &'a Scratch, arguments: &[&str]) -> Invocation<'a> {
    let invocation = scratch.loglift(arguments).env("LOGLIFT_CACHE_DIR", scratch.path("cache"));
    invocation.env("HOME", scratch.path("home")).env("REGISTRY_AUTH_FILE", "").env("DOCKER_CONFIG", "")
}

/// Runs the pipeline on one line.
fn process(scratch: &Scratch) -> Result<Finished> {
    loglift(scratch, &["process", "-c", "pipeline.yaml", "input.log"]).finish()
}

/// Expects that the pipeline runs with a version of the component. Returns what was said meanwhile.
fn expect_version(scratch: &Scratch, number: u32) -> Result<String> {
    let found = process(scratch)?;
    let stamp = format!("component-{number:06}");
    ensure!(found.code() == Some(0) && found.events().len() == 1, "{}", found.stderr);
    ensure!(found.events()[0].contains(&stamp), "{:?} is not from {stamp}", found.events());
    Ok(found.stderr)
}

/// Expects that the pipeline does not run, with one line that says this.
fn expect_refused(scratch: &Scratch, expected: &str) -> Result<()> {
    let found = process(scratch)?;
    let said = found.log("error: ");
    ensure!(found.code() == Some(1) && said.len() == 1 && said[0].contains(expected), "{expected}: {}", found.stderr);
    Ok(())
}

/// Pushes a version of the component. Returns the pinned reference.
fn push(scratch: &Scratch, reference: &str, number: u32) -> Result<String> {
    scratch.write("pushed.wasm", stamping_version(number)?)?;
    let found = loglift(scratch, &["push", "pushed.wasm", reference, "--json"]).finish()?;
    ensure!(found.code() == Some(0), "{}", found.stderr);
    let said: Value = serde_json::from_slice(&found.stdout)?;
    ensure!(said["component"] == digest(&stamping_version(number)?), "{said}");
    Ok(said["reference"].as_str().context("no reference")?.to_owned())
}

/// The files of what was pulled.
fn cached(scratch: &Scratch, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(scratch.path("cache/registry")).into_iter().flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))).collect()
}

#[test]
fn what_is_pushed_is_pulled_by_tag_and_by_digest() -> Result<()> {
    let place = Scratch::new()?;
    let registry = Registry::start(place.directory())?;
    let tagged = registry.reference("team/stamping:1");
    let pinned = push(&place, &tagged, 1)?;
    ensure!(pinned == push(&place, &tagged, 1)?, "the same component has another digest");
    ensure!(pinned.starts_with(&format!("{tagged}@sha256:")), "{pinned}");
    for reference in [&tagged, &pinned, &pinned.replace(":1@", "@"), &pinned.replace(":1@", ":unknown@")] {
        let scratch = scratch(reference)?;
        let said = expect_version(&scratch, 1)?;
        ensure!(!said.contains("WARN"), "{said}");
        ensure!(cached(&scratch, ".").is_empty() && cached(&scratch, "component-").len() == 1);
    }
    // Another one under the same tag: the tag follows, what is pinned does not.
    push(&place, &tagged, 2)?;
    expect_version(&scratch(&tagged)?, 2)?;
    expect_version(&scratch(&pinned)?, 1)?;

    let found = loglift(&place, &["pull", &pinned, "-o", "pulled.wasm"]).finish()?;
    ensure!(found.code() == Some(0), "{}", found.stderr);
    ensure!(fs::read(place.path("pulled.wasm"))? == stamping_version(1)?, "something else came");
    Ok(())
}

#[test]
fn a_pin_of_the_sandbox_holds_for_what_a_registry_gives() -> Result<()> {
    let place = Scratch::new()?;
    let registry = Registry::start(place.directory())?;
    let tagged = registry.reference("stamping:1");
    push(&place, &tagged, 1)?;
    let check = |number: u32| -> Result<Scratch> {
        let scratch = scratch(&tagged)?;
        let sandbox = format!("Sandbox: {{Digest: {:?}}}", digest(&stamping_version(number)?));
        scratch.pipeline(&[&format!("{}, {sandbox}", entry(&tagged))])?;
        Ok(scratch)
    };
    expect_version(&check(1)?, 1)?;
    expect_refused(&check(2)?, "it is not the component that was meant")
}

#[test]
fn what_was_pulled_runs_without_a_registry() -> Result<()> {
    let place = Scratch::new()?;
    let mut registry = Registry::start(place.directory())?;
    let tagged = registry.reference("stamping:1");
    let pinned = push(&place, &tagged, 1)?;
    let scratch = scratch(&tagged)?;
    expect_version(&scratch, 1)?;
    registry.stop();

    let said = expect_version(&scratch, 1)?;
    ensure!(said.contains(&format!("{tagged}: ")) && said.contains("what was pulled before is used"), "{said}");
    // Nobody is asked for what is pinned, so nobody is missed.
    scratch.pipeline(&[&entry(&pinned)])?;
    let said = expect_version(&scratch, 1)?;
    ensure!(!said.contains("WARN"), "{said}");
    scratch.pipeline(&[&entry(&registry.reference("stamping:2"))])?;
    let expected = format!("stamping:2: {} cannot be reached: ", registry.address());
    expect_refused(&scratch, &expected)?;
    expect_refused(&scratch, "Connection refused (os error 111); check its name and port, and that it is up")
}

#[test]
fn what_was_changed_in_the_cache_is_not_taken() -> Result<()> {
    let place = Scratch::new()?;
    let mut registry = Registry::start(place.directory())?;
    let pinned = push(&place, &registry.reference("stamping:1"), 1)?;
    let scratch = scratch(&pinned)?;
    expect_version(&scratch, 1)?;
    let poison = || fs::write(&cached(&scratch, "component-")[0], stamping_version(2)?).context("cannot write");
    poison()?;
    expect_version(&scratch, 1)?;
    ensure!(fs::read(&cached(&scratch, "component-")[0])? == stamping_version(1)?, "it was not mended");
    poison()?;
    registry.stop();
    expect_refused(&scratch, "cannot be reached")
}

#[test]
fn what_is_not_there_is_said() -> Result<()> {
    let place = Scratch::new()?;
    let registry = Registry::start(place.directory())?;
    let tagged = registry.reference("team/stamping:1");
    push(&place, &tagged, 1)?;
    push(&place, &registry.reference("team/stamping:2"), 2)?;
    let check =
        |reference: &str, expected: &str| expect_refused(&scratch(reference)?, &format!("{reference}: {expected}"));
    let address = registry.address();
    check(&registry.reference("team/stamping:3"), "team/stamping has no tag 3 (it has 1, 2)")?;
    check(&registry.reference("team/stamping"), "team/stamping has no tag latest (it has 1, 2)")?;
    check(&registry.reference("team/other:1"), &format!("{address} has no repository team/other"))?;
    let wrong = format!("sha256:{}", "0123456789abcdef".repeat(4));
    check(&format!("{tagged}@{wrong}"), &format!("team/stamping has nothing with the digest {wrong}"))
}

#[test]
fn only_processors_are_pushed_and_to_a_tag() -> Result<()> {
    let scratch = Scratch::new()?;
    // Nobody listens there: what is wrong is found before.
    let tagged = "oci://127.0.0.1:1/stamping:1";
    scratch.write("a.wasm", b"\0asm\x0d\0\x01\0")?;
    scratch.write("b.wasm", stamping_version(1)?)?;
    let check = |file: &str, reference: &str, expected: &str| -> Result<()> {
        let found = loglift(&scratch, &["push", file, reference]).finish()?;
        let is_refused = found.code().is_some_and(|code| code != 0);
        ensure!(is_refused && found.stderr.contains(expected), "{expected}: {}", found.stderr);
        Ok(())
    };
    check("a.wasm", tagged, "error: a.wasm: not a processor: it exports neither")?;
    check("none.wasm", tagged, "error: cannot read none.wasm: No such file or directory")?;
    check("b.wasm", "oci://127.0.0.1:1/stamping", "name a tag for what is pushed")?;
    let pinned = format!("{tagged}@sha256:{}", "0".repeat(64));
    check("b.wasm", &pinned, "what is pushed gets a digest and cannot be given one")?;
    check("b.wasm", "stamping:1", "does not begin with oci://")?;
    check("b.wasm", tagged, &format!("error: {tagged}: cannot be pushed: "))
}

#[test]
fn credentials_are_those_of_docker_and_are_shown_nowhere() -> Result<()> {
    let place = Scratch::new()?;
    let registry = Registry::start_locked(place.directory())?;
    let (tagged, address) = (registry.reference("stamping:1"), registry.address());
    let scratch = scratch(&tagged)?;
    let (user, password) = LOGIN;
    let auths =
        |password: &str| format!(r#"{{"auths": {{"{address}": {{"username": "{user}", "password": "{password}"}}}}}}"#);
    scratch.write("auth.json", auths(password))?;
    scratch.write("wrong.json", auths("swordfish"))?;
    scratch.write("pushed.wasm", stamping_version(1)?)?;
    let check = |command: &[&str], file: &str, expected: Option<&str>| -> Result<()> {
        let arguments = [command, &["--log-level", "trace"]].concat();
        let found = loglift(&scratch, &arguments).env("REGISTRY_AUTH_FILE", file).finish()?;
        let said = format!("{}{}", found.stderr, String::from_utf8_lossy(&found.stdout));
        match expected {
            None => ensure!(found.code() == Some(0), "{command:?} {file}: {said}"),
            Some(expected) => ensure!(found.code() == Some(1) && said.contains(expected), "{expected}: {said}"),
        }
        // Neither as it is, nor as it goes over the wire (base64 of tester:open sesame, and of tester:swordfish).
        for secret in [password, "swordfish", "dGVzdGVyOm9wZW4gc2VzYW1l", "dGVzdGVyOnN3b3JkZmlzaA"] {
            ensure!(!said.contains(secret), "{command:?} {file} shows {secret}: {said}");
        }
        Ok(())
    };
    let push = &["push", "pushed.wasm", tagged.as_str()];
    let process = &["process", "-c", "pipeline.yaml", "input.log"];
    let anonymous = format!("{address} wants credentials: `docker login {address}`");
    let wrong = format!("{address} refuses the credentials from wrong.json");
    check(push, "", Some(&anonymous))?;
    check(push, "wrong.json", Some(&wrong))?;
    check(push, "auth.json", None)?;
    check(process, "", Some(&anonymous))?;
    check(process, "wrong.json", Some(&wrong))?;
    check(process, "auth.json", None)?;
    // Where docker itself keeps them.
    fs::create_dir_all(scratch.path("home/.docker"))?;
    scratch.write("home/.docker/config.json", auths(password))?;
    check(&["pull", &tagged], "", None)
}

/// A manifest for a component of this digest and size.
fn manifest(digest: &str, bytes: usize) -> Vec<u8> {
    let layer = format!(r#"{{"mediaType":"application/wasm","digest":"{digest}","size":{bytes}}}"#);
    let config = format!(
        r#"{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{}","size":2}}"#,
        loglift::processor::trust::digest(b"{}")
    );
    let head = format!(r#""schemaVersion":2,"mediaType":"{MANIFEST_TYPE}""#);
    format!(r#"{{{head},"config":{config},"layers":[{layer}]}}"#).into_bytes()
}

/// A registry with one manifest, and `blob` as the answer to whoever wants its component.
fn faulty(manifest: &[u8], blob: Reply) -> Result<Fake> {
    let (manifest, digest) = (manifest.to_vec(), digest(manifest));
    Fake::start(move |request| {
        if request.contains("/manifests/") {
            let headers = format!("Content-Type: {MANIFEST_TYPE}\r\nDocker-Content-Digest: {digest}\r\n");
            Reply { headers, body: manifest.clone(), ..Reply::default() }
        } else if request.contains("/blobs/") {
            blob.clone()
        } else {
            Reply::default()
        }
    })
}

#[test]
fn what_breaks_off_or_is_not_what_was_announced_leaves_nothing_behind() -> Result<()> {
    let component = stamping_version(1)?;
    let good = manifest(&digest(&component), component.len());
    let check = |manifest: &[u8], blob: Reply, expected: &str| -> Result<Fake> {
        let fake = faulty(manifest, blob)?;
        let scratch = scratch(&fake.reference("stamping:1"))?;
        expect_refused(&scratch, expected)?;
        ensure!(cached(&scratch, "").is_empty(), "{:?} is left of {expected}", cached(&scratch, ""));
        Ok(fake)
    };
    // The same server, if it does what it should.
    let whole = Reply { body: component.clone(), ..Reply::default() };
    expect_version(&scratch(&faulty(&good, whole)?.reference("stamping:1"))?, 1)?;

    let half = component[..component.len() / 2].to_vec();
    let dying = Reply { body: half.clone(), announced: Some(component.len()), ..Reply::default() };
    check(&good, dying, "its component cannot be downloaded: ")?;
    check(
        &good,
        Reply { body: half, ..Reply::default() },
        "its component cannot be downloaded: what came has the digest",
    )?;
    let other = Reply { body: stamping_version(2)?, ..Reply::default() };
    check(&good, other, &format!("{} was meant: it was changed on the way, or there", digest(&component)))?;
    let more = Reply { body: [&component[..], b"!"].concat(), ..Reply::default() };
    check(&good, more, "there is more of it than its manifest says")?;
    let broken = Reply { status: 503, body: b"<html>busy</html>".to_vec(), ..Reply::default() };
    check(&good, broken, "answers 503: <html>busy</html>")?;
    check(b"<html>", Reply::default(), "its manifest is none: ")?;
    check(&good[..good.len() - 1], Reply::default(), "its manifest is none: ")?;

    // One of 200 MB is not even asked for.
    let large = manifest(&digest(&component), 200_000_000);
    let fake = check(
        &large,
        Reply::default(),
        "its component has 200000000 bytes, and more than 134217728 are not downloaded",
    )?;
    ensure!(!fake.requests().iter().any(|request| request.contains("/blobs/")), "{:?}", fake.requests());
    Ok(())
}

/// As GitHub's registry and most of those in clouds do it, also for those who have no credentials.
#[test]
fn a_token_is_fetched_where_the_registry_says() -> Result<()> {
    let component = stamping_version(1)?;
    let manifest = manifest(&digest(&component), component.len());
    let manifest_digest = digest(&manifest);
    let tokens = Fake::start(|_| Reply { body: br#"{"token":"t0ken"}"#.to_vec(), ..Reply::default() })?;
    let realm = tokens.reference("token").replace("oci:", "http:");
    let fake = Fake::start(move |request| {
        if !request.contains("authorization: bearer t0ken") {
            let headers = format!("WWW-Authenticate: Bearer realm=\"{realm}\",service=\"tests\"\r\n");
            return Reply { status: 401, headers, ..Reply::default() };
        }
        let headers = format!("Docker-Content-Digest: {manifest_digest}\r\n");
        match request.contains("/manifests/") {
            true => Reply { headers, body: manifest.clone(), ..Reply::default() },
            false => Reply { body: component.clone(), ..Reply::default() },
        }
    })?;
    let scratch = scratch(&fake.reference("team/stamping:1"))?;
    expect_version(&scratch, 1)?;
    let asked = tokens.requests();
    let scope = "scope=repository%3Ateam%2Fstamping%3Apull";
    ensure!(asked.len() == 1 && asked[0].contains(scope) && asked[0].contains("service=tests"), "{asked:?}");
    Ok(())
}

#[test]
fn a_registry_that_lies_about_a_manifest_is_not_believed() -> Result<()> {
    let component = stamping_version(1)?;
    let (meant, other) = (manifest(&digest(&component), component.len()), manifest(&digest(&component), 7));
    let fake = faulty(&other, Reply { body: component, ..Reply::default() })?;
    let reference = fake.reference(&format!("stamping:1@{}", digest(&meant)));
    let scratch = scratch(&reference)?;
    expect_refused(&scratch, "was meant: it was changed on the way, or there")?;
    ensure!(cached(&scratch, "").is_empty());
    Ok(())
}

/// Starts an agent on the configs in `conf`, which asks registries each second.
fn start<'a>(scratch: &'a Scratch) -> Result<Running<'a>> {
    loglift(scratch, &["run", "-c", "conf", "--registry-interval", "1"]).start()
}

/// A directory with an agent's configs: one that stamps with a component, one without.
fn agent_scratch(component: &str) -> Result<Scratch> {
    let scratch = Scratch::new()?;
    fs::create_dir(scratch.path("conf"))?;
    for (name, processors) in [("stamped", vec![entry(component)]), ("plain", Vec::new())] {
        let processors: Vec<&str> = processors.iter().map(String::as_str).collect();
        let flusher = format!("Type: flusher_file, FilePath: {}", scratch.path(&format!("{name}.out")).display());
        let config = scratch.config(&format!("{name}.log"), &processors, &[&flusher]);
        scratch.write(&format!("conf/{name}.yaml"), config)?;
    }
    Ok(scratch)
}

/// Appends a line and waits for it, stamped by a version of the component.
fn expect_stamp(scratch: &Scratch, agent: &mut Running<'_>, line: &str, number: u32) -> Result<()> {
    let stamp = format!("component-{number:06}");
    let mut count = 0;
    // Workers take another component between two batches: until then, lines have the stamp of the old one.
    agent.wait_until(&format!("{line} with {stamp}"), |_| {
        count += 1;
        let _ = scratch.append("stamped.log", format!("{line} {count}\n"));
        scratch.lines("stamped.out").iter().any(|event| event.contains(line) && event.contains(&stamp))
    })
}

#[test]
fn a_tag_that_moves_is_followed_and_a_registry_that_is_down_stops_nothing() -> Result<()> {
    let place = Scratch::new()?;
    let mut registry = Registry::start(place.directory())?;
    let tagged = registry.reference("stamping:stable");
    push(&place, &tagged, 1)?;
    let scratch = agent_scratch(&tagged)?;
    let mut agent = start(&scratch)?;
    expect_stamp(&scratch, &mut agent, "first", 1)?;
    push(&place, &tagged, 2)?;
    expect_stamp(&scratch, &mut agent, "second", 2)?;

    registry.stop();
    agent.wait_for_log("COMPONENT_PULL_ALARM")?;
    agent.wait_for_log("; what was pulled before goes on")?;
    expect_stamp(&scratch, &mut agent, "third", 2)?;
    ensure!(agent.terminate()?.code() == Some(0), "it did not end well");

    // It starts from its cache, and says so.
    let mut agent = start(&scratch)?;
    expect_stamp(&scratch, &mut agent, "fourth", 2)?;
    agent.wait_for_log("; what was pulled before goes on")?;
    registry.restart()?;
    push(&place, &tagged, 3)?;
    expect_stamp(&scratch, &mut agent, "fifth", 3)?;
    let finished = agent.terminate()?;
    ensure!(finished.code() == Some(0) && finished.log("panicked").is_empty(), "{}", finished.stderr);
    let lines = |name: &str| scratch.lines(name).len();
    ensure!(lines("stamped.out") == lines("stamped.log"), "{} of {}", lines("stamped.out"), lines("stamped.log"));
    Ok(())
}

#[test]
fn an_agent_waits_for_a_component_that_is_not_there_yet_and_its_neighbours_do_not() -> Result<()> {
    let place = Scratch::new()?;
    let mut registry = Registry::start(place.directory())?;
    let tagged = registry.reference("stamping:1");
    registry.stop();
    let scratch = agent_scratch(&tagged)?;
    scratch.write("plain.log", "a line\n")?;
    let mut agent = start(&scratch)?;
    agent.wait_until("line of the neighbour", |_| scratch.lines("plain.out").len() == 1)?;
    agent.wait_for_log(&format!("processors[0].Component: {tagged}: "))?;
    let state = |agent: &Running<'_>| {
        let status = agent.status().unwrap_or_default();
        let pipelines = status["pipelines"].as_array().cloned().unwrap_or_default();
        let found = pipelines.into_iter().find(|pipeline| pipeline["name"] == "stamped");
        found.map(|pipeline| pipeline["config"].clone()).unwrap_or_default()
    };
    agent.wait_until("status of what is missing", |agent| state(agent)["state"] == "broken")?;
    ensure!(state(&agent)["problem"].as_str().is_some_and(|problem| problem.contains(&tagged)), "{}", state(&agent));

    registry.restart()?;
    agent.wait_for_log(&format!("{} has no repository stamping", registry.address()))?;
    push(&place, &tagged, 1)?;
    expect_stamp(&scratch, &mut agent, "first", 1)?;
    ensure!(agent.terminate()?.code() == Some(0), "it did not end well");
    Ok(())
}

#[test]
fn a_single_config_that_waits_for_its_component_does_not_end_the_agent() -> Result<()> {
    let place = Scratch::new()?;
    let mut registry = Registry::start(place.directory())?;
    let tagged = registry.reference("stamping:1");
    push(&place, &tagged, 1)?;
    registry.stop();
    let scratch = scratch(&tagged)?;
    let mut agent = loglift(&scratch, &["run", "-c", "pipeline.yaml"]).start()?;
    agent.wait_for_log("no pipeline can run yet, waiting for one that can")?;
    registry.restart()?;
    agent.wait_until("the line", |agent| agent.stdout().contains("component-000001"))?;
    ensure!(agent.terminate()?.code() == Some(0), "it did not end well");
    Ok(())
}

#[test]
fn reload_asks_registries_at_once() -> Result<()> {
    let place = Scratch::new()?;
    let registry = Registry::start(place.directory())?;
    let tagged = registry.reference("stamping:stable");
    push(&place, &tagged, 1)?;
    let scratch = agent_scratch(&tagged)?;
    // An hour is as good as never.
    let mut agent = loglift(&scratch, &["run", "-c", "conf", "--registry-interval", "3600"]).start()?;
    expect_stamp(&scratch, &mut agent, "first", 1)?;
    push(&place, &tagged, 2)?;
    let found = scratch.loglift(&["reload"]).finish()?;
    let said = String::from_utf8_lossy(&found.stdout).into_owned();
    ensure!(
        found.code() == Some(0) && said.contains("pipeline stamped: processors replaced"),
        "{said}{}",
        found.stderr
    );
    expect_stamp(&scratch, &mut agent, "second", 2)
}

/// The package `oras` of PyPI, installed for these tests.
fn oras() -> Result<PathBuf> {
    let place = tools().join("oras-python");
    if !place.join("oras").exists() {
        let target = place.display().to_string();
        run(Command::new("python3").args(["-m", "pip", "install", "--quiet", "--target", &target, "oras"]))?;
    }
    Ok(place)
}

fn python(directory: &Path, script: &str) -> Result<String> {
    run(Command::new("python3").args(["-c", script]).current_dir(directory).env("PYTHONPATH", oras()?))
}

#[test]
#[ignore = "installs oras from PyPI"]
fn oras_pulls_what_was_pushed_and_what_oras_pushes_is_pulled() -> Result<()> {
    let place = Scratch::new()?;
    let registry = Registry::start(place.directory())?;
    let tagged = registry.reference("stamping:1");
    push(&place, &tagged, 1)?;
    let client = format!(
        "import oras.client\nclient = oras.client.OrasClient(hostname='{}', insecure=True)\n",
        registry.address()
    );
    let name = |tag: &str| format!("{}/stamping:{tag}", registry.address());
    python(place.directory(), &format!("{client}print(client.pull(target='{}', outdir='theirs'))", name("1")))?;
    ensure!(fs::read(place.path("theirs/processor_stamping.wasm"))? == stamping_version(1)?, "something else came");

    place.write("theirs.wasm", stamping_version(2)?)?;
    let push = format!("client.push(target='{}', files=['theirs.wasm:application/wasm'])", name("2"));
    python(place.directory(), &format!("{client}{push}"))?;
    expect_version(&scratch(&registry.reference("stamping:2"))?, 2)?;
    // One that is not said to be a component is none.
    let push = format!("client.push(target='{}', files=['theirs.wasm'])", name("3"));
    python(place.directory(), &format!("{client}{push}"))?;
    expect_refused(&scratch(&registry.reference("stamping:3"))?, "it holds no component, but ")
}
