//! Orders in which equals stand alike on every node.
//!
//! Where documents lie in an index differs from node to node, and over merges: among equals
//! the id decides. How rare a word is counts what is gone until a merge: what is not equal may
//! stand otherwise on another node for that while.

use tantivy::collector::sort_key::{NaturalComparator, SegmentSortKeyComputer, SortByStaticFastValue, SortKeyComputer};
use tantivy::{DocId, Order, Score, SegmentReader};

use super::ID;

/// Sums of scores differ in their last bits by the order in which a segment adds them: so many
/// are cut off, and what is alike is equal, unless a cut lies between the two: they are not rounded
/// to what is near, and no rounding would do without such a border. Scores that differ by one part
/// in eight thousand or more are told apart.
const NOISE: u32 = (1 << 10) - 1;

/// The best first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Best;

impl SortKeyComputer for Best {
    type SortKey = Score;
    type Child = Self;
    type Comparator = NaturalComparator;

    fn requires_scoring(&self) -> bool {
        true
    }

    fn segment_sort_key_computer(&self, _: &SegmentReader) -> tantivy::Result<Self> {
        Ok(*self)
    }
}

impl SegmentSortKeyComputer for Best {
    type SortKey = Score;
    type SegmentSortKey = Score;
    type SegmentComparator = NaturalComparator;

    #[inline]
    fn segment_sort_key(&mut self, _: DocId, score: Score) -> Score {
        Score::from_bits(score.to_bits() & !NOISE)
    }

    fn convert_segment_sort_key(&self, score: Score) -> Score {
        score
    }
}

/// By a fast field of numbers.
pub(super) fn by(field: &str, order: Order) -> (SortByStaticFastValue<i64>, Order) {
    (SortByStaticFastValue::for_field(field), order)
}

/// By ids, which no two documents share.
pub(super) fn by_id(order: Order) -> (SortByStaticFastValue<i64>, Order) {
    by(ID, order)
}
