//! What a request asks for, by its method, path and query.

use crate::refusal::Refusal;
use crate::request::{Request, unescape};

/// What a request asks for; everything but [`Operation::ListProjects`] is about one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    CreateProject,
    UpdateProject,
    ReadProject,
    DeleteProject,
    ListProjects,
    CreateLogstore,
    ListLogstores,
    ReadLogstore {
        logstore: String,
    },
    UpdateLogstore {
        logstore: String,
    },
    DeleteLogstore {
        logstore: String,
    },
    /// `key` routes to the shard whose range it is in.
    PutLogs {
        logstore: String,
        key: Option<String>,
    },
    /// By the query of a `GET`, or by the JSON body of a `POST`.
    ReadLogs {
        logstore: String,
    },
    ReadHistogram {
        logstore: String,
    },
    ListShards {
        logstore: String,
    },
    ReadCursor {
        logstore: String,
        shard: u32,
    },
    ReadCursorTime {
        logstore: String,
        shard: u32,
    },
    PullLogs {
        logstore: String,
        shard: u32,
    },
    WriteIndex {
        logstore: String,
    },
    ReadIndex {
        logstore: String,
    },
    DeleteIndex {
        logstore: String,
    },
}

impl Operation {
    /// The operation of a request.
    ///
    /// # Errors
    /// For what the emulator does not know, as the service does for what it does not.
    pub(crate) fn of(request: &Request) -> Result<Self, Refusal> {
        let path = unescape(&request.path);
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let kind = request.parameter("type");
        let name = |name: &str| name.to_owned();
        let operation = match (request.method.as_str(), parts.as_slice()) {
            ("POST", []) => Self::CreateProject,
            ("PUT", []) => Self::UpdateProject,
            ("DELETE", []) => Self::DeleteProject,
            ("GET", []) if request.query.is_empty() && request.project().is_some() => Self::ReadProject,
            ("GET", []) => Self::ListProjects,
            ("POST", ["logstores"]) => Self::CreateLogstore,
            ("GET", ["logstores"]) => Self::ListLogstores,
            ("GET", ["logstores", logstore]) => match kind {
                None => Self::ReadLogstore { logstore: name(logstore) },
                Some("log") => Self::ReadLogs { logstore: name(logstore) },
                Some("histogram") => Self::ReadHistogram { logstore: name(logstore) },
                Some(other) => return Err(Refusal::invalid_parameter(format!("type {other} is not supported."))),
            },
            ("PUT", ["logstores", logstore]) => Self::UpdateLogstore { logstore: name(logstore) },
            ("DELETE", ["logstores", logstore]) => Self::DeleteLogstore { logstore: name(logstore) },
            ("POST", ["logstores", logstore, "logs"]) => Self::ReadLogs { logstore: name(logstore) },
            ("POST", ["logstores", logstore] | ["logstores", logstore, "shards", "lb"]) => {
                Self::PutLogs { logstore: name(logstore), key: None }
            }
            ("POST", ["logstores", logstore, "shards", "route"]) => {
                let key = request.parameter("key").ok_or_else(|| Refusal::missing_query("key"))?;
                Self::PutLogs { logstore: name(logstore), key: Some(name(key)) }
            }
            ("POST", ["prometheus", _, metricstore, "api", "v1", "write"]) => {
                Self::PutLogs { logstore: name(metricstore), key: None }
            }
            ("GET", ["logstores", logstore, "shards"]) => Self::ListShards { logstore: name(logstore) },
            ("GET", ["logstores", logstore, "shards", shard]) => {
                let logstore = name(logstore);
                let shard = shard.parse().map_err(|_| Refusal::invalid_parameter("shard is not a number."))?;
                match kind {
                    Some("cursor") => Self::ReadCursor { logstore, shard },
                    Some("cursor_time") => Self::ReadCursorTime { logstore, shard },
                    Some("log" | "logs") => Self::PullLogs { logstore, shard },
                    _ => return Err(Refusal::missing_query("type")),
                }
            }
            ("POST" | "PUT", ["logstores", logstore, "index"]) => Self::WriteIndex { logstore: name(logstore) },
            ("GET", ["logstores", logstore, "index"]) => Self::ReadIndex { logstore: name(logstore) },
            ("DELETE", ["logstores", logstore, "index"]) => Self::DeleteIndex { logstore: name(logstore) },
            (method, _) => return Err(Refusal::method(method, &path)),
        };
        Ok(operation)
    }

