//! The program: routes, documents, workers, wiring, command line.
//!
//! [`wiring::build`] makes everything from a [`config::Config`], top to bottom;
//! [`server::Server`] listens; the tests do the same with their own configuration.

pub mod backing;
pub mod changelog;
pub mod cli;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod health;
pub mod http;
pub mod server;
pub mod telemetry;
pub mod wiring;
pub mod workers;
