//! How many of the found documents have each value of a field.

use std::cmp::Reverse;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::StrColumn;
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader};

/// Counts the values of fast text fields in one pass; the fruit has a list a field, the
/// most frequent values first.
pub struct Tallies {
    fields: Vec<&'static str>,
}

impl Tallies {
    /// Counts by these fields.
    pub const fn of(fields: Vec<&'static str>) -> Self {
        Self { fields }
    }
}

/// Values and how many have each, in the order of the values.
type Counts = Vec<(String, u64)>;

/// One segment's counts, by the numbers that the segment gives its values.
pub struct SegmentTallies {
    columns: Vec<Option<(StrColumn, Vec<u32>)>>,
}

impl Collector for Tallies {
    type Fruit = Vec<Vec<(String, u64)>>;
    type Child = SegmentTallies;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<SegmentTallies> {
        let column = |field: &&'static str| {
            let column = segment.fast_fields().str(field)?;
            Ok(column.map(|column| {
                let values = column.num_terms();
                (column, vec![0; values])
            }))
        };
        Ok(SegmentTallies { columns: self.fields.iter().map(column).collect::<tantivy::Result<_>>()? })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, segments: Vec<tantivy::Result<Vec<Counts>>>) -> tantivy::Result<Self::Fruit> {
        let mut all = vec![Counts::new(); self.fields.len()];
        for counts in segments {
            for (all, counts) in all.iter_mut().zip(counts?) {
                all.extend(counts);
            }
        }
        all.iter_mut().for_each(add_up);
        Ok(all)
    }
}

/// Makes one of what several segments have counted, and puts the most frequent values first.
fn add_up(counts: &mut Counts) {
    // Those of a segment are in order, which this way of sorting makes use of.
    counts.sort_by(|a, b| a.0.cmp(&b.0));
    counts.dedup_by(|same, first| {
        let is_same = same.0 == first.0;
        first.1 += if is_same { same.1 } else { 0 };
        is_same
    });
    counts.sort_by_key(|(_, count)| Reverse(*count));
}

/// Counts under their names, which are read in their order, one after another: to look each
/// up by itself would take longer than to count.
fn named((column, counts): (StrColumn, Vec<u32>)) -> tantivy::Result<Counts> {
    let counted = || (0_u64..).zip(&counts).filter(|(_, count)| **count > 0);
    let values: Vec<u64> = counted().map(|(value, _)| value).collect();
    let mut counts = counted().map(|(_, count)| u64::from(*count));
    let mut named = Counts::with_capacity(values.len());
    column.dictionary().sorted_ords_to_term_cb(&values, |name| {
        if let (Ok(name), Some(count)) = (std::str::from_utf8(name), counts.next()) {
            named.push((name.to_owned(), count));
        }
    })?;
    Ok(named)
}

impl SegmentCollector for SegmentTallies {
    type Fruit = tantivy::Result<Vec<Counts>>;

    fn collect(&mut self, document: DocId, _: Score) {
        for (column, counts) in self.columns.iter_mut().flatten() {
            for value in column.ords().values_for_doc(document) {
                if let Some(count) = usize::try_from(value).ok().and_then(|value| counts.get_mut(value)) {
                    *count += 1;
                }
            }
        }
    }

    fn harvest(self) -> tantivy::Result<Vec<Counts>> {
        self.columns.into_iter().map(|column| column.map_or_else(|| Ok(Counts::new()), named)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_segments_have_counted_is_added_up_and_the_most_frequent_come_first() {
        let counted = |all: &[(&str, u64)]| all.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let mut all: Counts = counted(&[("a", 1), ("b", 2), ("d", 3), ("a", 4), ("c", 2), ("d", 3), ("d", 1)]);
        add_up(&mut all);
        assert_eq!(all, counted(&[("d", 7), ("a", 5), ("b", 2), ("c", 2)]) as Counts);
        let mut none = Counts::new();
        add_up(&mut none);
        assert!(none.is_empty());
    }
}
