//! The adapters against the cases of their ports, and against a Redis that goes away.

mod fault;
mod loader;
mod ports;
mod sessions;
mod support;
