//! `cargo xtask demo`: the example pipeline follows a log that several threads write, and ships it to a log service on this
//! machine, which returns it in order.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use loglift_guest_build::Workspace;
use serde_json::Value;

use crate::agent::Process;
use crate::line::{Lines, NS_PER_S};
use crate::service::Service;

/// Shows nine seconds of a log on its way through the agent to the log service, and checks what the service has then.
///
/// # Errors
/// When the service or the agent does not start, the agent does not end well, or a line is missing or out of order.
pub(crate) fn run() -> Result<()> {
    let loglift = crate::optimised_binary("release", "loglift", "loglift")?;
    let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
    let service = Service::start(&directory.path().join("sls"), (PROJECT, LOGSTORE), &[])?;
    println!("\nA log service is at {} while this runs: open that in a browser.", service.endpoint());

    let [log, pipeline, agent_config, agent_log] =
        ["json_nano.log", "pipeline.yaml", "agent.json", "agent.log"].map(|name| directory.path().join(name));
    fs::write(&pipeline, example(&log, &service.endpoint())?).context("cannot write the pipeline")?;
    // The log grows while the agent starts, which may take so long that it would be begun near its end.
    fs::write(&agent_config, r#"{"default_tail_limit_kb": 104857600}"#).context("cannot write the agent's config")?;
    let writer = Writer::new(&log)?;

    println!("\n$ loglift run -c {EXAMPLE}");
    println!("  (with FilePaths: [{}], endpoint: {})\n", log.display(), service.endpoint());
    let started = Instant::now();
    let mut command = Command::new(loglift);
    command
        .arg("run")
        .arg("-c")
        .arg(&pipeline)
        .stderr(File::create(&agent_log).context("cannot create the agent's log")?);
    // The user's own agent may be running, and has nothing to do with this.
    command.arg("--data-dir").arg(directory.path().join("data")).arg("--agent-config").arg(&agent_config);
    service.admit(&mut command);
    // The writers' clock is UTC.
    let mut agent = Process::start(command.env("TZ", "UTC"))?;
    let checked = (|| {
        let written = thread::scope(|scope| {
            let writing = scope.spawn(|| writer.write_for(WRITING));
            let mut shown = Shown::default();
            while !writing.is_finished() {
                shown.update(&service)?;
                thread::sleep(POLL);
            }
            let written = writing.join().expect("no writer panics")?;
            let deadline = Instant::now() + DRAINING;
            while shown.events < written.len() && Instant::now() < deadline && !agent.has_ended()? {
                thread::sleep(POLL);
                shown.update(&service)?;
            }
            anyhow::Ok(written)
        })?;
        ensure!(!agent.has_ended()?, "the agent ended early");
        agent.terminate()?;
        let (status, _) = agent.wait()?;
        ensure!(status.success(), "the agent ended with {status}");
        let events = get_logs(&service, written.len())?;
        check_order(&written, &events)?;
        Ok((written, events))
    })();
    let (written, events) = checked.inspect_err(|_| {
        eprintln!("{}", fs::read_to_string(&agent_log).unwrap_or_default());
    })?;
    let elapsed = started.elapsed().as_secs_f64();

    println!("\nGetLogs returns all of them in order. Those that lie closest to each other:");
    events[closest(&written)].iter().for_each(|event| println!("{}", event.text));
    let close = written.windows(2).filter(|pair| pair[0].unix_ns / 1000 == pair[1].unix_ns / 1000).count();
    println!(
        "\n{} lines written by {THREADS} threads, {} events in {PROJECT}/{LOGSTORE}; ordered by (__time__, __time_ns_part__), as \
         GetLogs returns them, they are in the order written ({close} share a microsecond with the line before); {elapsed:.1} s",
        written.len(),
        events.len(),
    );
    println!("\nTo keep such a service, with its page:\n\n    {KEEP}");
    Ok(())
}

/// The example pipeline, reading `log` and sending to `endpoint` instead.
fn example(log: &Path, endpoint: &str) -> Result<String> {
    let text =
        fs::read_to_string(Workspace::here().root().join(EXAMPLE)).with_context(|| format!("cannot read {EXAMPLE}"))?;
    for part in [EXAMPLE_LOG, EXAMPLE_ENDPOINT, PROJECT, LOGSTORE] {
        ensure!(text.contains(part), "{EXAMPLE} does not name {part}");
    }
    Ok(text.replace(EXAMPLE_LOG, &log.display().to_string()).replace(EXAMPLE_ENDPOINT, &format!("'{endpoint}'")))
}

/// Which consecutive lines lie closest to each other.
fn closest(written: &[Written]) -> Range<usize> {
    let spread = |at: &usize| written[at + SAMPLE - 1].unix_ns - written[*at].unix_ns;
    let first = (0..(written.len() + 1).saturating_sub(SAMPLE)).min_by_key(spread);
    first.map_or(0..written.len(), |first| first..first + SAMPLE)
}

/// A line of the log, by its time.
#[derive(Debug)]
struct Written {
    unix_ns: u64,
    asctime: String,
}

/// An event as GetLogs returns it.
#[derive(Debug)]
struct Event {
    seconds: u64,
    nanoseconds: u64,
    asctime: String,
    text: String,
}

/// Appends to the log; shared by the threads that write.
#[derive(Debug)]
struct Writer {
    file: File,
    lines: Lines,
    last_ns: u64,
    written: Vec<Written>,
}

impl Writer {
    fn new(log: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(log).context("cannot create the log")?;
        Ok(Self { file, lines: Lines::new(), last_ns: 0, written: Vec::new() })
    }

    /// Writes from several threads in turn, and returns what was written, in order.
    fn write_for(self, duration: Duration) -> Result<Vec<Written>> {
        let end = Instant::now() + duration;
        let writer = Mutex::new(self);
        thread::scope(|scope| {
            let turns = |thread: String| {
                while Instant::now() < end {
                    let pause = writer.lock().expect("no writer panics").burst(&thread)?;
                    thread::sleep(pause);
                }
                anyhow::Ok(())
            };
            let names = (0..THREADS).map(|n| if n == 0 { "MainThread".to_owned() } else { format!("Thread-{n}") });
            let threads: Vec<_> = names.map(|name| scope.spawn(move || turns(name))).collect();
            threads.into_iter().try_for_each(|thread| thread.join().expect("no writer panics"))
        })?;
        Ok(writer.into_inner().expect("no writer panics").written)
    }

    /// Appends a few lines some hundred nanoseconds apart, and returns how long to pause.
    fn burst(&mut self, thread: &str) -> Result<Duration> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
        self.last_ns = self.last_ns.max(u64::try_from(now.as_nanos()).context("the clock is after 2554")?);
        let mut bytes = Vec::new();
        for _ in 0..=self.lines.next() % 8 {
            self.last_ns += 1 + self.lines.next() % 500;
            let asctime = self.lines.append(&mut bytes, self.last_ns, thread);
            self.written.push(Written { unix_ns: self.last_ns, asctime });
        }
        self.file.write_all(&bytes).context("cannot write the log")?;
        Ok(Duration::from_millis(5 + self.lines.next() % 40))
    }
}

