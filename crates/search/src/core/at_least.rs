//! Documents that match some of several clauses, however many that are.
//!
//! Who lacks no more than `all - needed` clauses has one of any `all - needed + 1`: the rarest so
//! many lead, and the others are looked up where these stand. That is what Lucene's
//! `MinShouldMatchSumScorer` goes by; Tantivy's own puts everything that matches anything into a heap.

use tantivy::query::{EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SeekDangerResult, SegmentReader, TERMINATED, Term};

/// A query of at least `needed` of its clauses, whose scores are added up.
#[derive(Debug)]
pub struct AtLeast {
    needed: usize,
    clauses: Vec<Box<dyn Query>>,
}

impl AtLeast {
    /// So many of these; one at the least.
    pub fn of(needed: usize, clauses: Vec<Box<dyn Query>>) -> Self {
        Self { needed: needed.max(1), clauses }
    }
}

impl Clone for AtLeast {
    fn clone(&self) -> Self {
        Self { needed: self.needed, clauses: self.clauses.iter().map(|clause| clause.box_clone()).collect() }
    }
}

impl Query for AtLeast {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let clauses = self.clauses.iter().map(|clause| clause.weight(scoring)).collect::<tantivy::Result<_>>()?;
        Ok(Box::new(AtLeastWeight { needed: self.needed, clauses }))
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a Term, bool)) {
        for clause in &self.clauses {
            clause.query_terms(visitor);
        }
    }
}

struct AtLeastWeight {
    needed: usize,
    clauses: Vec<Box<dyn Weight>>,
}

impl Weight for AtLeastWeight {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let clauses = self.clauses.iter().map(|clause| clause.scorer(segment, boost));
        let mut clauses: Vec<Box<dyn Scorer>> = clauses.collect::<tantivy::Result<_>>()?;
        clauses.retain(|clause| clause.doc() != TERMINATED);
        if clauses.len() < self.needed {
            return Ok(Box::new(EmptyScorer));
        }
        clauses.sort_by_key(DocSet::cost);
        let mut found = AtLeastScorer {
            needed: self.needed,
            leads: clauses.len() - self.needed + 1,
            clauses,
            document: TERMINATED,
            documents: segment.max_doc(),
        };
        found.find();
        Ok(Box::new(found))
    }

    fn explain(&self, segment: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        let mut found = self.scorer(segment, 1.0)?;
        let score = if found.seek(document) == document { found.score() } else { 0.0 };
        Ok(Explanation::new_with_string(format!("at least {} of {} clauses", self.needed, self.clauses.len()), score))
    }
}

struct AtLeastScorer {
    needed: usize,
    /// The rarest first.
    clauses: Vec<Box<dyn Scorer>>,
    /// How many of them lead. They stand at the document or behind it; the others may stand before
    /// it while they are not needed.
    leads: usize,
    document: DocId,
    /// How many documents the segment has.
    documents: u32,
}

impl AtLeastScorer {
    /// The first document at which one of those that lead stands.
    fn candidate(&self) -> DocId {
        self.clauses[..self.leads].iter().map(DocSet::doc).min().unwrap_or(TERMINATED)
    }

    /// Whether the candidate has enough. Each of the others that might count is looked up.
    fn has_enough(&mut self, candidate: DocId) -> bool {
        let (leads, others) = self.clauses.split_at_mut(self.leads);
        let mut matched = leads.iter().filter(|lead| lead.doc() == candidate).count();
        let mut left = others.len();
        for other in others {
            if matched + left < self.needed {
                return false;
            }
            let stands = other.doc();
            let stands = if stands < candidate { other.seek(candidate) } else { stands };
            matched += usize::from(stands == candidate);
            left -= 1;
        }
        matched >= self.needed
    }

    /// Goes to the first document, from where those that lead stand, that has enough.
    fn find(&mut self) -> DocId {
        loop {
            let candidate = self.candidate();
            if candidate == TERMINATED || self.has_enough(candidate) {
                self.document = candidate;
                return candidate;
            }
            self.pass(candidate);
        }
    }

    /// Leaves a document behind.
    fn pass(&mut self, document: DocId) {
        for lead in &mut self.clauses[..self.leads] {
            if lead.doc() == document {
                lead.advance();
            }
        }
    }

    /// Takes those that lead to a document or behind it.
    fn lead_to(&mut self, target: DocId) {
        for lead in &mut self.clauses[..self.leads] {
            if lead.doc() < target {
                lead.seek(target);
            }
        }
    }
}

