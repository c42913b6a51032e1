//! `cargo xtask demo`: the example pipeline follows a log that several threads write, and puts it in order.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use loglift_guest_build::Workspace;

use crate::agent::Process;
use crate::line::{Lines, NS_PER_S};

/// Shows ten seconds of a log on its way through the agent, and checks what came out.
///
/// # Errors
/// When the agent does not start or does not end well, or when a line is missing or out of order.
pub(crate) fn run() -> Result<()> {
    let loglift = crate::optimised_binary("release", "loglift", "loglift")?;
    let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
    let [log, pipeline, agent_config, agent_log] =
        ["json_nano.log", "pipeline.yaml", "agent.json", "agent.log"].map(|name| directory.path().join(name));
    fs::write(&pipeline, example_reading(&log)?).context("cannot write the pipeline")?;
    // The log grows while the agent starts, which may take so long that it would be begun near its end.
    fs::write(&agent_config, r#"{"default_tail_limit_kb": 104857600}"#).context("cannot write the agent's config")?;
    let writer = Writer::new(&log)?;

    println!("\n$ loglift run -c {EXAMPLE} --flusher stdout   (with FilePaths: [{}])\n", log.display());
    let started = Instant::now();
    let stderr = File::create(&agent_log).context("cannot create the agent's log")?;
    let mut command = Command::new(loglift);
    command.arg("run").arg("-c").arg(&pipeline).args(["--flusher", "stdout"]);
    // The user's own agent may be running, and has nothing to do with this.
    command.arg("--data-dir").arg(directory.path().join("data")).arg("--agent-config").arg(&agent_config);
    // The writers' clock is UTC.
    let mut agent = Process::start(command.env("TZ", "UTC").stdout(Stdio::piped()).stderr(stderr))?;
    let events = Events::collect(agent.stdout());
    let checked = (|| {
        let written = writer.write_for(WRITING)?;
        let deadline = Instant::now() + DRAINING;
        while events.count() < written.len() && Instant::now() < deadline && !agent.has_ended()? {
            thread::sleep(POLL);
        }
        ensure!(!agent.has_ended()?, "the agent ended early");
        agent.terminate()?;
        let events = events.finish()?;
        let (status, _) = agent.wait()?;
        ensure!(status.success(), "the agent ended with {status}");
        check_order(&written, &events)?;
        Ok((written, events.len()))
    })();
    let (written, events) = checked.inspect_err(|_| {
        eprintln!("{}", fs::read_to_string(&agent_log).unwrap_or_default());
    })?;
    let close = written.windows(2).filter(|pair| pair[0].unix_ns / 1000 == pair[1].unix_ns / 1000).count();
    println!(
        "\n{} lines written by {THREADS} threads, {events} events out, sorted by (__time__, __time_ns_part__) they are in the \
         order written ({close} share a microsecond with the line before); {:.1} s",
        written.len(),
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

/// The example pipeline, reading `log` instead.
fn example_reading(log: &Path) -> Result<String> {
    let example =
        fs::read_to_string(Workspace::here().root().join(EXAMPLE)).with_context(|| format!("cannot read {EXAMPLE}"))?;
    ensure!(example.contains(EXAMPLE_LOG), "{EXAMPLE} does not read {EXAMPLE_LOG}");
    Ok(example.replace(EXAMPLE_LOG, &log.display().to_string()))
}

/// A line of the log, by its time.
#[derive(Debug)]
struct Written {
    unix_ns: u64,
    asctime: String,
}

/// An event as the agent printed it.
#[derive(Debug)]
struct Event {
    seconds: u64,
    nanoseconds: u64,
    asctime: String,
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

/// The events that the agent prints, read by a thread until the agent closes its output.
struct Events {
    read: Arc<Mutex<Vec<Event>>>,
    reader: JoinHandle<Result<()>>,
}

impl Events {
    fn collect(output: ChildStdout) -> Self {
        let read = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&read);
        let reader = thread::spawn(move || {
            let mut shown = Instant::now();
            for line in BufReader::new(output).lines() {
                let line = line.context("cannot read the agent's output")?;
                let mut events = to.lock().expect("no reader panics");
                events.push(Event::parse(&line)?);
                // The first few, then one a second: enough to watch, and to read.
                if events.len() <= 3 || shown.elapsed() > Duration::from_secs(1) {
                    println!("{line}");
                    shown = Instant::now();
                }
            }
            Ok(())
        });
        Self { read, reader }
    }

    fn count(&self) -> usize {
        self.read.lock().map_or(0, |events| events.len())
    }

    fn finish(self) -> Result<Vec<Event>> {
        self.reader.join().expect("no reader panics")?;
        Ok(std::mem::take(&mut *self.read.lock().expect("no reader panics")))
    }
}

impl Event {
    fn parse(line: &str) -> Result<Self> {
        let event: serde_json::Value = serde_json::from_str(line).with_context(|| format!("not an event: {line}"))?;
        let number = |key: &str| event[key].as_u64().with_context(|| format!("no {key} in {line}"));
        let asctime = event["asctime"].as_str().with_context(|| format!("no asctime in {line}"))?.to_owned();
        Ok(Self { seconds: number("__time__")?, nanoseconds: number("__time_ns_part__")?, asctime })
    }
}

/// Fails unless `events`, sorted by their times alone, are the lines in the order written, with the lines' times.
fn check_order(written: &[Written], events: &[Event]) -> Result<()> {
    ensure!(written.len() == events.len(), "{} lines were written, {} events came out", written.len(), events.len());
    let mut sorted: Vec<&Event> = events.iter().collect();
    sorted.sort_by_key(|event| (event.seconds, event.nanoseconds));
    for (line, event) in written.iter().zip(sorted) {
        ensure!(line.asctime == event.asctime, "{} was written where {} came out", line.asctime, event.asctime);
        let time = event.seconds * NS_PER_S + event.nanoseconds;
        ensure!(line.unix_ns == time, "{} was written at {}, the event has {time}", line.asctime, line.unix_ns);
    }
    Ok(())
}

const EXAMPLE: &str = "examples/pipelines/json-nano/pipeline.yaml";
/// The file that the example follows.
const EXAMPLE_LOG: &str = "/test/sls/json_nano.log";
const THREADS: usize = 4;
const WRITING: Duration = Duration::from_secs(9);
/// How long the last events may take.
const DRAINING: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seconds: u64, nanoseconds: u64) -> Event {
        Event { seconds, nanoseconds, asctime: format!("{seconds},{nanoseconds}") }
    }

    fn line(seconds: u64, nanoseconds: u64) -> Written {
        Written { unix_ns: seconds * NS_PER_S + nanoseconds, asctime: format!("{seconds},{nanoseconds}") }
    }

    #[test]
    fn lost_doubled_and_mistimed_events_are_noticed() {
        let written = [line(1, 999_999_999), line(2, 0), line(2, 1)];
        let check =
            |events: &[Event], expected| assert_eq!(check_order(&written, events).is_ok(), expected, "{events:?}");
        check(&[event(2, 1), event(1, 999_999_999), event(2, 0)], true);
        check(&[event(1, 999_999_999), event(2, 0)], false);
        check(&[event(1, 999_999_999), event(2, 0), event(2, 0)], false);
        check(&[event(1, 999_999_999), Event { nanoseconds: 3, ..event(2, 0) }, event(2, 1)], false);
        check(&[event(0, 999_999_999), event(2, 0), event(2, 1)], false);
    }

    #[test]
    fn the_example_reads_the_demos_log() {
        let pipeline = example_reading(Path::new("/tmp/a.log")).unwrap();
        assert!(pipeline.contains("FilePaths: [/tmp/a.log]"), "{pipeline}");
    }
}
