//! What commands that send are given from the agent config and the environment.

use std::sync::Arc;

use cap_std::fs::Dir;

use super::environment;
use crate::config::{AgentConfig, Secret};
use crate::flusher::sls::http::credentials::{CredentialSource, CredentialStore, METADATA_URL, RoleSpec};
use crate::runtime::depot::DepotSpec;
use crate::runtime::machine::Surroundings;

/// What all destinations of the log service share. The first source of keys that has one counts.
pub(super) fn depot(config: &AgentConfig, surroundings: &Surroundings, data_dir: Dir) -> anyhow::Result<DepotSpec> {
    let shipping = config.shipping.clone();
    let of_config = shipping.access_key.as_ref().and_then(|(id, Secret(key))| CredentialSource::from_config(id, key));
    let role = shipping
        .ecs_ram_role
        .clone()
        .map(|role| CredentialSource::from_role(RoleSpec { metadata_url: METADATA_URL.to_owned(), role: Some(role) }));
    let sources = [
        of_config,
        CredentialSource::from_environment(environment),
        shipping.credentials_file.clone().map(CredentialSource::from_file),
        role.transpose()?,
    ];
    let credentials = Arc::new(CredentialStore::new(sources.into_iter().flatten().collect()));
    let user_agent = surroundings.user_agent(&shipping.custom_user_agent);
    Ok(DepotSpec { shipping, user_agent, credentials, data_dir })
}
