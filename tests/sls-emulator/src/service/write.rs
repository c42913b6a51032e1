//! PutLogs.

use super::{Answer, Service, lock};
use crate::refusal::Refusal;
use crate::request::Request;
use crate::store::Logstore;
use crate::wire::LogGroup;
use crate::{content, shard};

impl Service {
    pub(super) fn put_logs(
        &self,
        logstore: &Logstore,
        key: Option<&str>,
        request: &Request,
        now: i64,
    ) -> Result<Answer, Refusal> {
        check_content_type(request)?;
        let routed = key.map(|key| shard::of_key(key, logstore.shards)).transpose()?;
        let raw = content::unpack(request)?;
        let groups = raw.iter().map(|raw| content::read(raw)).collect::<Result<Vec<LogGroup<'_>>, _>>()?;
        if !self.count_only {
            let mut store = self.store();
            let shard = routed.unwrap_or_else(|| store.next_shard(logstore));
            store.write(logstore, shard, &groups, now)?;
        }
        lock(&self.stats).write(&groups, raw.iter().map(Vec::len).sum(), request.body.len());
        Ok(Answer::done())
    }
}

fn check_content_type(request: &Request) -> Result<(), Refusal> {
    match request.headers.first("content-type") {
        Some(kind) if kind.starts_with("application/x-protobuf") => Ok(()),
        other => Err(Refusal::content_type(other.unwrap_or_default())),
    }
}
