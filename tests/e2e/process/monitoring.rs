//! Alerts and dashboard are about what a server tells, and every alert says what to do.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::{Duration, Instant},
};

use echelon_api::v1;
use echelon_testkit::{TestDatabase, on_both};
use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;
use tonic::transport::Endpoint;

use super::daemon::{Daemon, metrics};
use crate::support::{Org, rules, soon};

on_both!(what_alerts_and_dashboard_name_is_told_by_a_server);

/// How long a server may take until it tells what was done.
const PATIENCE: Duration = Duration::from_secs(20);
const ALERTS: &str = "helm/echelon/files/alerts.yaml";
const ALERT_TESTS: &str = "tests/monitoring/alerts.yaml";
const DASHBOARD: &str = "helm/echelon/files/dashboard.json";
const OPERATIONS: &str = "docs/operations.md";
/// Labels that Prometheus gives to whatever it scrapes, and to histograms.
const PROMETHEUS: [&str; 3] = ["job", "instance", "le"];
/// Codes of calls: those of alerts occur in their tests, and only failures make a server tell them.
const CODE: &str = "code";

async fn what_alerts_and_dashboard_name_is_told_by_a_server(database: TestDatabase) {
    let folder = TempDir::new().unwrap();
    let mut daemon = Daemon::start(folder.path(), database.url(), &[]);
    let told = Told::of(&busy(&mut daemon).await);
    daemon.stop().await;

    let alerts = rules_of(ALERTS);
    assert!(alerts.len() > 15, "{}", alerts.len());
    for alert in &alerts {
        let expression = text(&alert["expr"]);
        told.assert_knows(&expression, &alert["alert"]);
        for (label, _) in named(&text(&alert["annotations"]["description"]), LABEL_IN_TEXT) {
            told.assert_has(&expression, &label, &alert["alert"]);
        }
    }

    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let variables: Vec<Value> = list(&dashboard["templating"]["list"]);
    let names: BTreeSet<String> = variables
        .iter()
        .map(|variable| text(&variable["name"]))
        .collect();
    let mut expressions = Vec::new();
    for variable in &variables {
        if let Some(query) = variable["query"]["query"].as_str() {
            let [(metric, label)]: [_; 1] = named(query, LABEL_VALUES).try_into().unwrap();
            told.assert_has(&metric, &label, &variable["name"]);
        }
    }
    for panel in list(&dashboard["panels"]) {
        assert!(!text(&panel["title"]).is_empty(), "{panel}");
        for target in list(&panel["targets"]) {
            let expression = text(&target["expr"]);
            told.assert_knows(&expression, &panel["title"]);
            for (label, _) in named(&text(&target["legendFormat"]), LABEL_IN_LEGEND) {
                told.assert_has(&expression, &label, &panel["title"]);
            }
            for (variable, _) in named(&expression, VARIABLE) {
                let is_known = names.contains(&variable) || variable == "__rate_interval";
                assert!(is_known, "{variable} in {expression}");
            }
            expressions.push(expression);
        }
    }
    let shown: BTreeSet<String> = expressions
        .iter()
        .flat_map(|expression| named(expression, METRIC))
        .map(|(metric, _)| family(&metric).to_owned())
        .collect();
    for family in &told.families {
        assert!(shown.contains(family), "{DASHBOARD} does not show {family}");
    }
}

#[test]
fn every_alert_says_what_to_do_and_is_tested() {
    let operations = read(OPERATIONS);
    let tests = yaml(ALERT_TESTS);
    let checks: Vec<Value> = list(&tests["tests"])
        .iter()
        .flat_map(|test| list(&test["alert_rule_test"]))
        .collect();
    for alert in rules_of(ALERTS) {
        let name = text(&alert["alert"]);
        let severity = text(&alert["labels"]["severity"]);
        assert!(
            ["critical", "warning"].contains(&severity.as_str()),
            "{name}"
        );
        let annotations = &alert["annotations"];
        for annotation in ["summary", "description"] {
            assert!(text(&annotations[annotation]).len() > 10, "{name}");
        }
        let runbook = text(&annotations["runbook"]);
        let (document, anchor) = runbook.split_once('#').expect("a runbook has an anchor");
        assert_eq!(document, OPERATIONS, "{name}");
        let section = section(&operations, anchor);
        let section = section.unwrap_or_else(|| panic!("{name}: no heading is #{anchor}"));
        assert!(
            section.contains(&format!("`{name}`")),
            "{name} at #{anchor}"
        );
        for fires in [true, false] {
            let is_tested = checks.iter().any(|check| {
                text(&check["alertname"]) == name && fires != list(&check["exp_alerts"]).is_empty()
            });
            assert!(
                is_tested,
                "{ALERT_TESTS} lacks a test in which {name} fires: {fires}"
            );
        }
    }
}

