//! `docker-compose.yml`: what it sets is what the program knows, each service has what its role may use and reaches no more.

use crate::harness::node::Script;
use millrace::cli::Role;
use millrace::roles::not_of;
use millrace::seed::{DEMO_EMAIL, DEMO_PASSWORD, STAFF_EMAIL, STAFF_PASSWORD};
use millrace::settings::Settings;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docker-compose.yml");
const PREFIX: &str = "MILLRACE_";
/// A setting of Compose that it does not know under this name, and one of a wrong kind.
const MISTAKES: &[(&str, &str)] =
    &[("start_period: 10s", "start_perod: 10s"), ("stop_signal: SIGINT", "stop_signal: [SIGINT]")];
const CONDITIONS: &[&str] = &["service_completed_successfully", "service_healthy", "service_started"];
/// Which service each address leads to, and the network that both must be in.
const SERVERS: &[(&str, &str)] = &[
    ("postgres.url", "postgres"),
    ("nats.url", "nats"),
    ("mongodb.url", "mongodb"),
    ("redis.url", "redis"),
    ("command.url", "command"),
];

/// How deep merged maps lie in merged maps.
const MERGES_DEEP: usize = 3;

/// The file with its aliases and merged maps taken apart.
fn compose() -> Value {
    let text = std::fs::read_to_string(FILE).expect("the file");
    let mut file: serde_norway::Value = serde_norway::from_str(&text).expect("YAML");
    // A merged map may hold another one.
    for _ in 0..MERGES_DEEP {
        file.apply_merge().expect("merged maps");
    }
    serde_json::to_value(file).expect("text keys")
}

fn words(map: &Value) -> BTreeSet<String> {
    map.as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default()
}

