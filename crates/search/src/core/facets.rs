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

    fn merge_fruits(&self, segments: Vec<tantivy::Result<Vec<Counts>>>) -> tantivy::Result<Self::Fruit> {
        let mut all = vec![Counts::new(); self.fields.len()];
        for counts in segments {
            for (all, counts) in all.iter_mut().zip(counts?) {
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

/// Counts under their names, which are read in their order, one after another: to look each
/// up by itself would take longer than to count.
fn named((column, counts): (StrColumn, Vec<u32>)) -> tantivy::Result<Counts> {
    let counted = || (0_u64..).zip(&counts).filter(|(_, count)| **count > 0);
    let values: Vec<u64> = counted().map(|(value, _)| value).collect();
    let mut counts = counted().map(|(_, count)| u64::from(*count));
    let mut named = Counts::with_capacity(values.len());
    column.dictionary().sorted_ords_to_term_cb(&values, |name| {
        if let (Ok(name), Some(count)) = (std::str::from_utf8(name), counts.next()) {
            named.insert(name.to_owned(), count);
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