/// Has a server do a little of everything, and gives what it tells then.
async fn busy(daemon: &mut Daemon) -> String {
    let channel = Endpoint::from_shared(format!("http://{}", daemon.grpc_address().await))
        .unwrap()
        .connect_lazy();
    let http = daemon.http_address().await;
    let org = Org::over(channel, "acme");
    org.apply_sample().await;
    let mut watch = org.watch(String::new()).await;
    let after = rules::after(Duration::from_millis(1), v1::ClockBase::Raised);
    org.ok(rules::create(
        &org,
        "quick",
        "team-2",
        vec![rules::rule("quick", "", after)],
    ))
    .await;
    org.raise_as("team-1", v1::Severity::Critical).await;
    org.raise("team-2", "a timer moves it").await;
    org.raise("team-3", "a meeting moves it").await;
    org.meet("team-3").await;
    org.rollup("acme").await;
    let wanted = [
        "echelon_escalations_total{cause=\"meeting\"} 1\n",
        "echelon_escalations_total{cause=\"request\"} 1\n",
        "echelon_timer_lateness_seconds_count 4\n",
        "echelon_exhausted_blockers{organization=\"acme\"} 1\n",
        "echelon_database_up 1\n",
    ];
    while soon(watch.message())
        .await
        .unwrap()
        .is_none_or(|message| message.events.is_empty())
    {}
    let started = Instant::now();
    loop {
        let told = metrics(&http).await;
        let lacks: Vec<_> = wanted.iter().filter(|line| !told.contains(*line)).collect();
        if lacks.is_empty() {
            return told;
        }
        assert!(started.elapsed() < PATIENCE, "{lacks:?} in {told}");
    }
}

/// A metric, and its matchers.
const METRIC: &str = r"\b(echelon_[a-z_]+)(?:\{([^}]*)\})?";
/// A label, and what it must be.
const MATCHER: &str = r#"([a-z_]+)\s*(?:=~?|![=~])\s*"([^"]*)""#;
/// Labels that are kept or matched on.
const GROUPING: &str = r"\b(?:by|on|group_left)\s*\(([^)]*)\)()";
const LABEL_IN_TEXT: &str = r"\$labels\.([a-z_]+)()";
const LABEL_IN_LEGEND: &str = r"\{\{([a-z_]+)\}\}()";
const LABEL_VALUES: &str = r"label_values\((\w+), (\w+)\)";
const VARIABLE: &str = r"\$(\w+)()";

/// The two groups of each match of a pattern.
fn named(text: &str, pattern: &str) -> Vec<(String, String)> {
    let pattern = Regex::new(pattern).unwrap();
    let group = |found: &regex::Captures<'_>, index| {
        found
            .get(index)
            .map_or_else(String::new, |group: regex::Match<'_>| {
                group.as_str().to_owned()
            })
    };
    pattern
        .captures_iter(text)
        .map(|found| (group(&found, 1), group(&found, 2)))
        .collect()
}

/// What a server tells.
struct Told {
    /// By the name of a sample, the values that its labels have.
    samples: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
    families: BTreeSet<String>,
}

impl Told {
    fn of(told: &str) -> Self {
        let mut samples: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for line in told.lines().filter(|line| line.starts_with("echelon_")) {
            for (metric, matchers) in named(line, METRIC) {
                let labels = samples.entry(metric).or_default();
                for (label, value) in named(&matchers, MATCHER) {
                    labels.entry(label).or_default().insert(value);
                }
            }
        }
        let families = named(told, r"# TYPE (\w+) (\w+)");
        Self {
            samples,
            families: families.into_iter().map(|(family, _)| family).collect(),
        }
    }

    /// Asserts that metrics, labels and their values are among what is told.
    fn assert_knows(&self, expression: &str, of: &Value) {
        let metrics = named(expression, METRIC);
        assert!(!metrics.is_empty(), "{of} is about nothing: {expression}");
        for (metric, matchers) in metrics {
            self.assert_told(&metric, of);
            for (label, value) in named(&matchers, MATCHER) {
                self.assert_has(&metric, &label, of);
                // Patterns and variables stand for anything.
                let is_exact = !value.contains(['.', '$']) && label != CODE;
                for value in value.split('|').filter(|_| is_exact) {
                    let known = self.samples[&metric].get(&label);
                    let known = known.is_some_and(|values| values.contains(value));
                    assert!(known, "{of}: no {metric} has {label} {value}");
                }
            }
        }
        for (labels, _) in named(expression, GROUPING) {
            for label in labels
                .split(',')
                .map(str::trim)
                .filter(|label| !label.is_empty())
            {
                self.assert_has(expression, label, of);
            }
        }
    }

    /// Asserts that one of the metrics of an expression has a label.
    fn assert_has(&self, expression: &str, label: &str, of: &Value) {
        let has = PROMETHEUS.contains(&label)
            || named(expression, METRIC).iter().any(|(metric, _)| {
                self.assert_told(metric, of);
                self.samples[metric].contains_key(label)
            });
        assert!(has, "{of}: nothing has the label {label} in {expression}");
    }

    fn assert_told(&self, metric: &str, of: &Value) {
        assert!(
            self.samples.contains_key(metric),
            "{of}: nobody tells {metric}"
        );
    }
}

/// The metric that a sample belongs to.
fn family(sample: &str) -> &str {
    ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|end| sample.strip_suffix(end))
        .unwrap_or(sample)
}

/// The text below a heading, by its anchor, up to the next one.
fn section<'a>(document: &'a str, anchor: &str) -> Option<&'a str> {
    document.split("\n#").find(|section| {
        let heading = section.lines().next().unwrap_or_default();
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        heading.replace(' ', "-") == anchor
    })
}

fn rules_of(path: &str) -> Vec<Value> {
    let groups = list(&yaml(path)["groups"]);
    groups
        .iter()
        .flat_map(|group| list(&group["rules"]))
        .collect()
}

fn yaml(path: &str) -> Value {
    serde_yaml_ng::from_str(&read(path)).unwrap()
}

/// A file of the repository.
fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
