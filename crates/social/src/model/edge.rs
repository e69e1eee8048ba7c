use sharestack_kernel::id::UserId;
use thiserror::Error;

/// From one person to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Edge {
    from: UserId,
    to: UserId,
}

/// Nobody follows or blocks themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("nobody can do this to themselves")]
pub struct ToOneself;

impl Edge {
    /// From one to another.
    ///
    /// # Errors
    /// When both are the same.
    pub fn try_new(from: UserId, to: UserId) -> Result<Self, ToOneself> {
        if from == to { Err(ToOneself) } else { Ok(Self { from, to }) }
    }

    /// Who follows or blocks.
    pub const fn from(self) -> UserId {
        self.from
    }

    /// Who is followed or blocked.
    pub const fn to(self) -> UserId {
        self.to
    }

    /// The other way round.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self { from: self.to, to: self.from }
    }

    /// The two, the smaller id first: the same for both directions.
    pub fn pair(self) -> (UserId, UserId) {
        if self.from < self.to { (self.from, self.to) } else { (self.to, self.from) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_has_two_ends_and_both_directions_are_one_pair() {
        let (a, b) = (UserId::new(1), UserId::new(2));
        assert_eq!(Edge::try_new(a, a), Err(ToOneself));
        let edge = Edge::try_new(b, a).unwrap();
        assert_eq!((edge.from(), edge.to(), edge.pair()), (b, a, (a, b)));
        assert_eq!(edge.reversed().pair(), edge.pair());
        assert_eq!(edge.reversed().reversed(), edge);
    }
}
