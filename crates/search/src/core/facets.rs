//! How many of the found documents have each value of a field.

use std::collections::HashMap;

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

type Counts = HashMap<String, u64>;

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

    fn merge_fruits(&self, segments: Vec<Vec<Counts>>) -> tantivy::Result<Self::Fruit> {
        let mut all = vec![Counts::new(); self.fields.len()];
        for counts in segments {
            for (all, counts) in all.iter_mut().zip(counts) {
                for (value, count) in counts {
                    *all.entry(value).or_default() += count;
                }
            }
        }
        let sorted = |counts: Counts| {
            let mut counts: Vec<_> = counts.into_iter().collect();
            counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            counts
        };
        Ok(all.into_iter().map(sorted).collect())
    }
}

impl SegmentCollector for SegmentTallies {
    type Fruit = Vec<Counts>;

    fn collect(&mut self, document: DocId, _: Score) {
        for (column, counts) in self.columns.iter_mut().flatten() {
            for value in column.ords().values_for_doc(document) {
                if let Some(count) = usize::try_from(value).ok().and_then(|value| counts.get_mut(value)) {
                    *count += 1;
                }
            }
        }
    }

    fn harvest(self) -> Vec<Counts> {
        let counts = |column: Option<(StrColumn, Vec<u32>)>| {
            let Some((column, counts)) = column else { return Counts::new() };
            let mut named = Counts::new();
            for (value, count) in (0_u64..).zip(counts).filter(|(_, count)| *count > 0) {
                let mut name = String::new();
                if column.ord_to_str(value, &mut name).unwrap_or_default() {
                    named.insert(name, u64::from(count));
                }
            }
            named
        };
        self.columns.into_iter().map(counts).collect()
    }
}
