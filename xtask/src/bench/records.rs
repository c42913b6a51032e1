//! What the records of the bench look like.

use std::io::{self, Write};
use std::ops::Range;

use super::workload::Workload;
use crate::line::{Lines, asctime};
use crate::random::Random;

/// Makes records, each later than the one before.
#[derive(Debug)]
pub(super) struct Records {
    random: Random,
    json: Lines,
    unix_ns: u64,
}

impl Records {
    /// The start of a sequence that depends on nothing but the workloads asked for.
    pub(super) fn new() -> Self {
        Self { random: Random::new(), json: Lines::new(), unix_ns: FIRST_NS }
    }

    /// Appends one record with its line end.
    pub(super) fn append(&mut self, workload: Workload, to: &mut Vec<u8>) {
        self.unix_ns += 1 + self.random.next() % 20_000;
        let written = match workload {
            Workload::Lines => self.line(to),
            Workload::Java => self.java(to),
            Workload::Json => {
                self.json.append(to, self.unix_ns, "MainThread");
                Ok(())
            }
            Workload::Access => self.access(to),
            Workload::Csv => self.csv(to),
        };
        written.expect("a Vec takes all bytes");
    }

    fn line(&mut self, to: &mut Vec<u8>) -> io::Result<()> {
        let time = asctime(self.unix_ns);
        let (level, path) = (self.random.choose(LEVELS), self.random.choose(PATHS));
        write!(to, r#"{time} {level} [worker-{}] "#, self.random.next() % 64)?;
        write!(
            to,
            r#"com.example.shop.Requests - served "GET {path}" in {} us, trace="#,
            self.random.next() % 100_000
        )?;
        while to.len() < LINE_BYTES - 1 {
            write!(to, "{:016x}", self.random.next())?;
        }
        to.truncate(LINE_BYTES - 1);
        writeln!(to)
    }

    fn java(&mut self, to: &mut Vec<u8>) -> io::Result<()> {
        let time = asctime(self.unix_ns);
        let milliseconds = &time[..time.len() - "000000".len()];
        let (order, thread) = (self.random.next() % 1_000_000, self.random.next() % 200);
        writeln!(
            to,
            "{milliseconds} ERROR [http-nio-8080-exec-{thread}] com.example.shop.Orders - order {order} failed"
        )?;
        writeln!(to, "java.lang.IllegalStateException: no stock for order {order}")?;
        self.frames(8..24, to)?;
        writeln!(to, "Caused by: java.io.IOException: Connection reset by peer")?;
        self.frames(3..8, to)?;
        writeln!(to, "\t... 12 more")
    }

    fn frames(&mut self, count: Range<u64>, to: &mut Vec<u8>) -> io::Result<()> {
        for _ in 0..count.start + self.random.next() % (count.end - count.start) {
            let (class, method) = (self.random.choose(CLASSES), self.random.choose(METHODS));
            let file = class.rsplit('.').next().unwrap_or(class);
            writeln!(to, "\tat {class}.{method}({file}.java:{})", 10 + self.random.next() % 900)?;
        }
        Ok(())
    }

    fn access(&mut self, to: &mut Vec<u8>) -> io::Result<()> {
        let time = asctime(self.unix_ns);
        let (day, clock) = (&time[8..10], &time[11..19]);
        let [ip, item, bytes, micros] = [(); 4].map(|()| self.random.next());
        let (path, agent) = (self.random.choose(PATHS), self.random.choose(AGENTS));
        let (user, status) = (self.random.choose(USERS), self.random.choose(&["200", "200", "200", "304", "404"]));
        write!(to, "{} - {user} [{day}/Oct/2023:{clock} +0800] ", address(ip))?;
        write!(to, r#""GET {path}/{}?color=blue&size=m HTTP/1.1" {status} {} "#, item % 100_000, bytes % 100_000)?;
        write!(to, r#""https://www.example.com{path}" "{agent}" "{}" "#, address(ip >> 32))?;
        let seconds = |micros: u64| format!("{}.{:03}", micros / 1000 % 10, micros % 1000);
        writeln!(to, "{} 10.0.0.{}:8080 {}", seconds(micros), ip % 250, seconds(micros / 2))
    }

    fn csv(&mut self, to: &mut Vec<u8>) -> io::Result<()> {
        let [ip, item, bytes, micros] = [(); 4].map(|()| self.random.next());
        let (path, agent, user) = (self.random.choose(PATHS), self.random.choose(AGENTS), self.random.choose(USERS));
        let (milliseconds, host) = (self.unix_ns / 1_000_000, ip % 40);
        write!(to, "{milliseconds},web-{host:02},{},{user},", address(ip))?;
        write!(to, r#""GET {path}/{}, HTTP/1.1",200,{},"#, item % 100_000, bytes % 100_000)?;
        writeln!(to, r#"0.{:03},blue,"{agent}",de,eu-central-1"#, micros % 1000)
    }
}

fn address(number: u64) -> String {
    let [.., a, b, c] = number.to_be_bytes();
    format!("203.{a}.{b}.{c}")
}

/// With the line end.
const LINE_BYTES: usize = 512;

/// 2023-10-25 23:51:10,199999999 in UTC.
const FIRST_NS: u64 = 1_698_277_870_199_999_999;

const LEVELS: &[&str] = &["INFO", "INFO", "INFO", "WARN", "ERROR"];
const USERS: &[&str] = &["-", "-", "alice", "bob"];
const PATHS: &[&str] = &["/shop/items", "/shop/cart", "/shop/orders", "/images/products", "/api/v2/search"];
const AGENTS: &[&str] = &[
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/118.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15",
    "curl/8.4.0",
];
const CLASSES: &[&str] = &[
    "com.example.shop.orders.OrderService",
    "com.example.shop.stock.StockClient",
    "org.springframework.web.servlet.FrameworkServlet",
    "org.apache.catalina.core.ApplicationFilterChain",
    "java.util.concurrent.ThreadPoolExecutor$Worker",
];
const METHODS: &[&str] = &["reserve", "doFilter", "internalDoFilter", "invoke", "run", "lambda$place$0"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_have_the_promised_shape() {
        let mut records = Records::new();
        let mut next = |workload| {
            let mut record = Vec::new();
            records.append(workload, &mut record);
            String::from_utf8(record).unwrap()
        };
        for _ in 0..100 {
            assert_eq!(next(Workload::Lines).len(), LINE_BYTES);
            assert!(next(Workload::Java).lines().count() > 13);
            assert_eq!(next(Workload::Csv).matches('"').count(), 4);
            assert_eq!(next(Workload::Access).matches('"').count(), 8);
        }
    }
}
