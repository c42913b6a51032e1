use std::fs;

use loglift_sdk::testing::{Guest, TestEvent, event};

use super::*;

const NETWORKS: &str = "network,country,city\n\
    203.0.113.0/24,DE,Berlin\n\
    203.0.113.128/25,FR,\n\
    198.51.100.7,US,\"New York, NY\"\n\
    2001:db8::/32,JP,Osaka\n";

/// The processor with a table; parameters besides `File`, as JSON.
fn guest(table: &str, parameters: &str) -> Result<Guest<Lookup>, Vec<Issue>> {
    let directory = tempfile::tempdir().expect("there is room");
    let file = directory.path().join("table.csv");
    fs::write(&file, table).expect("it can be written");
    Guest::configure(&format!(r#"{{"File": {file:?}, {parameters}}}"#))
}

fn looked_up(value: &str) -> TestEvent {
    let mut guest = guest(NETWORKS, r#""SourceKey": "ip", "Prefix": "geo_""#).expect("the table is right");
    guest.process(&[event(&[("ip", value)])]).events.remove(0)
}

#[test]
fn the_smallest_network_counts() {
    assert_eq!(
        looked_up("203.0.113.5"),
        event(&[("ip", "203.0.113.5"), ("geo_country", "DE"), ("geo_city", "Berlin")])
    );
    // What the row leaves empty is not added.
    assert_eq!(looked_up("203.0.113.200"), event(&[("ip", "203.0.113.200"), ("geo_country", "FR")]));
    assert_eq!(looked_up("198.51.100.7").value("geo_city").as_deref(), Some("New York, NY"));
    assert_eq!(looked_up("2001:db8:1::9").value("geo_country").as_deref(), Some("JP"));
    assert_eq!(looked_up("::ffff:203.0.113.5").value("geo_country").as_deref(), Some("DE"));
}

#[test]
fn what_is_not_there_is_counted_and_nothing_more() {
    let mut guest = guest(NETWORKS, r#""SourceKey": "ip""#).expect("the table is right");
    let events = [event(&[("ip", "192.0.2.1")]), event(&[("ip", "localhost")]), event(&[("x", "1")])];
    let output = guest.process(&events);
    assert_eq!(output.events, events);
    assert_eq!(output.counts, [("not_found_total".to_owned(), 2)]);
    assert_eq!(output.outcomes, [0, 0, 2]);
}

#[test]
fn texts_are_found_as_they_are() {
    let mut guest = guest("host,team\nweb-1,shop\n", r#""SourceKey": "host", "Match": "text""#).expect("it is right");
    let output = guest.process(&[event(&[("host", "web-1")]), event(&[("host", "WEB-1")])]);
    assert_eq!(output.events, [event(&[("host", "web-1"), ("team", "shop")]), event(&[("host", "WEB-1")])]);
}

#[test]
fn a_table_that_is_wrong_is_refused_with_its_line() {
    let wrong = |table: &str| {
        let issues = guest(table, r#""SourceKey": "ip""#).expect_err("it is wrong");
        assert_eq!(issues[0].path, "File");
        let (_, message) = issues[0].message.split_once("table.csv: ").expect("the message names the file");
        message.to_owned()
    };
    assert_eq!(wrong("network,city\n10.0.0.0/33,x\n"), "line 2: \"10.0.0.0/33\" is no address and no network");
    assert_eq!(wrong("network,city\n10.0.0.0/8,x\n10.9.0.0/8,y\n"), "line 3: \"10.9.0.0/8\" is there twice");
    assert_eq!(wrong("network,a,a\n"), "two columns are named \"a\"");
    assert!(wrong("network\n").starts_with("expected a header of two columns"));
    assert!(wrong("network,city\n10.0.0.0/8\n").contains("line: 2"));
    let missing = Guest::<Lookup>::configure(r#"{"File": "/nowhere/table.csv", "SourceKey": "ip"}"#);
    assert!(missing.expect_err("there is none")[0].message.starts_with("cannot read /nowhere/table.csv: "));
}
