//! Who the agent is to a registry: what `docker login`, `podman login` and `oras login` wrote down.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use data_encoding::BASE64;
use serde::Deserialize;

use crate::config::{Lookup, Reference, Secret};

/// The file in which credentials are. It is read whenever a registry is asked, so that new ones count at once.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// Where they can be; the first file that there is counts.
    pub files: Vec<PathBuf>,
}

/// Credentials for a registry.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: Secret,
    /// The file that they are from.
    pub(super) from: PathBuf,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, Auth>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
struct Auth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

impl Credentials {
    /// Where the tools keep them: in the file that `REGISTRY_AUTH_FILE` names, in `config.json` of the directory
    /// `DOCKER_CONFIG`, or else of `~/.docker`.
    pub fn usual(env: &Lookup<'_>) -> Self {
        let path = |name: &str, below: &str| {
            let value = env(name).filter(|value| !value.is_empty())?;
            Some(if below.is_empty() { PathBuf::from(value) } else { Path::new(&value).join(below) })
        };
        let named = path("REGISTRY_AUTH_FILE", "").or_else(|| path("DOCKER_CONFIG", "config.json"));
        Self { files: named.or_else(|| path("HOME", ".docker/config.json")).into_iter().collect() }
    }

    /// The credentials for the registry of a reference. `None`: it is asked anonymously.
    ///
    /// # Errors
    /// There is a file, and it does not say what it should.
    pub(super) fn of(&self, reference: &Reference) -> Result<Option<Login>, String> {
        for file in &self.files {
            let text = match fs::read_to_string(file) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(format!("cannot read the credentials in {}: {error}", file.display())),
            };
            let found = find(&text, reference).map_err(|what| format!("{}: {what}", file.display()))?;
            return Ok(found.map(|(user, password)| Login { user, password: Secret(password), from: file.clone() }));
        }
        Ok(None)
    }
}

/// The user and the password for a registry in a config of Docker. What is wrong never says what is in it.
fn find(text: &str, reference: &Reference) -> Result<Option<(String, String)>, String> {
    let config: DockerConfig = serde_json::from_str(text)
        .map_err(|error| format!("is no config of Docker (line {}, column {})", error.line(), error.column()))?;
    let names = names(reference);
    let is_ours = |key: &str| {
        let key = key.trim_start_matches("https://").trim_start_matches("http://");
        let key = key.trim_end_matches("/v1/").trim_end_matches("/v2/").trim_end_matches('/');
        names.iter().position(|name| name == key)
    };
    let auth =
        config.auths.iter().filter_map(|(key, auth)| Some((is_ours(key)?, auth))).min_by_key(|(place, _)| *place);
    let said = auth.map(|(_, auth)| auth.login()).transpose()?.flatten();
    if said.is_some() {
        return Ok(said);
    }
    let helper = config.cred_helpers.iter().find_map(|(key, helper)| is_ours(key).map(|_| helper));
    let in_store = config.creds_store.filter(|_| auth.is_some());
    match helper.cloned().or(in_store) {
        Some(helper) => Err(format!(
            "keeps the credentials for {} in the helper {helper}, which loglift does not run: write them into a file with \
                `auths`, and name it by REGISTRY_AUTH_FILE",
            reference.registry
        )),
        None => Ok(None),
    }
}

/// What credentials for a reference may stand under, the most particular first.
fn names(reference: &Reference) -> Vec<String> {
    let whole = format!("{}/{}", reference.registry, reference.repository);
    let parts = whole.match_indices('/').map(|(at, _)| whole[..at].to_owned());
    let mut names: Vec<String> = parts.collect();
    names.push(whole.clone());
    names.reverse();
    if reference.registry == "docker.io" {
        names.push("index.docker.io".to_owned());
    }
    names
}

