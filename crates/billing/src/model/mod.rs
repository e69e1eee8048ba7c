//! What billing is made of: types that cannot hold a wrong value, and the rules as methods.

pub mod access;
pub mod id;
pub mod interval;
pub mod ledger;
pub mod order;
pub mod payment;
pub mod plan;
pub mod revenue;
pub mod subscription;
