//! End-to-end tests; everything is in e2e/.