    /// Its name in statistics and faults.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::CreateProject => "create_project",
            Self::UpdateProject => "update_project",
            Self::ReadProject => "get_project",
            Self::DeleteProject => "delete_project",
            Self::ListProjects => "list_projects",
            Self::CreateLogstore => "create_logstore",
            Self::ListLogstores => "list_logstores",
            Self::ReadLogstore { .. } => "get_logstore",
            Self::UpdateLogstore { .. } => "update_logstore",
            Self::DeleteLogstore { .. } => "delete_logstore",
            Self::PutLogs { .. } => "put_logs",
            Self::ReadLogs { .. } => "get_logs",
            Self::ReadHistogram { .. } => "get_histograms",
            Self::ListShards { .. } => "list_shards",
            Self::ReadCursor { .. } => "get_cursor",
            Self::ReadCursorTime { .. } => "get_cursor_time",
            Self::PullLogs { .. } => "pull_logs",
            Self::WriteIndex { .. } => "put_index",
            Self::ReadIndex { .. } => "get_index",
            Self::DeleteIndex { .. } => "delete_index",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::parse_query;

    fn check(method: &str, target: &str, expected: Result<Operation, &str>) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: parse_query(query),
            headers: [("host", "demo.127.0.0.1")].into_iter().collect(),
            ..Request::default()
        };
        let found = Operation::of(&request).map_err(|refusal| refusal.code);
        assert_eq!(found, expected.map_err(str::to_owned), "{method} {target}");
    }

    #[test]
    fn paths_say_what_is_asked_for() {
        let logstore = || "app".to_owned();
        check("POST", "/logstores/app/shards/lb", Ok(Operation::PutLogs { logstore: logstore(), key: None }));
        check("POST", "/logstores/app", Ok(Operation::PutLogs { logstore: logstore(), key: None }));
        let key = Some("0f".to_owned());
        check("POST", "/logstores/app/shards/route?key=0f", Ok(Operation::PutLogs { logstore: logstore(), key }));
        check("POST", "/prometheus/p/app/api/v1/write", Ok(Operation::PutLogs { logstore: logstore(), key: None }));
        check("GET", "/logstores/app?type=log", Ok(Operation::ReadLogs { logstore: logstore() }));
        check("POST", "/logstores/app/logs", Ok(Operation::ReadLogs { logstore: logstore() }));
        check("GET", "/logstores/app?type=histogram", Ok(Operation::ReadHistogram { logstore: logstore() }));
        check("GET", "/logstores/app", Ok(Operation::ReadLogstore { logstore: logstore() }));
        check("GET", "/logstores/app/shards", Ok(Operation::ListShards { logstore: logstore() }));
        check(
            "GET",
            "/logstores/app/shards/1?type=cursor",
            Ok(Operation::ReadCursor { logstore: logstore(), shard: 1 }),
        );
        check("GET", "/logstores/app/shards/1?type=log", Ok(Operation::PullLogs { logstore: logstore(), shard: 1 }));
        check("GET", "/", Ok(Operation::ReadProject));
        check("GET", "/?offset=0&size=10", Ok(Operation::ListProjects));
        check("POST", "/", Ok(Operation::CreateProject));
        check("PUT", "/logstores/app/index", Ok(Operation::WriteIndex { logstore: logstore() }));
    }

    #[test]
    fn what_is_not_there_is_refused() {
        check("POST", "/logstores/app/shards/route", Err("MissingParameter"));
        check("GET", "/logstores/app?type=context_log", Err("ParameterInvalid"));
        check("GET", "/logstores/app/shards/x?type=log", Err("ParameterInvalid"));
        check("GET", "/logstores/app/shards/1", Err("MissingParameter"));
        check("PATCH", "/logstores/app", Err("InvalidMethod"));
        check("POST", "/machinegroups", Err("InvalidMethod"));
    }
}
