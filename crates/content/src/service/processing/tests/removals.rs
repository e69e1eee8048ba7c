//! A file is removed while it is worked on: by whoever it belongs to, or with its photo.

use super::outages::Unsteady;
use super::*;

/// How often a run asks a picture for what comes next, to its end.
const STEPS: usize = FormatName::ALL.len() + 2;

/// Removes the file: its row, and what lies in its place by now.
fn remove(ports: &ProcessingPorts, shelf: &Shelf) {
    let gone: Result<bool, StoreError> =
        futures::executor::block_on(async { transact!(ports.store, |tx| { tx.files().delete(FileId::new(1)).await }) });
    assert!(gone.unwrap());
    shelf.0.lock().unwrap().clear();
}

/// A file that is removed when its picture is asked for the thing at `step`, and whose picture
/// ends as `end` says.
fn removed_at(step: usize, end: Ends) -> Scene {
    removed_then(step, end, || {})
}

/// The same, and something else happens right after that.
fn removed_then(step: usize, end: Ends, then: impl Fn() + Send + Sync + 'static) -> Scene {
    let then = Arc::new(then);
    let mut scene = Scene::with(MockImaging::new());
    let (ports, shelf) = (scene.ports.clone(), scene.shelf.clone());
    let mut imaging = MockImaging::new();
    imaging.expect_open().times(1).returning(move |_| {
        let (ports, shelf, then, mut asked) = (ports.clone(), shelf.clone(), then.clone(), 0);
        let mut left: Vec<Made> = FormatName::ALL.into_iter().rev().map(derivative).collect();
        left.push(Made::Placeholder("x".to_owned()));
        let mut picture = MockOpenPicture::new();
        picture.expect_facts().returning(facts);
        picture.expect_start().returning(|_| Ok(()));
        picture.expect_next().returning(move || {
            if asked == step {
                remove(&ports, &shelf);
                then();
            }
            asked += 1;
            left.pop().map_or_else(end, |made| Ok(Some(made)))
        });
        Ok(Box::new(picture))
    });
    scene.ports.imaging = Arc::new(imaging);
    scene
}

impl Scene {
    /// There is no file, no word of one, and no byte after what the runs left to be done is done.
    async fn assert_nothing_is_left(&self, what: &str) {
        assert_eq!(self.ports.files.find_file(FileId::new(1)).await.unwrap(), None, "{what}");
        assert!(self.store.events().is_empty(), "{what}");
        let jobs = self.store.jobs();
        assert!(jobs.iter().any(|job| job.kind == SWEEP_JOB), "{what}: {jobs:?}");
        self.sweep().await;
        assert!(self.shelf.keys().is_empty(), "{what}: {:?}", self.shelf.keys());
    }
}

#[tokio::test]
async fn a_file_that_is_removed_while_it_is_worked_on_leaves_nothing() {
    for step in 0..STEPS {
        let scene = removed_at(step, || Ok(None));
        scene.process().await;
        scene.assert_nothing_is_left(&format!("step {step}")).await;
    }
}

#[tokio::test]
async fn nor_does_one_whose_picture_cannot_be_read_to_its_end() {
    let scene = removed_at(STEPS - 1, || Err(ImagingError::Broken("nonsense".into())));
    scene.process().await;
    scene.assert_nothing_is_left("broken").await;
    let scene = removed_at(STEPS - 1, || Err(ImagingError::Busy));
    assert!(scene.run(json!({ "file_id": 1 }), 10, 0).await.unwrap_err().is::<Hopeless>());
    scene.assert_nothing_is_left("tried for the last time").await;
}

#[tokio::test]
async fn nor_does_one_of_which_more_was_kept_than_could_be_noted() {
    let away = Arc::new(AtomicBool::new(false));
    let cut = away.clone();
    let mut scene = removed_then(3, || Ok(None), move || cut.store(true, Ordering::Relaxed));
    scene.ports.store = Arc::new(Unsteady(scene.store.clone(), away.clone()));
    assert!(!scene.run(json!({ "file_id": 1 }), 1, 0).await.unwrap_err().is::<Hopeless>());
    assert_eq!(scene.shelf.keys().len(), 1, "what was made after the file's place was cleared");
    away.store(false, Ordering::Relaxed);
    scene.run(json!({ "file_id": 1 }), 2, 0).await.unwrap();
    scene.assert_nothing_is_left("tried again").await;
}
