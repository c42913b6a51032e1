//! Shards, cursors and PullLogs.

use serde_json::json;

use super::{Answer, Service};
use crate::refusal::Refusal;
use crate::request::Request;
use crate::shard;
use crate::store::Logstore;
use crate::wire::put_bytes;

const MOST_GROUPS: usize = 1000;
const MOST_BYTES: usize = 10 * 1024 * 1024;

impl Service {
    pub(super) fn list_shards(&self, logstore: &Logstore) -> Result<Answer, Refusal> {
        let describe = |id| {
            let (begin, end) = shard::range(id, logstore.shards);
            json!({
                "shardID": id, "status": "readwrite", "createTime": logstore.created,
                "inclusiveBeginKey": begin, "exclusiveEndKey": end,
            })
        };
        Ok(Answer::json(&(0..logstore.shards).map(describe).collect::<Vec<_>>()))
    }

    pub(super) fn read_cursor(&self, logstore: &Logstore, shard: u32, request: &Request) -> Result<Answer, Refusal> {
        check_shard(logstore, shard)?;
        let store = self.store();
        let next = match request.parameter("from").ok_or_else(|| Refusal::missing_query("from"))? {
            "begin" => store.group_received_from(logstore, shard, 0)?,
            "end" => store.end()?,
            time => {
                let time = time.parse().map_err(|_| Refusal::invalid_parameter(format!("Invalid from {time}.")))?;
                store.group_received_from(logstore, shard, time)?
            }
        };
        Ok(Answer::json(&json!({ "cursor": shard::cursor(next) })))
    }

    pub(super) fn read_cursor_time(
        &self,
        logstore: &Logstore,
        shard: u32,
        request: &Request,
        now: i64,
    ) -> Result<Answer, Refusal> {
        check_shard(logstore, shard)?;
        let next = cursor(request, "cursor")?.ok_or_else(|| Refusal::missing_query("cursor"))?;
        let time = self.store().received(logstore, shard, next)?.unwrap_or(now);
        Ok(Answer::json(&json!({ "cursor_time": time })))
    }

    pub(super) fn pull_logs(&self, logstore: &Logstore, shard: u32, request: &Request) -> Result<Answer, Refusal> {
        check_shard(logstore, shard)?;
        if request.parameter("query").is_some() || request.parameter("processor").is_some() {
            return Err(Refusal::invalid_parameter("The emulator pulls logs as they are, without a query."));
        }
        let from = cursor(request, "cursor")?.ok_or_else(|| Refusal::missing_query("cursor"))?;
        let to = cursor(request, "end_cursor")?.unwrap_or(i64::MAX);
        let count = request.parameter("count").and_then(|count| count.parse().ok()).unwrap_or(MOST_GROUPS);
        let groups = self.store().groups(logstore, shard, from..to, count.min(MOST_GROUPS), MOST_BYTES)?;
        let mut list = Vec::new();
        groups.iter().for_each(|group| put_bytes(&mut list, 1, &group.bytes));
        let next = groups.last().map_or(from, |group| group.id + 1);
        let answer = Answer { body: list, ..Answer::done() };
        Ok(answer
            .with("content-type", &"application/x-protobuf")
            .with("x-log-count", &groups.len())
            .with("x-log-cursor", &shard::cursor(next))
            .compressed(request.headers.first("accept-encoding").unwrap_or_default()))
    }
}

fn check_shard(logstore: &Logstore, shard: u32) -> Result<(), Refusal> {
    if shard < logstore.shards { Ok(()) } else { Err(Refusal::no_shard(shard)) }
}

fn cursor(request: &Request, name: &str) -> Result<Option<i64>, Refusal> {
    request.parameter(name).map(shard::parse_cursor).transpose()
}
