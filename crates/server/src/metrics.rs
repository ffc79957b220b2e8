//! What Prometheus is told. `docs/operations.md` lists every name.

mod process;
mod rpc;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
    core::{AtomicF64, Collector, GenericCounter, GenericGauge},
};

use process::Process;
pub(crate) use rpc::Rpc;

/// Why registering cannot fail.
const VALID: &str = "names and labels are constants, valid and distinct: a test registers them";

/// Every metric of a server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    rpc: Rpc,
    process: Process,
    limits: IntGaugeVec,
    database_up: IntGauge,
    batch_commands: Histogram,
    commit_seconds: Histogram,
    failed_batches: IntCounter,
    queue_length: IntGaugeVec,
    open_by_level: IntGaugeVec,
    /// The levels told so far, by organization.
    levels: Mutex<HashMap<String, BTreeSet<String>>>,
    open_by_severity: IntGaugeVec,
    exhausted: IntGaugeVec,
    escalations: IntCounterVec,
    timer_lateness_seconds: Histogram,
    overdue_timers: IntGauge,
    stuck: IntGauge,
    audits: IntCounterVec,
    drift_repaired_nodes: IntCounter,
    feed_lag_seconds: Histogram,
    watchers: IntGaugeVec,
    sql_statements: IntCounter,
    connections: IntGauge,
    refused_connections: IntCounter,
}

