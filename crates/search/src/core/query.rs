//! Words, filters and weights as a query, and its answer.

use std::ops::Bound;

use tantivy::collector::{Count, TopDocs};
use tantivy::query::{
    BooleanQuery, BoostQuery, ConstScoreQuery, DisjunctionMaxQuery, EmptyQuery, EnableScoring, FuzzyTermQuery, Occur,
    PhraseQuery, Query, RangeQuery, TermQuery, TermSetQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocAddress, DocSet, Order, Score, Searcher, TERMINATED, TantivyDocument, Term};

use super::at_least::AtLeast;
use super::facets::Tallies;
use super::generation::Generation;
use super::order::{Best, by, by_id};
use super::statistics::Statistics;
use crate::text::{Unit, Words, pair};

/// What the characters of a word weigh where the dictionary sees other words.
const LETTERS: f32 = 0.4;
/// What a word weighs that is only like the one that was typed.
const SLIP: f32 = 2.0;
/// In how many words of a query slips are forgiven: each of them walks through all terms.
const FORGIVEN: usize = 4;
/// What a match in a second field adds.
const TIE: f32 = 0.1;
/// The raw score that is shown as one half.
const HALF: f32 = 20.0;

/// A text field in which words are looked for.
#[derive(Debug, Clone, Copy)]
pub struct Sought {
    /// The field.
    pub field: Field,
    /// What a word weighs there.
    pub weight: f32,
    /// Where it is counted how rare a word is, and how long texts are.
    pub counted_in: Field,
}

impl Sought {
    /// A field of what everybody may find.
    pub const fn open(field: Field, weight: f32) -> Self {
        Self { field, weight, counted_in: field }
    }
}

