//! What the agent config says of sending: keys, limits, and the disk on which packages wait.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::fields::Fields;

/// How the agent as a whole sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipping {
    /// `default_access_key_id` and `default_access_key`.
    pub access_key: Option<(String, Secret)>,
    /// `credentials_file`: a JSON file with a key, which is read again when it changes.
    pub credentials_file: Option<PathBuf>,
    /// `ecs_ram_role`: the role of this machine, whose keys the metadata service gives out.
    pub ecs_ram_role: Option<String>,
    /// `send_request_concurrency`: requests under way at most, per destination.
    pub max_requests: u32,
    /// `default_http_request_timeout_sec`: how long a request may take.
    pub request_timeout: Duration,
    /// `custom_user_agent`: what is added to the name of the agent.
    pub custom_user_agent: String,
    /// `spool_max_bytes`, or else `buffer_file_num` times `buffer_file_size`: how much may wait on disk, in all.
    pub spool_max_bytes: u64,
    /// `spool_max_age_secs`: what waits for longer is given up.
    pub spool_max_age: Duration,
    /// `sls_signature_version` is `v4`: requests are signed for the region.
    pub signs_v4: bool,
    /// `data_servers`: endpoints of regions.
    pub endpoints: Vec<RegionEndpoint>,
}

/// The endpoint of a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionEndpoint {
    /// The region.
    pub region: String,
    /// Its endpoint.
    pub endpoint: String,
}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(secret)")
    }
}

/// What one place gives.
#[derive(Debug, Default)]
pub(super) struct GivenShipping {
    access_key_id: Option<String>,
    access_key: Option<Secret>,
    credentials_file: Option<String>,
    ecs_ram_role: Option<String>,
    max_requests: Option<u64>,
    request_timeout_secs: Option<u64>,
    custom_user_agent: Option<String>,
    spool_max_bytes: Option<u64>,
    spool_max_age_secs: Option<u64>,
    buffer_files: Option<u64>,
    buffer_file_bytes: Option<u64>,
    signs_v4: Option<bool>,
    endpoints: Vec<RegionEndpoint>,
}

impl GivenShipping {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            access_key_id: fields.optional("default_access_key_id"),
            access_key: fields.optional("default_access_key").map(Secret),
            credentials_file: fields.optional("credentials_file"),
            ecs_ram_role: fields.optional("ecs_ram_role"),
            max_requests: fields.optional("send_request_concurrency"),
            request_timeout_secs: fields.optional("default_http_request_timeout_sec"),
            custom_user_agent: fields.optional("custom_user_agent"),
            spool_max_bytes: fields.optional("spool_max_bytes"),
            spool_max_age_secs: fields.optional("spool_max_age_secs"),
            buffer_files: fields.optional("buffer_file_num"),
            buffer_file_bytes: fields.optional("buffer_file_size"),
            signs_v4: fields
                .cursor("sls_signature_version")
                .is_some()
                .then(|| fields.choice("sls_signature_version", SIGNATURES)),
            endpoints: fields.maps("data_servers").into_iter().flat_map(|server| endpoints(server)).collect(),
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self {
            access_key_id: self.access_key_id.or(other.access_key_id),
            access_key: self.access_key.or(other.access_key),
            credentials_file: self.credentials_file.or(other.credentials_file),
            ecs_ram_role: self.ecs_ram_role.or(other.ecs_ram_role),
            max_requests: self.max_requests.or(other.max_requests),
            request_timeout_secs: self.request_timeout_secs.or(other.request_timeout_secs),
            custom_user_agent: self.custom_user_agent.or(other.custom_user_agent),
            spool_max_bytes: self.spool_max_bytes.or(other.spool_max_bytes),
            spool_max_age_secs: self.spool_max_age_secs.or(other.spool_max_age_secs),
            buffer_files: self.buffer_files.or(other.buffer_files),
            buffer_file_bytes: self.buffer_file_bytes.or(other.buffer_file_bytes),
            signs_v4: self.signs_v4.or(other.signs_v4),
            endpoints: if self.endpoints.is_empty() { other.endpoints } else { self.endpoints },
        }
    }
}

