//! The conformance suite of the driver API, on real guests.

#[path = "lab/lab.rs"]
mod lab;

use lab::Lab;

nova_conformance::conformance!(Lab::new());
