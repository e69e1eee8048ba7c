//! Social's store in memory: for the tests of this crate and of those who embed it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::{DomainEvent, Outbox};
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};
use sharestack_kernel::text::fold;
use sharestack_kernel::tx::{Begin, Transaction};

use crate::model::{Edge, FollowCounts, Listed, Person, Relation};
use crate::ports::{RelationQueries, RelationRepository, SocialTx};

type Edges = BTreeMap<Edge, DateTime<Utc>>;

/// Everything that is stored.
#[derive(Debug, Clone, Default)]
pub struct Books {
    /// Those whose account may be used.
    pub people: BTreeMap<UserId, Person>,
    /// Follows, and since when.
    pub follows: Edges,
    /// Blocks, and since when.
    pub blocks: Edges,
    /// Events, in the order they were appended.
    pub events: Vec<DomainEvent>,
    generation: u64,
}

fn person(id: UserId) -> Person {
    Person { id, username: format!("user{id}"), display_name: None, bio: None, avatar_url: None }
}

/// The store. Clones share what is stored.
#[derive(Debug, Clone, Default)]
pub struct MemorySocial(Arc<Mutex<Books>>);

impl MemorySocial {
    /// A store in which these people have an account.
    pub fn of(people: impl IntoIterator<Item = UserId>) -> Self {
        let people = people.into_iter().map(|id| (id, person(id))).collect();
        Self(Arc::new(Mutex::new(Books { people, ..Books::default() })))
    }

    /// Makes an account.
    pub fn register(&self, user: UserId) {
        self.lock().people.insert(user, person(user));
    }

    /// Makes an account inactive.
    pub fn disable(&self, user: UserId) {
        self.lock().people.remove(&user);
    }

