//! The domain held against its guarantees: properties over random histories, and tables beside them for what reads
//! better as an example. One binary; a test's name says what must hold, and which guarantee of the design it defends.

mod agendas;
mod attention;
mod clocks;
mod conditions;
mod default_policy;
mod documents;
mod drift;
mod explanations;
mod fuzz;
mod history;
mod hostile;
mod late;
mod lifecycle;
mod plans;
mod rebases;
mod rollups;
mod support;
mod targets;
mod trees;
