//! Projects, logstores and their indexes.

use serde_json::{Map, Value, json};

use super::{Answer, Service};
use crate::clock;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::store::Logstore;

/// The shards of a logstore whose creator does not care.
pub(super) const DEFAULT_SHARDS: u32 = 2;
const MOST_SHARDS: u32 = 256;
const DEFAULT_TTL_DAYS: u32 = 30;

impl Service {
    pub(super) fn create_project(&self, request: &Request, now: i64) -> Result<Answer, Refusal> {
        let body = json_body(request)?;
        let name = text(&body, "projectName").or(request.project()).unwrap_or_default();
        check_name(name).map_err(|why| Refusal::invalid_parameter(format!("project name {name} {why}")))?;
        let created = self.store().create_project(name, text(&body, "description").unwrap_or_default(), now)?;
        done_or(created, || Refusal::new(400, "ProjectAlreadyExist", format!("Project {name} already exist.")))
    }

    pub(super) fn project(&self, name: &str) -> Result<Value, Refusal> {
        let project = self.store().project(name)?.ok_or_else(|| Refusal::no_project(name))?;
        Ok(describe_project(&project.name, &project.description, project.created))
    }

    pub(super) fn read_project(&self, name: &str) -> Result<Answer, Refusal> {
        self.project(name).map(|project| Answer::json(&project))
    }

    pub(super) fn update_project(&self, name: &str, request: &Request) -> Result<Answer, Refusal> {
        let body = json_body(request)?;
        self.store().describe_project(name, text(&body, "description").unwrap_or_default())?;
        Ok(Answer::done())
    }

    pub(super) fn delete_project(&self, name: &str) -> Result<Answer, Refusal> {
        self.store().delete_project(name)?;
        Ok(Answer::done())
    }

    pub(super) fn list_projects(&self, request: &Request) -> Result<Answer, Refusal> {
        let all = self.store().projects(request.parameter("projectName").unwrap_or_default())?;
        let shown: Vec<Value> =
            page(&all, request).iter().map(|it| describe_project(&it.name, &it.description, it.created)).collect();
        Ok(Answer::json(&json!({ "count": shown.len(), "total": all.len(), "projects": shown })))
    }

    pub(super) fn create_logstore_from(&self, project: &str, request: &Request, now: i64) -> Result<Answer, Refusal> {
        let body = json_body(request)?;
        let invalid = |why: &str| Refusal::new(400, "LogStoreInfoInvalid", why);
        let name = text(&body, "logstoreName").ok_or_else(|| invalid("logstoreName is missing"))?;
        check_name(name).map_err(|why| invalid(&format!("logstore name {name} {why}")))?;
        let shards = body.get("shardCount").and_then(Value::as_u64).unwrap_or(u64::from(DEFAULT_SHARDS));
        let shards = u32::try_from(shards).ok().filter(|shards| (1..=MOST_SHARDS).contains(shards));
        let shards = shards.ok_or_else(|| invalid("shardCount is out of range"))?;
        let config = Value::Object(body.clone()).to_string();
        let created = self.store().create_logstore(project, name, shards, &config, now)?;
        done_or(created, || Refusal::new(400, "LogStoreAlreadyExist", format!("logstore {name} already exists.")))
    }

    pub(super) fn list_logstores(&self, project: &str, request: &Request) -> Result<Answer, Refusal> {
        let part = request.parameter("logstoreName").unwrap_or_default();
        let all = self.store().logstores(project, part)?;
        let shown: Vec<&str> = page(&all, request).iter().map(|logstore| logstore.name.as_str()).collect();
        Ok(Answer::json(&json!({ "count": shown.len(), "total": all.len(), "logstores": shown })))
    }

    pub(super) fn read_logstore(&self, logstore: &Logstore) -> Result<Answer, Refusal> {
        let mut described = json!({
            "ttl": DEFAULT_TTL_DAYS, "enable_tracking": false, "appendMeta": false, "autoSplit": false,
            "maxSplitShard": 64, "telemetryType": "None", "mode": "standard",
        });
        let config: Map<String, Value> = serde_json::from_str(&logstore.config).unwrap_or_default();
        let own = json!({
            "logstoreName": logstore.name, "shardCount": logstore.shards, "createTime": logstore.created,
            "lastModifyTime": logstore.created,
        });
        if let (Value::Object(described), Value::Object(own)) = (&mut described, own) {
            described.extend(config);
            described.extend(own);
        }
        Ok(Answer::json(&described))
    }

    pub(super) fn update_logstore(&self, logstore: &Logstore, request: &Request) -> Result<Answer, Refusal> {
        let config = Value::Object(json_body(request)?).to_string();
        self.store().configure_logstore(logstore, &config)?;
        Ok(Answer::done())
    }

    pub(super) fn delete_logstore(&self, logstore: &Logstore) -> Result<Answer, Refusal> {
        self.store().delete_logstore(logstore)?;
        Ok(Answer::done())
    }

    /// Kept and shown, but without effect: every field can be searched.
    pub(super) fn write_index(&self, logstore: &Logstore, request: &Request) -> Result<Answer, Refusal> {
        if request.method == "POST" && logstore.index.is_some() {
            return Err(Refusal::new(400, "IndexAlreadyExist", "log store index is already created."));
        }
        let index = Value::Object(json_body(request)?).to_string();
        self.store().set_index(logstore, Some(&index))?;
        Ok(Answer::done())
    }

    pub(super) fn read_index(&self, logstore: &Logstore) -> Result<Answer, Refusal> {
        let index = logstore.index.as_deref().ok_or_else(|| Refusal::no_index(&logstore.name))?;
        Ok(Answer::text(200, "application/json", index))
    }

    pub(super) fn delete_index(&self, logstore: &Logstore) -> Result<Answer, Refusal> {
        self.store().set_index(logstore, None)?;
        Ok(Answer::done())
    }
}

pub(super) fn json_body(request: &Request) -> Result<Map<String, Value>, Refusal> {
    serde_json::from_slice(&request.body).map_err(|_| Refusal::not_json())
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

fn done_or(created: bool, refusal: impl FnOnce() -> Refusal) -> Result<Answer, Refusal> {
    if created { Ok(Answer::done()) } else { Err(refusal()) }
}

fn describe_project(name: &str, description: &str, created: i64) -> Value {
    let created = clock::format_http(created);
    json!({
        "projectName": name, "description": description, "status": "Normal", "owner": "emulator", "region": "local",
        "createTime": created, "lastModifyTime": created, "resourceGroupId": "",
    })
}

/// The part of a list that `offset` and `size` ask for.
fn page<'a, T>(all: &'a [T], request: &Request) -> &'a [T] {
    let number = |name, default| request.parameter(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let from: usize = number("offset", 0).min(all.len());
    &all[from..from.saturating_add(number("size", 500)).min(all.len())]
}

fn check_name(name: &str) -> Result<(), &'static str> {
    let sound = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    match name.len() {
        3..=63 if name.chars().all(sound) => Ok(()),
        3..=63 => Err("has characters other than a-z, 0-9, - and _"),
        _ => Err("does not have 3 to 63 characters"),
    }
}