    /// What is stored now.
    pub fn books(&self) -> Books {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A transaction: a copy that takes the place of the original, unless another did first.
struct MemoryTx {
    books: Books,
    began_at: u64,
    store: MemorySocial,
}

#[async_trait]
impl Transaction for MemoryTx {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let mut stored = self.store.lock();
        if stored.generation != self.began_at {
            return Err(StoreError::Transient("another transaction was first".into()));
        }
        *stored = self.books;
        stored.generation += 1;
        Ok(())
    }

    async fn rollback(self: Box<Self>) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl Begin<dyn SocialTx> for MemorySocial {
    async fn begin(&self) -> Result<Box<dyn SocialTx>, StoreError> {
        let books = self.books();
        Ok(Box::new(MemoryTx { began_at: books.generation, books, store: self.clone() }))
    }
}

impl SocialTx for MemoryTx {
    fn relations(&mut self) -> &mut dyn RelationRepository {
        self
    }

    fn outbox(&mut self) -> &mut dyn Outbox {
        self
    }
}

#[async_trait]
impl Outbox for MemoryTx {
    async fn append(&mut self, event: &DomainEvent) -> Result<(), StoreError> {
        self.books.events.push(event.clone());
        Ok(())
    }
}

fn insert(edges: &mut Edges, edge: Edge, at: DateTime<Utc>) -> bool {
    let is_new = !edges.contains_key(&edge);
    edges.entry(edge).or_insert(at);
    is_new
}

#[async_trait]
impl RelationRepository for MemoryTx {
    async fn hold_pair(&mut self, _edge: Edge) -> Result<(), StoreError> {
        // Of two transactions at once the second starts over.
        Ok(())
    }

    async fn is_active(&mut self, user: UserId) -> Result<bool, StoreError> {
        Ok(self.books.people.contains_key(&user))
    }

    async fn has_block(&mut self, edge: Edge) -> Result<bool, StoreError> {
        Ok(self.books.blocks.contains_key(&edge) || self.books.blocks.contains_key(&edge.reversed()))
    }

    async fn insert_follow(&mut self, edge: Edge, at: DateTime<Utc>) -> Result<bool, StoreError> {
        Ok(insert(&mut self.books.follows, edge, at))
    }

    async fn delete_follow(&mut self, edge: Edge) -> Result<bool, StoreError> {
        Ok(self.books.follows.remove(&edge).is_some())
    }

    async fn insert_block(&mut self, edge: Edge, at: DateTime<Utc>) -> Result<bool, StoreError> {
        Ok(insert(&mut self.books.blocks, edge, at))
    }

    async fn delete_block(&mut self, edge: Edge) -> Result<bool, StoreError> {
        Ok(self.books.blocks.remove(&edge).is_some())
    }
}

impl Books {
    /// The other ends of these edges, the latest first.
    fn list(&self, edges: Vec<(UserId, DateTime<Utc>)>, viewer: Option<UserId>, request: PageRequest) -> Page<Listed> {
        let followed: BTreeSet<UserId> =
            self.follows.keys().filter(|edge| Some(edge.from()) == viewer).map(|edge| edge.to()).collect();
        let mut edges: Vec<_> = edges.into_iter().filter(|(id, _)| self.people.contains_key(id)).collect();
        edges.sort_by_key(|(id, since)| std::cmp::Reverse((*since, *id)));
        let total = edges.len() as u64;
        let items = edges
            .into_iter()
            .skip(usize::try_from(request.offset()).unwrap_or(usize::MAX))
            .take(request.limit() as usize)
            .map(|(id, since)| Listed {
                person: self.people[&id].clone(),
                since,
                following: viewer.map(|_| followed.contains(&id)),
            })
            .collect();
        Page { items, total, request }
    }

    fn to(&self, user: UserId) -> Vec<(UserId, DateTime<Utc>)> {
        self.follows.iter().filter(|(edge, _)| edge.to() == user).map(|(edge, at)| (edge.from(), *at)).collect()
    }
}

fn out(edges: &Edges, user: UserId) -> Vec<(UserId, DateTime<Utc>)> {
    edges.iter().filter(|(edge, _)| edge.from() == user).map(|(edge, at)| (edge.to(), *at)).collect()
}

#[async_trait]
impl RelationQueries for MemorySocial {
    async fn find_person(&self, id_or_name: &str) -> Result<Option<Person>, StoreError> {
        let books = self.lock();
        let by_id = books.people.values().find(|person| person.id.to_string() == id_or_name);
        let named = |person: &&Person| fold(&person.username) == fold(id_or_name);
        Ok(by_id.or_else(|| books.people.values().find(named)).cloned())
    }

    async fn relation(&self, viewer: UserId, other: UserId) -> Result<Relation, StoreError> {
        let Ok(edge) = Edge::try_new(viewer, other) else { return Ok(Relation::default()) };
        let books = self.lock();
        Ok(Relation {
            following: books.follows.contains_key(&edge),
            followed_by: books.follows.contains_key(&edge.reversed()),
            blocked: books.blocks.contains_key(&edge),
        })
    }

    async fn counts(&self, user: UserId) -> Result<FollowCounts, StoreError> {
        let (books, page) = (self.lock(), PageRequest::default());
        Ok(FollowCounts {
            followers: books.list(books.to(user), None, page).total,
            following: books.list(out(&books.follows, user), None, page).total,
        })
    }

    async fn followers(
        &self,
        user: UserId,
        viewer: Option<UserId>,
        page: PageRequest,
    ) -> Result<Page<Listed>, StoreError> {
        let books = self.lock();
        Ok(books.list(books.to(user), viewer, page))
    }

    async fn following(
        &self,
        user: UserId,
        viewer: Option<UserId>,
        page: PageRequest,
    ) -> Result<Page<Listed>, StoreError> {
        let books = self.lock();
        Ok(books.list(out(&books.follows, user), viewer, page))
    }

    async fn blocks(&self, user: UserId, page: PageRequest) -> Result<Page<Listed>, StoreError> {
        let books = self.lock();
        Ok(books.list(out(&books.blocks, user), Some(user), page))
    }
}
