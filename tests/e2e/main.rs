//! Echelon as its callers meet it, on real databases: one file per feature.

mod anonymous;
mod bad_input;
mod batches;
mod blocker_list;
mod blocker_paths;
mod blockers;
mod escalation;
mod explanations;
mod feed;
mod freshness;
mod kubernetes;
mod meetings;
mod nodes;
mod organizations;
mod policies;
mod process;
mod races;
mod recount;
mod replicas;
mod requests;
mod rollups;
mod same;
mod store;
mod support;
mod web;
mod workers;
