//! What the service does not have: the page, faults and statistics. No signature is asked for.
//!
//! What changes something is `PUT` or `DELETE`, which a page of another origin cannot send unasked.

use serde::Deserialize;
use serde_json::json;

use super::{Answer, Service, lock};
use crate::faults::Faults;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::stats::Stats;

const PREFIX: &str = "/_emulator/";

#[derive(Deserialize)]
struct Name {
    project: String,
    logstore: String,
}

impl Service {
    /// Whether a request is for the emulator itself. A browser that asks for `/` signs nothing; every client does.
    pub(crate) fn is_admin(request: &Request) -> bool {
        let is_page = request.method == "GET" && request.path == "/";
        request.path.starts_with(PREFIX) || is_page && request.headers.first("authorization").is_none()
    }

    /// Answers a request for the emulator itself.
    pub(crate) fn administer(&self, request: &Request) -> Answer {
        self.try_administer(request).unwrap_or_else(|refusal| Answer::refusal(&refusal))
    }

    fn try_administer(&self, request: &Request) -> Result<Answer, Refusal> {
        let name = request.path.strip_prefix(PREFIX).unwrap_or_default();
        match (request.method.as_str(), name) {
            ("GET", "") => Ok(Answer::text(200, "text/html; charset=utf-8", include_str!("../page.html"))),
            ("GET", "faults") => Ok(Answer::json(lock(&self.faults).faults())),
            ("PUT", "faults") => {
                let faults: Faults = serde_json::from_slice(&request.body).map_err(|error| unreadable(&error))?;
                self.set_faults(faults);
                Ok(Answer::done())
            }
            ("DELETE", "faults") => {
                self.set_faults(Faults::default());
                Ok(Answer::done())
            }
            ("GET", "stats") => Ok(Answer::json(&self.stats())),
            ("DELETE", "stats") => {
                *lock(&self.stats) = Stats::default();
                Ok(Answer::done())
            }
            ("GET", "logstores") => self.all_logstores(),
            ("PUT", "logstores") => {
                let name: Name = serde_json::from_slice(&request.body).map_err(|error| unreadable(&error))?;
                let broken = |error: anyhow::Error| Refusal::new(500, "InternalServerError", format!("{error:#}"));
                self.create_logstore(&name.project, &name.logstore).map_err(broken)?;
                Ok(Answer::done())
            }
            ("GET", "logs" | "histogram") => {
                let part = |name| request.parameter(name).ok_or_else(|| Refusal::missing_query(name));
                let logstore = self.logstore(part("project")?, part("logstore")?)?;
                match name {
                    "logs" => self.read_logs(&logstore, request),
                    _ => self.read_histogram(&logstore, request),
                }
            }
            (method, _) => Err(Refusal::method(method, &request.path)),
        }
    }

    fn all_logstores(&self) -> Result<Answer, Refusal> {
        let store = self.store();
        let mut all = Vec::new();
        for project in store.projects("")? {
            for logstore in store.logstores(&project.name, "")? {
                let events = store.count(&logstore)?;
                all.push(json!({ "project": project.name, "logstore": logstore.name, "events": events }));
            }
        }
        Ok(Answer::json(&json!({ "logstores": all, "count_only": self.count_only })))
    }
}

fn unreadable(error: &serde_json::Error) -> Refusal {
    Refusal::new(400, "PostBodyInvalid", error.to_string())
}