/// What to look for in an index.
pub struct Request {
    /// The words.
    pub words: Words,
    /// The text fields to look in.
    pub fields: Vec<Sought>,
    /// The term of the documents that everybody may find; all may be found without one.
    pub everybody: Option<Term>,
    /// What must hold beside.
    pub filters: Vec<Box<dyn Query>>,
    /// The fast text fields to count by.
    pub tallies: Vec<&'static str>,
    /// The fast field of numbers to sort by, and whether the smallest come first; the best
    /// come first without one. Among equals the id decides.
    pub sort: Option<(&'static str, bool)>,
    /// How many to pass over.
    pub offset: usize,
    /// How many to return.
    pub limit: usize,
}

/// A number, an id and a score.
type Timed = (Option<i64>, (Option<i64>, Score));

/// What was found.
pub struct Answer {
    /// Scores from 0 to 1 and documents, in the order that was asked for.
    pub hits: Vec<(f32, TantivyDocument)>,
    /// How many there are in all.
    pub total: u64,
    /// The counts by each field, the most frequent values first.
    pub tallies: Vec<Vec<(String, u64)>>,
    /// The terms of the words in which slips were forgiven.
    pub forgiven: Vec<String>,
}

/// Documents with a term.
pub fn is(term: Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

/// Documents with one of these values.
pub fn any_of<T: AsRef<str>>(field: Field, values: impl IntoIterator<Item = T>) -> Box<dyn Query> {
    let terms: Vec<Term> = values.into_iter().map(|value| Term::from_field_text(field, value.as_ref())).collect();
    match &terms[..] {
        // One list is skipped through; of several a set is made first.
        [term] => is(term.clone()),
        _ => Box::new(TermSetQuery::new(terms)),
    }
}

/// Documents with all of these values, one filter each.
pub fn all_of(field: Field, values: &[String]) -> Vec<Box<dyn Query>> {
    values.iter().map(|value| is(Term::from_field_text(field, value))).collect()
}

/// Documents that have all words of a text in one of some fields, none of them with a slip; no
/// document where no word is in the text.
pub fn has_words(fields: &[Field], text: &str) -> Box<dyn Query> {
    let words = Words::parse(text);
    if words.is_empty() {
        return Box::new(EmptyQuery);
    }
    let word = |field: Field, unit: &Unit| match unit {
        Unit::Letters(letters) if letters.len() > 1 => beside(field, letters),
        unit => is(Term::from_field_text(field, &unit.term())),
    };
    let all = |field: &Field| -> Box<dyn Query> {
        Box::new(BooleanQuery::intersection(words.units().iter().map(|unit| word(*field, unit)).collect()))
    };
    match fields {
        [field] => all(field),
        fields => Box::new(BooleanQuery::union(fields.iter().map(all).collect())),
    }
}

/// Documents in which two or more characters stand beside each other. Pairs of them are
/// terms: two are looked up, and of more every other pair and the last must follow each other.
fn beside(field: Field, letters: &[String]) -> Box<dyn Query> {
    let pairs = letters.windows(2).enumerate();
    let mut terms: Vec<(usize, Term)> = pairs
        .filter(|(at, _)| at % 2 == 0 || at + 2 == letters.len())
        .map(|(at, both)| (at, Term::from_field_text(field, &pair(&both[0], &both[1]))))
        .collect();
    match terms.len() {
        0 => Box::new(EmptyQuery),
        1 => Box::new(TermQuery::new(terms.swap_remove(0).1, IndexRecordOption::WithFreqs)),
        _ => Box::new(PhraseQuery::new_with_offset(terms)),
    }
}

/// Documents whose number is `from` or more, and below `until`.
pub fn between(field: Field, from: Option<i64>, until: Option<i64>) -> Option<Box<dyn Query>> {
    if from.is_none() && until.is_none() {
        return None;
    }
    let term = |number| Term::from_field_i64(field, number);
    let lower = from.map_or(Bound::Unbounded, |number| Bound::Included(term(number)));
    let upper = until.map_or(Bound::Unbounded, |number| Bound::Excluded(term(number)));
    Some(Box::new(RangeQuery::new(lower, upper)))
}

impl Request {
    /// Looks.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn answer(self, generation: &Generation) -> tantivy::Result<Answer> {
        let searcher = generation.searcher();
        if self.words.is_empty() {
            let tallies = self.tallies.iter().map(|_| Vec::new()).collect();
            return Ok(Answer { hits: Vec::new(), total: 0, tallies, forgiven: Vec::new() });
        }
        let (query, forgiven) = self.query(&searcher)?;
        let statistics = Statistics::of(&searcher, &self.fields, self.everybody.as_ref())?;
        let top = TopDocs::with_limit(self.limit.max(1)).and_offset(self.offset);
        let tallies = Tallies::of(self.tallies);
        let (total, top, tallies) = match self.sort {
            None => {
                let collector = (Count, top.order_by((Best, by_id(Order::Asc))), tallies);
                let (total, top, tallies) =
                    searcher.search_with_statistics_provider(&query, &collector, &statistics)?;
                let scored = |((score, _), address): ((Score, Option<i64>), DocAddress)| (score, address);
                (total, top.into_iter().map(scored).collect::<Vec<_>>(), tallies)
            }
            Some((field, ascending)) => {
                let order = if ascending { Order::Asc } else { Order::Desc };
                // As lists are: what is of the same time turns round with the order.
                let key = (by(field, order), (by_id(order), Best));
                let collector = (Count, top.order_by(key), tallies);
                let (total, top, tallies) =
                    searcher.search_with_statistics_provider(&query, &collector, &statistics)?;
                let scored = |((_, (_, score)), address): (Timed, DocAddress)| (score, address);
                (total, top.into_iter().map(scored).collect(), tallies)
            }
        };
        let document = |(score, address)| Ok((shown(score), searcher.doc::<TantivyDocument>(address)?));
        let hits = top.into_iter().map(document).collect::<tantivy::Result<_>>()?;
        Ok(Answer { hits, total: total as u64, tallies, forgiven })
    }

    fn query(&self, searcher: &Searcher) -> tantivy::Result<(BooleanQuery, Vec<String>)> {
        let units = self.words.units();
        let mut forgiven = Vec::new();
        let words =
            units.iter().map(|unit| self.unit(unit, searcher, &mut forgiven)).collect::<tantivy::Result<Vec<_>>>()?;
        // One word in four may be missing.
        let words: Box<dyn Query> = match units.len() / 4 {
            0 => Box::new(BooleanQuery::intersection(words)),
            missing => Box::new(AtLeast::of(units.len() - missing, words)),
        };
        Ok((self.filtered(words), forgiven))
    }

    /// The same, as far as what must hold beside does.
    fn filtered(&self, words: Box<dyn Query>) -> BooleanQuery {
        let filters = self.filters.iter().map(|filter| -> (Occur, Box<dyn Query>) {
            (Occur::Must, Box::new(ConstScoreQuery::new(filter.box_clone(), 0.0)))
        });
        BooleanQuery::new(std::iter::once((Occur::Must, words)).chain(filters).collect())
    }

    /// Whether a word stands, as it was typed, in anything that may be found. What the reader
    /// does not see, and what is deleted, says nothing: else its words could be guessed by
    /// what is not found.
    fn stands(&self, word: &str, searcher: &Searcher) -> tantivy::Result<bool> {
        let mut fields = Vec::new();
        for sought in &self.fields {
            let term = Term::from_field_text(sought.field, word);
            if searcher.doc_freq(&term)? > 0 {
                fields.push(is(term));
            }
        }
        if fields.is_empty() {
            return Ok(false);
        }
        let query = self.filtered(Box::new(BooleanQuery::union(fields)));
        let weight = query.weight(EnableScoring::disabled_from_searcher(searcher))?;
        for segment in searcher.segment_readers() {
            let mut found = weight.scorer(segment, 1.0)?;
            let mut document = found.doc();
            while document != TERMINATED {
                if !segment.is_deleted(document) {
                    return Ok(true);
                }
                document = found.advance();
            }
        }
        Ok(false)
    }

    /// One word in the field where it weighs most.
    fn unit(&self, unit: &Unit, searcher: &Searcher, forgiven: &mut Vec<String>) -> tantivy::Result<Box<dyn Query>> {
        let whole = unit.term();
        let mut slips = if forgiven.len() < FORGIVEN { unit.slips() } else { 0 };
        // A slip is forgiven where the word itself is nowhere.
        if slips > 0 && self.stands(&whole, searcher)? {
            slips = 0;
        }
        forgiven.extend((slips > 0).then(|| whole.clone()));
        let fields = self.fields.iter().map(|sought| -> Box<dyn Query> {
            let term = Term::from_field_text(sought.field, &whole);
            let query: Box<dyn Query> = match unit {
                Unit::Letters(letters) if letters.len() > 1 => {
                    let letters = BoostQuery::new(beside(sought.field, letters), LETTERS);
                    Box::new(BooleanQuery::union(vec![
                        Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)),
                        Box::new(letters),
                    ]))
                }
                _ if slips > 0 => Box::new(BoostQuery::new(Box::new(FuzzyTermQuery::new(term, slips, true)), SLIP)),
                _ => Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)),
            };
            Box::new(BoostQuery::new(query, sought.weight))
        });
        Ok(Box::new(DisjunctionMaxQuery::with_tie_breaker(fields.collect(), TIE)))
    }
}

/// A raw score as one from 0 to 1.
fn shown(raw: f32) -> f32 {
    let score = raw / (raw + HALF);
    (score * 10_000.0).round() / 10_000.0
}
