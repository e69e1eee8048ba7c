//! How well tags match what somebody typed.

use std::collections::BTreeMap;

use crate::ports::{Candidate, Match};

/// A tag that may be meant by what somebody typed.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// The tag and how much it is used.
    pub candidate: Candidate,
    /// How well it matches, from 0 to 1.
    pub score: f64,
}

/// The part of the score that the way of matching gives, and the part that usage adds to it at
/// the most. Each way stays above the next, however much its tags are used.
const fn parts(found: Match) -> (f64, f64) {
    match found {
        Match::Exact => (1.0, 0.0),
        Match::Prefix => (0.75, 0.2),
        Match::Pinyin => (0.56, 0.15),
        Match::Initials => (0.39, 0.15),
        Match::WordStart => (0.22, 0.15),
        Match::Inside => (0.05, 0.15),
    }
}

/// Scores candidates: by the way they match, and within it by their usage beside that of
/// the most used one.
pub(super) fn scored(candidates: Vec<Candidate>) -> Vec<Suggestion> {
    let mut most: BTreeMap<Match, i64> = BTreeMap::new();
    for candidate in &candidates {
        let most = most.entry(candidate.found).or_default();
        *most = candidate.usage_count.max(*most);
    }
    let score = |candidate: &Candidate| {
        let most = most.get(&candidate.found).copied().unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "there are fewer photos than 2^53")]
        let share = if most == 0 { 0.0 } else { candidate.usage_count as f64 / most as f64 };
        let (base, by_usage) = parts(candidate.found);
        ((base + by_usage * share) * 100.0).round() / 100.0
    };
    candidates.into_iter().map(|candidate| Suggestion { score: score(&candidate), candidate }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Tag, TagId};

    fn candidate(id: i64, found: Match, usage_count: i64) -> Candidate {
        let tag = Tag { id: TagId::new(id), name: "夜景".to_owned(), slug: "night-view".to_owned() };
        Candidate { tag, usage_count, found }
    }

    fn scores(candidates: Vec<Candidate>) -> Vec<f64> {
        scored(candidates).into_iter().map(|suggestion| suggestion.score).collect()
    }

    #[test]
    fn the_sample_of_the_suggestions() {
        assert_eq!(scores(vec![candidate(1, Match::Prefix, 45), candidate(15, Match::Prefix, 12)]), [0.95, 0.8]);
    }

    #[test]
    fn a_better_way_always_scores_higher() {
        let all: Vec<_> =
            Match::ALL.into_iter().flat_map(|found| [candidate(1, found, 9), candidate(2, found, 0)]).collect();
        let scores = scores(all);
        assert!(scores.windows(2).all(|pair| pair[0] >= pair[1]), "{scores:?}");
        assert!(scores[2..].windows(2).all(|pair| pair[0] > pair[1]), "{scores:?}");
        assert_eq!(self::scores(vec![candidate(1, Match::Inside, 0)]), [0.05]);
    }
}