impl From<GivenShipping> for Shipping {
    fn from(given: GivenShipping) -> Self {
        let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let files = given.buffer_files.unwrap_or(DEFAULT_BUFFER_FILES);
        let buffer_bytes = files.saturating_mul(given.buffer_file_bytes.unwrap_or(DEFAULT_BUFFER_FILE_BYTES));
        let has_buffer = given.buffer_files.or(given.buffer_file_bytes).is_some();
        Self {
            access_key: filled(given.access_key_id).zip(given.access_key.filter(|Secret(text)| !text.is_empty())),
            credentials_file: filled(given.credentials_file).map(PathBuf::from),
            ecs_ram_role: filled(given.ecs_ram_role),
            max_requests: given.max_requests.unwrap_or(DEFAULT_REQUESTS).clamp(1, MOST_REQUESTS) as u32,
            request_timeout: Duration::from_secs(given.request_timeout_secs.unwrap_or(DEFAULT_TIMEOUT_SECS).max(1)),
            custom_user_agent: given.custom_user_agent.unwrap_or_default(),
            spool_max_bytes: given.spool_max_bytes.unwrap_or(if has_buffer {
                buffer_bytes
            } else {
                DEFAULT_SPOOL_BYTES
            }),
            spool_max_age: Duration::from_secs(given.spool_max_age_secs.unwrap_or(DEFAULT_SPOOL_AGE_SECS)),
            signs_v4: given.signs_v4.unwrap_or(false),
            endpoints: given.endpoints,
        }
    }
}

fn endpoints(mut server: Fields<'_>) -> Vec<RegionEndpoint> {
    let region: String = server.or("region", String::new());
    let list: Vec<String> = server.or("endpoint_list", Vec::new());
    server.finish();
    let endpoint = |endpoint| RegionEndpoint { region: region.clone(), endpoint };
    list.into_iter().take(1).map(endpoint).collect()
}

/// The keys that a variable of the environment can give.
pub(super) const SHIPPING_KEYS: &[&str] = &[
    "default_access_key_id",
    "default_access_key",
    "credentials_file",
    "ecs_ram_role",
    "send_request_concurrency",
    "default_http_request_timeout_sec",
    "custom_user_agent",
    "spool_max_bytes",
    "spool_max_age_secs",
    "buffer_file_num",
    "buffer_file_size",
    "sls_signature_version",
];

const SIGNATURES: &[(&str, bool)] = &[("v1", false), ("v4", true)];

const DEFAULT_REQUESTS: u64 = 15;
const MOST_REQUESTS: u64 = 80;
const DEFAULT_TIMEOUT_SECS: u64 = 15;
const DEFAULT_SPOOL_BYTES: u64 = 1 << 30;
const DEFAULT_SPOOL_AGE_SECS: u64 = 24 * 60 * 60;
const DEFAULT_BUFFER_FILES: u64 = 50;
const DEFAULT_BUFFER_FILE_BYTES: u64 = 20_971_520;

#[cfg(test)]
mod tests {
    use super::super::AgentConfig;
    use super::*;

    fn shipping(text: &str, env: &[(&str, &str)]) -> Shipping {
        let lookup = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        AgentConfig::parse(text, "agent.json", &lookup).expect("valid").0.shipping
    }

    #[test]
    fn defaults_and_limits() {
        let defaults = shipping("{}", &[]);
        assert_eq!((defaults.max_requests, defaults.spool_max_bytes), (15, 1 << 30));
        assert_eq!((defaults.access_key, defaults.spool_max_age.as_secs()), (None, 86_400));
        assert_eq!(shipping(r#"{"send_request_concurrency": 999}"#, &[]).max_requests, 80);
        assert_eq!(shipping(r#"{"buffer_file_num": 2}"#, &[]).spool_max_bytes, 2 * 20_971_520);
        assert_eq!(shipping(r#"{"buffer_file_num": 2, "spool_max_bytes": 7}"#, &[]).spool_max_bytes, 7);
    }

    #[test]
    fn a_key_needs_both_its_parts_and_is_never_printed() {
        let text = r#"{"default_access_key_id": "id", "default_access_key": "s3cret"}"#;
        let found = shipping(text, &[]);
        assert_eq!(found.access_key, Some(("id".to_owned(), Secret("s3cret".to_owned()))));
        assert!(!format!("{found:?}").contains("s3cret"));
        let env = [("LOONG_DEFAULT_ACCESS_KEY", "other")];
        assert_eq!(shipping(text, &env).access_key, Some(("id".to_owned(), Secret("other".to_owned()))));
        assert_eq!(shipping(r#"{"default_access_key_id": "id"}"#, &[]).access_key, None);
    }

    #[test]
    fn regions_have_endpoints() {
        let text =
            r#"{"data_servers": [{"region": "r", "endpoint_list": ["a", "b"]}, {"region": "s", "endpoint_list": []}]}"#;
        let endpoint = RegionEndpoint { region: "r".to_owned(), endpoint: "a".to_owned() };
        assert_eq!(shipping(text, &[]).endpoints, [endpoint]);
    }
}