impl DocSet for AtLeastScorer {
    fn advance(&mut self) -> DocId {
        if self.document == TERMINATED {
            return TERMINATED;
        }
        self.pass(self.document);
        self.find()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.document >= target {
            return self.document;
        }
        self.lead_to(target);
        self.find()
    }

    /// Beside a rare filter one document after another is asked for: what comes behind it is not
    /// looked for.
    fn seek_danger(&mut self, target: DocId) -> SeekDangerResult {
        if self.document < target {
            self.lead_to(target);
            if self.candidate() == target && target != TERMINATED {
                if self.has_enough(target) {
                    self.document = target;
                    return SeekDangerResult::Found;
                }
                self.pass(target);
            }
            return SeekDangerResult::SeekLowerBound(self.candidate());
        }
        match self.document {
            document if document == target && target != TERMINATED => SeekDangerResult::Found,
            document => SeekDangerResult::SeekLowerBound(document),
        }
    }

    fn doc(&self) -> DocId {
        self.document
    }

    fn size_hint(&self) -> u32 {
        self.clauses[..self.leads].iter().map(DocSet::size_hint).fold(0, u32::saturating_add).min(self.documents)
    }

    fn cost(&self) -> u64 {
        self.clauses[..self.leads].iter().map(DocSet::cost).fold(0, u64::saturating_add)
    }
}

