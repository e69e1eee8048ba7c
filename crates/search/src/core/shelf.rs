//! The generations of one index in a directory.
//!
//! `CURRENT` names the one that is searched. A new one is built in a directory of its own
//! and named when it is whole, so that a rebuild, also one by another process, is never
//! seen half done, and a server changes over between two searches. A directory's lock says
//! that somebody is still building in it.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use sharestack_kernel::error::StoreError;
use sharestack_kernel::random::uuid_v7;
use tantivy::schema::Schema;
use tantivy::{IndexWriter, TantivyDocument, TantivyError, Term};
use tokio::sync::{Semaphore, watch};

use super::generation::Generation;
use super::{SearchConfig, failed, processors, unreadable};

const CURRENT: &str = "CURRENT";
const LOCK: &str = ".building";
/// How long a writer that writes nothing keeps its memory and threads.
const IDLE: Duration = Duration::from_secs(5);
/// How long a search waits for the first generation.
const FIRST: Duration = Duration::from_secs(5);

struct Held {
    generation: String,
    writer: IndexWriter,
    used: Instant,
}

/// One index, whatever its generation.
pub struct Shelf {
    directory: PathBuf,
    prefix: String,
    schema: Schema,
    memory: usize,
    open: RwLock<Option<Arc<Generation>>>,
    writer: Mutex<Option<Held>>,
    ready: watch::Sender<bool>,
    searches: Arc<Semaphore>,
}

impl Shelf {
    /// The index `name` of documents of `schema`. What was written under another `version`
    /// is not read. Nothing is opened yet.
    pub fn new(config: &SearchConfig, name: &str, version: u32, schema: Schema) -> Self {
        Self {
            directory: config.directory.join(name),
            prefix: format!("v{version}-"),
            schema,
            memory: config.writer_memory,
            open: RwLock::default(),
            writer: Mutex::default(),
            ready: watch::Sender::new(false),
            // Each uses all of the threads: more at once would only wait for one another.
            searches: Arc::new(Semaphore::new(processors())),
        }
    }

    fn current(&self) -> Option<Arc<Generation>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn writer(&self) -> MutexGuard<'_, Option<Held>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, generation: Option<Arc<Generation>>) {
        let ready = generation.is_some();
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = generation;
        self.ready.send_replace(ready);
    }

    /// Opens the generation that is named now, if it is not open; `None` when it is not
    /// there, or damaged. The one before is searched until there is another.
    pub fn refresh(&self) -> Option<Arc<Generation>> {
        self.let_go_of_idle_writer();
        let named = fs::read_to_string(self.directory.join(CURRENT)).unwrap_or_default();
        let name = named.trim();
        let open = self.current();
        if let Some(open) = &open {
            if open.is_damaged() {
                self.put(None);
                return None;
            }
            if open.name() == name {
                return self.directory.join(name).is_dir().then(|| open.clone());
            }
        }
        // A name with a separator in it is none of ours.
        if !name.starts_with(&self.prefix) || name.contains(['/', '\\']) {
            return None;
        }
        match Generation::open(name.to_owned(), &self.directory.join(name), &self.schema) {
            Ok(generation) => {
                let generation = Arc::new(generation);
                self.put(Some(generation.clone()));
                // The writer of the one before has nothing left to write.
                drop(self.writer().take());
                self.sweep(name);
                Some(generation)
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, search.generation = name, "no usable index");
                None
            }
        }
    }

    fn let_go_of_idle_writer(&self) {
        let mut held = self.writer();
        let idle = held.as_ref().is_some_and(|held| held.used.elapsed() > IDLE);
        let taken = if idle { held.take() } else { None };
        drop(held);
        if let Some(held) = taken
            && let Err(error) = held.writer.wait_merging_threads()
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "segments were not merged");
        }
    }

    /// What was committed last beside the documents; `None` when it cannot be read.
    pub fn payload(&self, generation: &Generation) -> Option<String> {
        let read = generation.payload();
        if let Err(error) = &read {
            let directory = self.directory.display();
            tracing::warn!(error = error as &dyn std::error::Error, search.directory = %directory, "no usable index");
        }
        read.ok().flatten()
    }

    /// Deletes documents, adds others, and keeps `payload` with them: all at once.
    ///
    /// # Errors
    /// When there is no index, another process writes, or the disk fails. Nothing is
    /// changed then.
    pub fn write(&self, delete: Vec<Term>, add: Vec<TantivyDocument>, payload: &str) -> Result<(), StoreError> {
        let generation = self.current().ok_or_else(|| StoreError::Unavailable("there is no search index".into()))?;
        let mut slot = self.writer();
        let held = slot.take().filter(|held| held.generation == generation.name());
        let mut held = match held {
            Some(held) => held,
            None => match generation.index.writer_with_num_threads(1, self.memory) {
                Ok(writer) => Held { generation: generation.name().to_owned(), writer, used: Instant::now() },
                Err(error) => {
                    // What the other process has written is to be seen here too.
                    generation.reload().map_err(failed)?;
                    return Err(failed(error));
                }
            },
        };
        // A writer that failed is not put back: the next one begins at the last commit.
        let written = (|| {
            for term in delete {
                held.writer.delete_term(term);
            }
            for document in add {
                held.writer.add_document(document)?;
            }
            let mut commit = held.writer.prepare_commit()?;
            commit.set_payload(payload);
            commit.commit()?;
            generation.reload()
        })();
        if let Err(error) = written {
            note_damage(&generation, &error);
            return Err(failed(error));
        }
        held.used = Instant::now();
        *slot = Some(held);
        Ok(())
    }

    /// Begins a new generation beside the present one.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn build(self: &Arc<Self>) -> Result<Building, StoreError> {
        let name = format!("{}{}", self.prefix, uuid_v7().simple());
        let directory = self.directory.join(&name);
        fs::create_dir_all(&directory).map_err(unreadable)?;
        let lock = File::create(directory.join(LOCK)).map_err(unreadable)?;
        lock.lock().map_err(unreadable)?;
        let generation = Generation::create(name, &directory, self.schema.clone()).map_err(failed)?;
        let writer = generation.index.writer_with_num_threads(1, self.memory).map_err(failed)?;
        let building = Building { shelf: self.clone(), directory, lock, writer: Some(writer), finished: false };
        Ok(building)
    }

    /// Removes generations that nobody searches or builds any more.
    fn sweep(&self, current: &str) {
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            if entry.file_name() == current || !path.is_dir() || is_being_built(&path) {
                continue;
            }
            if let Err(error) = fs::remove_dir_all(&path) {
                tracing::warn!(error = &error as &dyn std::error::Error, "an old search index was not removed");
            }
        }
    }

    /// Runs a search, off the threads of requests. Who goes away meanwhile leaves it
    /// running, and its place taken until it ends.
    ///
    /// # Errors
    /// As unavailable when there is no index yet, and what the search itself says.
    pub async fn search<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Generation) -> tantivy::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let absent = || StoreError::Unavailable("the search index is being built".into());
        let mut ready = self.ready.subscribe();
        let first = tokio::time::timeout(FIRST, ready.wait_for(|ready| *ready)).await;
        drop(first.map_err(|_| absent())?);
        let generation = self.current().ok_or_else(absent)?;
        let permit = self.searches.clone().acquire_owned().await;
        let searched = generation.clone();
        let search = move || {
            let _permit = permit;
            work(&searched)
        };
        match tokio::task::spawn_blocking(search).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => {
                note_damage(&generation, &error);
                Err(failed(error))
            }
            // Reading torn files may panic; what is asked of them never does.
            Err(panic) => {
                generation.damage();
                Err(StoreError::Internal(Box::new(panic)))
            }
        }
    }
}