/// What was shown of the events while they came.
#[derive(Debug, Default)]
struct Shown {
    events: usize,
}

impl Shown {
    /// Shows how many events there are and the newest of them, if there are more than before.
    fn update(&mut self, service: &Service) -> Result<()> {
        let logstores = service.get("/_emulator/logstores")?;
        let events =
            logstores["logstores"][0]["events"].as_u64().context("the log service does not count events")? as usize;
        if events > self.events {
            self.events = events;
            let newest = page(service, "reverse=true&line=1")?;
            let newest = newest.first().context("the log service has events and returns none")?;
            println!("{events} events have arrived, the newest one is\n{}", newest.text);
        }
        Ok(())
    }
}

/// All events of the logstore in the order in which GetLogs returns them, but at most one more than `expected`.
fn get_logs(service: &Service, expected: usize) -> Result<Vec<Event>> {
    let mut events = Vec::new();
    while events.len() <= expected {
        let more = page(service, &format!("line={PAGE}&offset={}", events.len()))?;
        if more.is_empty() {
            break;
        }
        events.extend(more);
    }
    Ok(events)
}

/// The events that GetLogs returns for these parameters, of all times.
fn page(service: &Service, parameters: &str) -> Result<Vec<Event>> {
    let path = format!("/_emulator/logs?project={PROJECT}&logstore={LOGSTORE}&from=0&to={END_OF_TIME}&{parameters}");
    match service.get(&path)? {
        Value::Array(events) => events.iter().map(Event::parse).collect(),
        other => bail!("GetLogs returns {other}"),
    }
}

