//! echelond
fn main() {}