fn list(value: &Value) -> BTreeSet<String> {
    let texts = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// Settings of a service, by key.
fn settings(service: &Value) -> BTreeMap<String, String> {
    let variables = service["environment"].as_object().into_iter().flatten();
    let ours = variables.filter_map(|(name, value)| {
        let key = name.strip_prefix(PREFIX)?.to_lowercase().replace("__", ".");
        Some((key, value.as_str().expect("text in quotes").to_owned()))
    });
    ours.filter(|(key, _)| key != "role").collect()
}

fn role_of(name: &str) -> Option<Role> {
    Some(match name {
        "command" | "seed" | "migrate" => Role::Command,
        "relay" => Role::Relay,
        "projector" => Role::Projector,
        "query" => Role::Query,
        _ => return None,
    })
}

#[tokio::test]
async fn it_is_a_compose_file_by_the_schema_of_the_specification() {
    let Some(script) = Script::find("compose.mjs") else { return };
    let (said, is_valid) = script.run(&[FILE]).await;
    assert!(is_valid, "{said}");
    let text = std::fs::read_to_string(FILE).expect("the file");
    let folder = tempfile::tempdir().expect("a folder");
    for (right, wrong) in MISTAKES {
        let broken = folder.path().join("docker-compose.yml");
        std::fs::write(&broken, text.replace(right, wrong)).expect("a copy");
        let (said, is_valid) = script.run(&[broken.to_str().expect("a path")]).await;
        assert!(!is_valid && said.contains("/services/"), "{wrong}: {said}");
    }
}

#[test]
fn every_name_leads_to_something() {
    let file = compose();
    for (name, service) in file["services"].as_object().expect("services") {
        assert!(service["image"].is_string(), "{name} has no image");
        let networks = list(&service["networks"]);
        assert!(networks.is_subset(&words(&file["networks"])), "{name}: {networks:?}");
        assert!(
            networks.is_empty() == (service["network_mode"] == "none"),
            "{name}: some networks, or none on purpose"
        );
        for (other, wanted) in service["depends_on"].as_object().into_iter().flatten() {
            assert!(file["services"][other].is_object(), "{name} waits for {other}");
            let condition = wanted["condition"].as_str().expect("a condition");
            assert!(CONDITIONS.contains(&condition), "{name}: {condition}");
            let is_served = condition == "service_healthy";
            assert!(!is_served || file["services"][other]["healthcheck"].is_object(), "{other} is never healthy");
        }
        for volume in list(&service["volumes"]) {
            let named = volume.split(':').next().expect("a name").to_owned();
            assert!(words(&file["volumes"]).contains(&named), "{name}: {volume}");
        }
        for config in service["configs"].as_array().into_iter().flatten() {
            let source = config["source"].as_str().expect("a source");
            assert!(file["configs"][source]["content"].is_string(), "{name}: {source}");
        }
    }
}

#[test]
fn each_service_has_the_settings_of_its_role_alone() {
    let file = compose();
    for (name, service) in file["services"].as_object().expect("services") {
        let given = settings(service);
        let Some(role) = role_of(name) else {
            assert!(given.is_empty(), "{name} is no millrace: {given:?}");
            continue;
        };
        let overrides: Vec<_> = given.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let loaded = Settings::load(None, &overrides).unwrap_or_else(|error| panic!("{name}: {error}"));
        let others: Vec<&str> =
            not_of(role, &loaded.given).into_iter().filter(|key| given.contains_key(*key)).collect();
        // The demo signs up through real commands, and looks at whom they name.
        let allowed: &[&str] = if name == "seed" { &["auth.verify_key_file"] } else { &[] };
        assert_eq!(others, allowed, "{name} should not have these");
    }
}

#[test]
fn each_role_reaches_its_servers_and_no_others() {
    let file = compose();
    let networks = |name: &str| list(&file["services"][name]["networks"]);
    for (name, service) in file["services"].as_object().expect("services") {
        let given = settings(service);
        for (key, server) in SERVERS {
            let shares = !networks(name).is_disjoint(&networks(server));
            if let Some(url) = given.get(*key) {
                let host = url.rsplit_once('@').or_else(|| url.split_once("://")).expect("an address").1;
                assert!(host.starts_with(&format!("{server}:")) && shares, "{name}: {key} is {url}");
            }
        }
        let reads_only = ["query", "projector"].contains(&name.as_str());
        assert!(!reads_only || networks(name).is_disjoint(&networks("postgres")), "{name} reaches PostgreSQL");
    }
}

#[test]
fn relays_and_projectors_are_users_of_nats_by_the_passwords_that_it_knows() {
    let file = compose();
    let content = file["configs"]["nats"]["content"].as_str().expect("its settings").replace("$$", "$");
    let user_of = |service: &str| {
        let url = settings(&file["services"][service])["nats.url"].clone();
        let user = url.strip_prefix("nats://").and_then(|rest| rest.rsplit_once('@')).expect("a user").0.to_owned();
        let (name, password) = user.split_once(':').expect("a password");
        (name.to_owned(), password.to_owned())
    };
    for service in ["relay", "projector"] {
        let (name, password) = user_of(service);
        assert_eq!(name, service);
        assert!(content.contains(&format!("user: {name}, password: \"{password}\"")), "{name}: {content}");
    }
    assert_eq!(content.matches("user: ").count(), 2, "two users, and nobody is anonymous");
    let projector = content.split("user: projector").nth(1).expect("the projector's part");
    assert!(!projector.contains(".log.") && !projector.contains("STREAM.DELETE") && !projector.contains("$KV."));
}

#[test]
fn it_tells_where_everything_is_and_with_which_account() {
    let file = compose();
    let said = file["configs"]["welcome"]["content"].as_str().expect("a welcome");
    let port = |service: &str| {
        let port = list(&file["services"][service]["ports"]).into_iter().next().expect("a port");
        port.split(':').nth(1).expect("a port of the host").to_owned()
    };
    let (public, operations) = (port("query"), port("command"));
    for words in [
        format!("GraphiQL    http://localhost:{public}/"),
        format!("GraphQL     http://localhost:{public}/graphql"),
        format!("Operations  http://localhost:{operations}/readyz"),
        format!("Mails       http://localhost:{operations}/dev/mails"),
        format!("Customer    {DEMO_EMAIL} with password {DEMO_PASSWORD}"),
        format!("Staff       {STAFF_EMAIL} with password {STAFF_PASSWORD}"),
    ] {
        assert!(said.contains(&words), "{words} is not in {said}");
    }
    assert!(list(&file["services"]["welcome"]["entrypoint"]).contains("/etc/millrace/welcome"));
}