/// A damaged index is built anew.
fn note_damage(generation: &Generation, error: &TantivyError) {
    if matches!(
        error,
        TantivyError::DataCorruption(_)
            | TantivyError::IoError(_)
            | TantivyError::OpenReadError(_)
            | TantivyError::OpenDirectoryError(_)
            | TantivyError::ErrorInThread(_)
    ) {
        generation.damage();
    }
}

fn is_being_built(directory: &Path) -> bool {
    File::open(directory.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_err())
}

/// A generation that is not yet searched. Dropped, it is removed.
pub struct Building {
    shelf: Arc<Shelf>,
    directory: PathBuf,
    lock: File,
    writer: Option<IndexWriter>,
    finished: bool,
}

impl Building {
    /// Adds documents.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn add(&mut self, documents: Vec<TantivyDocument>) -> Result<(), StoreError> {
        let Some(writer) = &self.writer else { return Ok(()) };
        documents.into_iter().try_for_each(|document| writer.add_document(document).map(drop)).map_err(failed)
    }

    /// Puts it in place of the present one.
    ///
    /// # Errors
    /// When the disk fails; the present one stays.
    pub fn finish(mut self, payload: &str) -> Result<(), StoreError> {
        if let Some(mut writer) = self.writer.take() {
            let mut commit = writer.prepare_commit().map_err(failed)?;
            commit.set_payload(payload);
            commit.commit().map_err(failed)?;
            writer.wait_merging_threads().map_err(failed)?;
        }
        let name = self.directory.file_name().unwrap_or_default().to_os_string();
        let (current, fresh) = (self.shelf.directory.join(CURRENT), self.directory.join(CURRENT));
        let mut file = File::create(&fresh).map_err(unreadable)?;
        file.write_all(name.as_encoded_bytes()).and_then(|()| file.sync_all()).map_err(unreadable)?;
        fs::rename(&fresh, &current).map_err(unreadable)?;
        self.finished = true;
        // A leftover of the lock's file says nothing once nobody holds it.
        drop(fs::remove_file(self.directory.join(LOCK)));
        drop(self.lock.unlock());
        self.shelf.refresh();
        Ok(())
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        if !self.finished {
            self.writer = None;
            drop(fs::remove_dir_all(&self.directory));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tantivy::schema::FAST;
    use tokio::sync::oneshot;

    use super::*;
    use crate::core::{ID, LEAST_WRITER_MEMORY};

    #[tokio::test]
    async fn a_search_that_nobody_waits_for_keeps_its_place_until_its_thread_ends() {
        let directory = tempfile::tempdir().unwrap();
        let config = SearchConfig { directory: directory.path().to_owned(), writer_memory: LEAST_WRITER_MEMORY };
        let mut schema = Schema::builder();
        schema.add_i64_field(ID, FAST);
        let shelf = Arc::new(Shelf::new(&config, "things", 1, schema.build()));
        shelf.build().unwrap().finish("").unwrap();
        let places = shelf.searches.available_permits();

        let (begun, has_begun) = oneshot::channel();
        let (end, may_end) = mpsc::channel::<()>();
        let searched = shelf.clone();
        let search = async move {
            let work = move |_: &Generation| {
                begun.send(()).unwrap();
                may_end.recv().unwrap();
                Ok(())
            };
            searched.search(work).await
        };
        let caller = tokio::spawn(search);
        has_begun.await.unwrap();
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        assert_eq!(shelf.searches.available_permits(), places - 1, "it runs on");

        end.send(()).unwrap();
        let all = shelf.searches.acquire_many(u32::try_from(places).unwrap());
        let all = tokio::time::timeout(Duration::from_secs(30), all).await;
        all.expect("its place is free when it has ended").unwrap().forget();
    }
}