impl Auth {
    fn login(&self) -> Result<Option<(String, String)>, String> {
        if let (Some(user), Some(password)) = (&self.username, &self.password) {
            return Ok(Some((user.clone(), password.clone())));
        }
        let Some(auth) = self.auth.as_deref().filter(|auth| !auth.is_empty()) else { return Ok(None) };
        let decoded = BASE64.decode(auth.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = decoded.as_deref().and_then(|text| text.split_once(':'));
        let (user, password) = pair.ok_or("has an `auth` that is no base64 of USER:PASSWORD")?;
        Ok(Some((user.to_owned(), password.trim_end_matches('\0').to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(text: &str) -> Reference {
        text.parse().expect("a reference")
    }

    #[test]
    fn the_login_for_a_registry_is_found() {
        fn check(config: &str, registry: &str, expected: Result<Option<(&str, &str)>, &str>) {
            let found = find(config, &reference(registry));
            let found = found.as_ref().map(|login| login.as_ref().map(|(u, p)| (u.as_str(), p.as_str())));
            match (found, expected) {
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{config}: {found}"),
                (found, expected) => assert_eq!(found.ok(), expected.ok(), "{config} {registry}"),
            }
        }
        // echo -n user:pass:word | base64
        const AUTH: &str = r#"{"auth": "dXNlcjpwYXNzOndvcmQ="}"#;
        let login = Ok(Some(("user", "pass:word")));
        check("{}", "oci://host/a", Ok(None));
        check(&format!(r#"{{"auths": {{"host": {AUTH}}}}}"#), "oci://host/a", login);
        check(&format!(r#"{{"auths": {{"host": {AUTH}}}}}"#), "oci://host:5000/a", Ok(None));
        check(&format!(r#"{{"auths": {{"https://host:5000/v1/": {AUTH}}}}}"#), "oci://host:5000/a", login);
        check(&format!(r#"{{"auths": {{"https://index.docker.io/v1/": {AUTH}}}}}"#), "oci://docker.io/me/a", login);
        check(r#"{"auths": {"host": {"username": "user", "password": "pass:word"}}}"#, "oci://host/a", login);
        // The most particular one counts.
        let other = r#"{"username": "other", "password": "one"}"#;
        check(&format!(r#"{{"auths": {{"host": {other}, "host/a": {AUTH}}}}}"#), "oci://host/a/b", login);
        check(
            &format!(r#"{{"auths": {{"host": {other}, "host/a": {AUTH}}}}}"#),
            "oci://host/c",
            Ok(Some(("other", "one"))),
        );
        check(r#"{"auths": {"host": {}}}"#, "oci://host/a", Ok(None));
        check(r#"{"auths": {"host": {}}, "credsStore": "desktop"}"#, "oci://host/a", Err("in the helper desktop"));
        check(r#"{"credHelpers": {"host": "ecr-login"}}"#, "oci://host/a", Err("in the helper ecr-login"));
        check(r#"{"credHelpers": {"host": "ecr-login"}, "credsStore": "desktop"}"#, "oci://other/a", Ok(None));
        check(r#"{"auths": {"host": {"auth": "secret!"}}}"#, "oci://host/a", Err("no base64 of USER:PASSWORD"));
        check(
            r#"{"auths": {"host": {"auth": 17}}}"#,
            "oci://host/a",
            Err("is no config of Docker (line 1, column 30)"),
        );
    }

    #[test]
    fn what_the_environment_names_counts() {
        fn check(env: &[(&str, &str)], expected: &[&str]) {
            let lookup = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned());
            let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(Credentials::usual(&lookup).files, expected, "{env:?}");
        }
        check(&[], &[]);
        check(&[("HOME", "/h")], &["/h/.docker/config.json"]);
        check(&[("HOME", "/h"), ("DOCKER_CONFIG", "/d")], &["/d/config.json"]);
        check(&[("HOME", "/h"), ("DOCKER_CONFIG", "/d"), ("REGISTRY_AUTH_FILE", "/a.json")], &["/a.json"]);
    }

    #[test]
    fn a_password_is_shown_nowhere() {
        let login = Login { user: "user".into(), password: Secret("hidden".into()), from: "/a".into() };
        assert!(!format!("{login:?}").contains("hidden"));
        let text = r#"{"auths": {"host": {"auth": "aGlkZGVu"}}, "hidden": 1"#;
        assert!(find(text, &reference("oci://host/a")).is_err_and(|what| !what.contains("hidden")));
    }
}
