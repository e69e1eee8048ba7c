//! What social is made of.

mod edge;
mod person;

pub use edge::{Edge, ToOneself};
pub use person::{FollowCounts, ListPrivacy, Listed, Person, Relation};