impl Scorer for AtLeastScorer {
    /// Whoever of the others has not got this far has not matched it: enough were looked up, and
    /// then all.
    fn score(&mut self) -> Score {
        let document = self.document;
        self.clauses.iter_mut().filter(|clause| clause.doc() == document).map(Scorer::score).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tantivy::collector::{Count, DocSetCollector};
    use tantivy::query::{BooleanQuery, ConstScoreQuery, DisjunctionMaxQuery, Occur, TermQuery};
    use tantivy::schema::{Field, IndexRecordOption, Schema, TEXT};
    use tantivy::{Index, IndexWriter, Searcher, doc};

    use super::*;
    use crate::core::LEAST_WRITER_MEMORY;

    const WORDS: usize = 6;

    /// An index in which each document has the words whose bits are set, and every seventh another
    /// one; every eleventh is deleted, and every hundredth ends a segment.
    fn index(documents: &[u8]) -> (Searcher, Field) {
        let mut schema = Schema::builder();
        let text = schema.add_text_field("text", TEXT);
        let index = Index::create_in_ram(schema.build());
        let mut writer: IndexWriter = index.writer_with_num_threads(1, LEAST_WRITER_MEMORY).unwrap();
        writer.set_merge_policy(Box::new(tantivy::merge_policy::NoMergePolicy));
        for (number, words) in documents.iter().enumerate() {
            let words = (0..WORDS).filter(|bit| words >> bit & 1 == 1).map(|bit| format!("w{bit}"));
            let rare = (number % 7 == 0).then(|| "rare".to_owned());
            let gone = (number % 11 == 0).then(|| "gone".to_owned());
            let words: Vec<_> = words.chain(rare).chain(gone).collect();
            writer.add_document(doc!(text => words.join(" "))).unwrap();
            if number % 100 == 99 {
                writer.commit().unwrap();
            }
        }
        writer.delete_term(Term::from_field_text(text, "gone"));
        writer.commit().unwrap();
        (index.reader().unwrap().searcher(), text)
    }

    fn term(text: Field, word: &str) -> Box<dyn Query> {
        Box::new(TermQuery::new(Term::from_field_text(text, word), IndexRecordOption::WithFreqs))
    }

    /// Clauses of one word, of the best of two, and of both: each stands at documents in its own way.
    fn clauses(text: Field) -> Vec<Box<dyn Query>> {
        let word = |bit: usize| term(text, &format!("w{bit}"));
        let best: Box<dyn Query> = Box::new(DisjunctionMaxQuery::with_tie_breaker(vec![word(0), word(5)], 0.1));
        let both: Box<dyn Query> = Box::new(BooleanQuery::intersection(vec![word(1), word(2)]));
        (0..WORDS).map(word).chain([best, both]).collect()
    }

    /// How many of the clauses hold.
    fn holding(words: u8) -> usize {
        let best = words & 0b10_0001 != 0;
        let both = words & 0b110 == 0b110;
        words.count_ones() as usize + usize::from(best) + usize::from(both)
    }

    /// The same for documents that have a rare word.
    fn filtered(query: Box<dyn Query>, text: Field) -> Box<dyn Query> {
        let filter: Box<dyn Query> = Box::new(ConstScoreQuery::new(term(text, "rare"), 0.0));
        Box::new(BooleanQuery::new(vec![(Occur::Must, query), (Occur::Must, filter)]))
    }

    /// The documents of a segment and their scores, and what seeking every third number finds.
    fn all(query: &dyn Query, searcher: &Searcher, segment: &SegmentReader) -> (Vec<(DocId, Score)>, Vec<DocId>) {
        let weight = query.weight(EnableScoring::enabled_from_searcher(searcher)).unwrap();
        let (mut found, mut every) = (weight.scorer(segment, 1.0).unwrap(), Vec::new());
        while found.doc() != TERMINATED {
            every.push((found.doc(), found.score()));
            found.advance();
        }
        assert_eq!(found.advance(), TERMINATED);
        let mut seeking = weight.scorer(segment, 1.0).unwrap();
        let targets = (0..segment.max_doc()).step_by(3);
        let sought = targets.map(|target| seeking.seek(target.max(seeking.doc()))).collect();
        (every, sought)
    }

    /// Asks for rising numbers, some of them before the last bound, as an exclusion does, and for the end.
    fn ask(query: &dyn Query, searcher: &Searcher, segment: &SegmentReader, found: &[(DocId, Score)], step: u32) {
        let weight = query.weight(EnableScoring::enabled_from_searcher(searcher)).unwrap();
        let mut asked = weight.scorer(segment, 1.0).unwrap();
        let first = asked.doc();
        for target in (0..segment.max_doc() + step).step_by(step as usize).skip_while(|target| *target < first) {
            let next = found.iter().find(|(document, _)| *document >= target);
            match (asked.seek_danger(target), next) {
                (SeekDangerResult::Found, Some((document, score))) => {
                    assert_eq!((target, asked.doc()), (*document, *document));
                    assert!((asked.score() - score).abs() < 1e-4);
                }
                (SeekDangerResult::SeekLowerBound(bound), next) => {
                    let next = next.map_or(TERMINATED, |(document, _)| *document);
                    assert!(target < bound && bound <= next, "{target} {bound} {next}");
                }
                (SeekDangerResult::Found, None) => panic!("{target} is behind the last"),
            }
        }
        assert_eq!(asked.seek_danger(TERMINATED), SeekDangerResult::SeekLowerBound(TERMINATED));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn it_finds_what_a_boolean_query_finds(
            documents in proptest::collection::vec(0_u8..64, 0..260),
            masked in 0_u8..64,
            needed in 1..=WORDS + 3,
        ) {
            let documents: Vec<u8> = documents.into_iter().map(|words| words & masked).collect();
            let (searcher, text) = index(&documents);
            let ours: Box<dyn Query> = Box::new(AtLeast::of(needed, clauses(text)));
            let should = clauses(text).into_iter().map(|word| (Occur::Should, word)).collect();
            let theirs: Box<dyn Query> = Box::new(BooleanQuery::with_minimum_required_clauses(should, needed));
            let nested = (filtered(ours.box_clone(), text), filtered(theirs.box_clone(), text));
            for (ours, theirs) in [(&ours, &theirs), (&nested.0, &nested.1)] {
                for segment in searcher.segment_readers() {
                    let (ours, sought) = all(ours.as_ref(), &searcher, segment);
                    let (theirs, wanted) = all(theirs.as_ref(), &searcher, segment);
                    prop_assert_eq!(sought, wanted);
                    prop_assert_eq!(ours.len(), theirs.len());
                    for ((document, score), (other, wanted)) in ours.into_iter().zip(theirs) {
                        prop_assert_eq!(document, other);
                        prop_assert!((score - wanted).abs() < 1e-4, "{} {}", score, wanted);
                    }
                }
            }
            for segment in searcher.segment_readers() {
                let (found, _) = all(ours.as_ref(), &searcher, segment);
                ask(ours.as_ref(), &searcher, segment, &found, 1);
                ask(ours.as_ref(), &searcher, segment, &found, 3);
            }
            let found = |every: usize| {
                let is_found = |(number, words): (usize, &u8)| {
                    number % 11 != 0 && number % every == 0 && holding(*words) >= needed
                };
                documents.iter().enumerate().filter(|one| is_found(*one)).count()
            };
            prop_assert_eq!(searcher.search(&ours, &DocSetCollector).unwrap().len(), found(1));
            prop_assert_eq!(searcher.search(&nested.0, &Count).unwrap(), found(7));
        }
    }
}