impl Metrics {
    /// Metrics of a server that starts now.
    #[must_use]
    pub fn new() -> Self {
        let registry = Registry::new();
        let register = Register(&registry);
        register
            .gauges(
                "echelon_build_info",
                "Always 1; the label tells the version.",
                &["version"],
            )
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        Self {
            rpc: Rpc::new(&register),
            process: Process::new(&register),
            limits: register.gauges(
                "echelon_limit",
                "What a setting limits, for a comparison with what is used of it.",
                &["setting"],
            ),
            database_up: register.gauge(
                "echelon_database_up",
                "1 if the database answered the newest question, else 0.",
            ),
            batch_commands: register.histogram(
                "echelon_batch_commands",
                "Commands committed in one transaction.",
                &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0],
            ),
            commit_seconds: register.histogram(
                "echelon_commit_seconds",
                "Time to flush and commit a batch.",
                &[
                    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
                ],
            ),
            failed_batches: register.counter(
                "echelon_failed_batches_total",
                "Batches of commands that the database did not commit: their calls failed.",
            ),
            queue_length: register.gauges(
                "echelon_queue_length",
                "Commands that waited for an organization's writer when the newest came.",
                &["organization"],
            ),
            open_by_level: register.gauges(
                "echelon_open_blockers",
                "Open blockers by the level that holds them.",
                &["organization", "level"],
            ),
            levels: Mutex::default(),
            open_by_severity: register.gauges(
                "echelon_open_blockers_by_severity",
                "Open blockers by severity.",
                &["organization", "severity"],
            ),
            exhausted: register.gauges(
                "echelon_exhausted_blockers",
                "Open blockers that no rule can move any more and that nobody has acted on.",
                &["organization"],
            ),
            escalations: register.counters_of(
                "echelon_escalations_total",
                "Escalations by cause: meeting, timer or request.",
                "cause",
                &["meeting", "timer", "request"],
            ),
            timer_lateness_seconds: register.histogram(
                "echelon_timer_lateness_seconds",
                "How long after its due time a timer moved a blocker.",
                &[0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 30.0, 300.0, 3600.0, 86_400.0],
            ),
            overdue_timers: register.gauge(
                "echelon_overdue_timers",
                "Timers overdue beyond late_tolerance though this server lives: must be 0.",
            ),
            stuck: register.gauge(
                "echelon_stuck",
                "Blockers whose timers fail, and organizations that cannot be loaded: must be 0, see the log.",
            ),
            audits: register.counters_of(
                "echelon_audits_total",
                "Audits of an organization's counters by result: sound, drifted or failed.",
                "result",
                &["sound", "drifted", "failed"],
            ),
            drift_repaired_nodes: register.counter(
                "echelon_drift_repaired_nodes_total",
                "Nodes whose counters differed from a recount and were put right: must be 0.",
            ),
            feed_lag_seconds: register.histogram(
                "echelon_feed_lag_seconds",
                "Time from an event's commit until a watcher was sent it.",
                &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0],
            ),
            watchers: register.gauges(
                "echelon_watchers",
                "Open watches, by what they watch.",
                &["kind"],
            ),
            sql_statements: register.counter(
                "echelon_sql_statements_total",
                "SQL statements sent to the database.",
            ),
            connections: register.gauge(
                "echelon_client_connections",
                "Open connections of clients.",
            ),
            refused_connections: register.counter(
                "echelon_refused_connections_total",
                "Connections of clients that were closed because there were max_client_connections already.",
            ),
            registry,
        }
    }

    /// The metrics of calls.
    pub(crate) const fn rpc(&self) -> &Rpc {
        &self.rpc
    }

    /// Tells what a setting limits.
    pub fn set_limit(&self, setting: &str, limit: usize) {
        self.limits.with_label_values(&[setting]).set(gauge(limit));
    }

    /// Tells whether the database answers.
    pub fn set_database_up(&self, up: bool) {
        self.database_up.set(i64::from(up));
    }

    /// Counts an open connection of a client until the answer is dropped.
    #[must_use]
    pub(crate) fn connected(&self) -> Counted {
        Counted::in_gauge(self.connections.clone())
    }

    /// Counts a connection that there was no room for.
    pub(crate) fn count_refused_connection(&self) {
        self.refused_connections.inc();
    }

    /// Counts a batch of this many commands.
    pub fn observe_batch(&self, commands: usize) {
        if commands > 0 {
            #[expect(clippy::cast_precision_loss, reason = "a batch has at most thousands")]
            self.batch_commands.observe(commands as f64);
        }
    }

    /// Counts a commit that took this long.
    pub fn observe_commit(&self, took: Duration) {
        self.commit_seconds.observe(took.as_secs_f64());
    }

    /// Counts a batch that could not be committed.
    pub fn count_failed_batch(&self) {
        self.failed_batches.inc();
    }

    /// Tells how many commands wait for an organization's writer.
    pub fn set_queue_length(&self, organization: &str, waiting: usize) {
        self.queue_length
            .with_label_values(&[organization])
            .set(gauge(waiting));
    }

    /// Counts an escalation: by `meeting`, `timer` or `request`.
    pub fn count_escalation(&self, cause: &str) {
        self.escalations.with_label_values(&[cause]).inc();
    }

    /// Counts a move by a timer that was due this long before (E4).
    pub fn observe_timer_lateness(&self, late: Duration) {
        self.timer_lateness_seconds.observe(late.as_secs_f64());
    }

    /// Tells how many blockers of a severity are open.
    pub fn set_open_by_severity(&self, organization: &str, severity: &str, open: i64) {
        self.open_by_severity
            .with_label_values(&[organization, severity])
            .set(open);
    }

    /// Tells how many open blockers are exhausted.
    pub fn set_exhausted(&self, organization: &str, exhausted: i64) {
        self.exhausted
            .with_label_values(&[organization])
            .set(exhausted);
    }

    /// Tells how many open blockers a level holds.
    fn set_open_by_level(&self, organization: &str, level: &str, open: i64) {
        self.open_by_level
            .with_label_values(&[organization, level])
            .set(open);
    }

    /// Tells how many open blockers each level holds; a level told before and missing now holds none.
    pub fn set_open_by_levels<'a>(
        &self,
        organization: &str,
        open: impl IntoIterator<Item = (&'a str, i64)>,
    ) {
        let mut told = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told.entry(organization.to_owned()).or_default();
        let mut missing = told.clone();
        for (level, open) in open {
            self.set_open_by_level(organization, level, open);
            missing.remove(level);
            told.insert(level.to_owned());
        }
        for level in missing {
            self.set_open_by_level(organization, &level, 0);
        }
    }

    /// Tells how many timers are overdue beyond tolerance: the liveness audit.
    pub fn set_overdue_timers(&self, overdue: usize) {
        self.overdue_timers.set(gauge(overdue));
    }

    /// Tells how much the workers cannot do for a fault of its own.
    pub fn set_stuck(&self, stuck: usize) {
        self.stuck.set(gauge(stuck));
    }

    /// Counts an audit of an organization: `sound`, `drifted` or `failed`.
    pub fn count_audit(&self, result: &str) {
        self.audits.with_label_values(&[result]).inc();
    }

    /// Counts nodes whose counters were put right.
    pub fn count_repaired(&self, nodes: usize) {
        self.drift_repaired_nodes
            .inc_by(u64::try_from(nodes).unwrap_or(u64::MAX));
    }

    /// Counts an event that reached a watcher this long after its commit.
    pub fn observe_feed_lag(&self, lag: Duration) {
        self.feed_lag_seconds.observe(lag.as_secs_f64());
    }

    /// Counts a watch until the answer is dropped. `kind` is what is watched: `events` or `rollup`.
    #[must_use]
    pub fn watching(&self, kind: &'static str) -> Counted {
        Counted::in_gauge(self.watchers.with_label_values(&[kind]))
    }

    /// Everything in Prometheus's text format, with the statements that the store has counted.
    /// Errors: for the log; a metric without a name, for instance.
    pub fn render(&self, statements: u64) -> Result<String, prometheus::Error> {
        self.process.read();
        self.sql_statements
            .inc_by(statements.saturating_sub(self.sql_statements.get()));
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Something open that is counted while this lives.
#[derive(Debug)]
pub struct Counted(IntGauge);

impl Counted {
    fn in_gauge(gauge: IntGauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Makes and registers metrics.
struct Register<'a>(&'a Registry);

impl Register<'_> {
    fn add<C: Collector + Clone + 'static>(&self, collector: Result<C, prometheus::Error>) -> C {
        let collector = collector.expect(VALID);
        self.0.register(Box::new(collector.clone())).expect(VALID);
        collector
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.add(IntCounter::new(name, help))
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.add(IntCounterVec::new(Opts::new(name, help), labels))
    }

    /// Counters that are there from the start, at 0: a rate sees the first thing counted.
    fn counters_of(&self, name: &str, help: &str, label: &str, values: &[&str]) -> IntCounterVec {
        let counters = self.counters(name, help, &[label]);
        for value in values {
            counters.with_label_values(&[*value]);
        }
        counters
    }

    fn float_counter(&self, name: &str, help: &str) -> GenericCounter<AtomicF64> {
        self.add(GenericCounter::new(name, help))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.add(IntGauge::new(name, help))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.add(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    fn float_gauge(&self, name: &str, help: &str) -> GenericGauge<AtomicF64> {
        self.add(GenericGauge::new(name, help))
    }

    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        self.add(Histogram::with_opts(
            HistogramOpts::new(name, help).buckets(buckets.to_vec()),
        ))
    }

    fn histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> prometheus::HistogramVec {
        self.add(prometheus::HistogramVec::new(
            HistogramOpts::new(name, help).buckets(buckets.to_vec()),
            labels,
        ))
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_rendered_under_its_documented_name() {
        let metrics = Metrics::new();
        metrics.observe_batch(3);
        metrics.observe_batch(0);
        metrics.observe_commit(Duration::from_millis(2));
        metrics.set_queue_length("acme", 4);
        metrics.count_escalation("timer");
        metrics.observe_timer_lateness(Duration::from_millis(300));
        metrics.set_open_by_levels("acme", [("TEAM", 5), ("SOS", 1)]);
        metrics.set_open_by_levels("acme", [("TEAM", 5)]);
        metrics.set_open_by_severity("acme", "HIGH", 6);
        metrics.set_overdue_timers(0);
        metrics.set_stuck(1);
        metrics.count_audit("drifted");
        metrics.count_repaired(2);
        metrics.observe_feed_lag(Duration::from_millis(7));
        metrics.set_exhausted("acme", 2);
        metrics.set_limit("max_watches", 10);
        metrics.set_database_up(true);
        metrics.count_failed_batch();
        let connected = metrics.connected();
        let watching = metrics.watching("events");
        let took = Some(Duration::from_millis(1));
        metrics.rpc().started("echelon.v1.NodeService", "GetNode");
        metrics
            .rpc()
            .ended("echelon.v1.NodeService", "GetNode", "OK", took);
        metrics.rpc().count_panic();
        metrics.count_refused_connection();
        let text = metrics.render(8).unwrap();
        for line in [
            "echelon_batch_commands_count 1",
            "echelon_commit_seconds_count 1",
            "echelon_queue_length{organization=\"acme\"} 4",
            "echelon_escalations_total{cause=\"timer\"} 1",
            "echelon_timer_lateness_seconds_count 1",
            "echelon_open_blockers{level=\"SOS\",organization=\"acme\"} 0",
            "echelon_open_blockers{level=\"TEAM\",organization=\"acme\"} 5",
            "echelon_open_blockers_by_severity{organization=\"acme\",severity=\"HIGH\"} 6",
            "echelon_exhausted_blockers{organization=\"acme\"} 2",
            "echelon_limit{setting=\"max_watches\"} 10",
            "echelon_database_up 1",
            "echelon_failed_batches_total 1",
            "echelon_client_connections 1",
            "echelon_escalations_total{cause=\"meeting\"} 0",
            "echelon_audits_total{result=\"failed\"} 0",
            "echelon_overdue_timers 0",
            "echelon_stuck 1",
            "echelon_audits_total{result=\"drifted\"} 1",
            "echelon_drift_repaired_nodes_total 2",
            "echelon_feed_lag_seconds_count 1",
            "echelon_watchers{kind=\"events\"} 1",
            "echelon_rpc_requests_total{code=\"OK\",method=\"GetNode\",service=\"echelon.v1.NodeService\"} 1",
            "echelon_rpc_in_flight{method=\"GetNode\",service=\"echelon.v1.NodeService\"} 0",
            "echelon_rpc_panics_total 1",
            "echelon_sql_statements_total 8",
            "echelon_refused_connections_total 1",
        ] {
            assert!(text.contains(&format!("\n{line}\n")), "{line} in\n{text}");
        }
        assert!(text.contains("echelon_build_info{version="));
        drop((watching, connected));
        let again = metrics.render(9).unwrap();
        assert!(again.contains("echelon_watchers{kind=\"events\"} 0"));
        assert!(again.contains("echelon_client_connections 0"));
        assert!(again.contains("echelon_sql_statements_total 9"));
        let told: BTreeSet<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE echelon_"))
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        let documented: BTreeSet<&str> = include_str!("../../../docs/operations.md")
            .lines()
            .filter_map(|line| line.strip_prefix("| `echelon_"))
            .filter_map(|line| line.split('`').next())
            .collect();
        assert_eq!(told, documented, "docs/operations.md lists what is told");
    }
}
