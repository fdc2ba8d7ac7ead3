//! The program `apns_sim`.

fn main() {}
