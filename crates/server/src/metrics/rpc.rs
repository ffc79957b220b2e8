//! The metrics of calls, counted by one layer for every method.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounter, IntCounterVec, IntGaugeVec};

use super::Register;

/// The metrics of calls.
#[derive(Debug)]
pub(crate) struct Rpc {
    requests: IntCounterVec,
    seconds: HistogramVec,
    in_flight: IntGaugeVec,
    panics: IntCounter,
}

impl Rpc {
    pub(super) fn new(register: &Register<'_>) -> Self {
        Self {
            requests: register.counters(
                "echelon_rpc_requests_total",
                "Calls that ended, by code.",
                &["service", "method", "code"],
            ),
            seconds: register.histograms(
                "echelon_rpc_duration_seconds",
                "Time from a call's first byte to the end of its answer; streams are not timed.",
                &["service", "method", "code"],
                &[
                    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
                ],
            ),
            in_flight: register.gauges(
                "echelon_rpc_in_flight",
                "Calls at work.",
                &["service", "method"],
            ),
            panics: register.counter(
                "echelon_rpc_panics_total",
                "Calls that panicked: each is a fault of the server.",
            ),
        }
    }

    /// Counts a call as at work.
    pub(crate) fn started(&self, service: &str, method: &str) {
        self.in_flight.with_label_values(&[service, method]).inc();
    }

    /// Counts a started call as ended, with the time it took unless it was a stream.
    pub(crate) fn ended(&self, service: &str, method: &str, code: &str, took: Option<Duration>) {
        self.in_flight.with_label_values(&[service, method]).dec();
        let labels = [service, method, code];
        self.requests.with_label_values(&labels).inc();
        if let Some(took) = took {
            self.seconds
                .with_label_values(&labels)
                .observe(took.as_secs_f64());
        }
    }

    /// Counts a panic.
    pub(crate) fn count_panic(&self) {
        self.panics.inc();
    }
}