impl Event {
    fn parse(event: &Value) -> Result<Self> {
        let text = |key: &str| event[key].as_str().with_context(|| format!("no {key} in {event}"));
        let number = |key: &str| text(key)?.parse().with_context(|| format!("{key} is no number in {event}"));
        Ok(Self {
            seconds: number("__time__")?,
            nanoseconds: number("__time_ns_part__")?,
            asctime: text("asctime")?.to_owned(),
            text: event.to_string(),
        })
    }
}

/// Fails unless `events` are the lines in the order written, with the lines' times.
fn check_order(written: &[Written], events: &[Event]) -> Result<()> {
    ensure!(written.len() == events.len(), "{} lines were written, {} events arrived", written.len(), events.len());
    for (line, event) in written.iter().zip(events) {
        ensure!(line.asctime == event.asctime, "{} was written where {} came out", line.asctime, event.asctime);
        let time = event.seconds * NS_PER_S + event.nanoseconds;
        ensure!(line.unix_ns == time, "{} was written at {}, the event has {time}", line.asctime, line.unix_ns);
    }
    Ok(())
}

const EXAMPLE: &str = "examples/pipelines/json-nano/pipeline.yaml";
/// The file that the example follows.
const EXAMPLE_LOG: &str = "/test/sls/json_nano.log";
/// The endpoint that it sends to.
const EXAMPLE_ENDPOINT: &str = "cn-hangzhou.log.aliyuncs.com";
/// Where it sends to there.
const PROJECT: &str = "your-project";
const LOGSTORE: &str = "your-logstore";
const THREADS: usize = 4;
const WRITING: Duration = Duration::from_secs(9);
/// How long the last events may take.
const DRAINING: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);
/// How many events GetLogs returns at most.
const PAGE: usize = 100;
/// After the last second that a log can have.
const END_OF_TIME: u64 = 1 << 32;
/// How many events are shown at the end.
const SAMPLE: usize = 4;
const KEEP: &str = "cargo run --release -p sls-emulator -- --data /tmp/sls --logstore your-project/your-logstore";

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seconds: u64, nanoseconds: u64) -> Event {
        Event { seconds, nanoseconds, asctime: format!("{seconds},{nanoseconds}"), text: String::new() }
    }

    fn line(seconds: u64, nanoseconds: u64) -> Written {
        Written { unix_ns: seconds * NS_PER_S + nanoseconds, asctime: format!("{seconds},{nanoseconds}") }
    }

    #[test]
    fn lost_doubled_swapped_and_mistimed_events_are_noticed() {
        let written = [line(1, 999_999_999), line(2, 0), line(2, 1)];
        let check =
            |events: &[Event], expected| assert_eq!(check_order(&written, events).is_ok(), expected, "{events:?}");
        check(&[event(1, 999_999_999), event(2, 0), event(2, 1)], true);
        check(&[event(1, 999_999_999), event(2, 1), event(2, 0)], false);
        check(&[event(1, 999_999_999), event(2, 0)], false);
        check(&[event(1, 999_999_999), event(2, 0), event(2, 0)], false);
        check(&[event(1, 999_999_999), event(2, 0), event(2, 1), event(2, 1)], false);
        check(&[event(1, 999_999_999), Event { nanoseconds: 3, ..event(2, 0) }, event(2, 1)], false);
        check(&[event(0, 999_999_999), event(2, 0), event(2, 1)], false);
    }

    #[test]
    fn events_are_read_as_get_logs_returns_them() {
        let logs = serde_json::json!({"__time__": "1698277870", "__time_ns_part__": "199999999", "asctime": "a"});
        let event = Event::parse(&logs).unwrap();
        assert_eq!((event.seconds, event.nanoseconds, event.asctime.as_str()), (1_698_277_870, 199_999_999, "a"));
        assert!(Event::parse(&serde_json::json!({"__time__": "1698277870", "asctime": "a"})).is_err());
    }

    #[test]
    fn the_closest_lines_are_shown() {
        let lines: Vec<_> = [0, 100, 200, 300, 310, 320, 330, 900].map(|ns| line(1, ns)).into();
        assert_eq!(closest(&lines), 3..7);
        assert_eq!(closest(&lines[..2]), 0..2);
    }

    #[test]
    fn the_example_reads_the_demos_log_and_sends_to_its_service() {
        let pipeline = example(Path::new("/tmp/a.log"), "http://127.0.0.1:1").unwrap();
        assert!(pipeline.contains("FilePaths: [/tmp/a.log]"), "{pipeline}");
        assert!(pipeline.contains("endpoint: 'http://127.0.0.1:1'"), "{pipeline}");
    }
}
