//! Runs that another one has overtaken, and workers that were lost.

use super::*;

#[tokio::test]
async fn a_run_that_was_overtaken_changes_nothing_more() {
    let scene = Scene::with(picture(|| Ok(None)));
    let mut file = scene.file().await;
    let mut imaging = MockImaging::new();
    let store = scene.store.clone();
    imaging.expect_open().returning(move |_| {
        // Meanwhile another worker begins.
        file.processing.status = FileStatus::Processing;
        file.processing.started_at = Some(start() + TimeDelta::seconds(99));
        store.put_file(&file);
        let mut picture = MockOpenPicture::new();
        picture.expect_facts().returning(facts);
        Ok(Box::new(picture))
    });
    let ports = ProcessingPorts { imaging: Arc::new(imaging), ..scene.ports.clone() };
    let overtaken = Scene { ports, store: scene.store.clone(), shelf: scene.shelf.clone(), clock: scene.clock.clone() };
    overtaken.process().await;
    let processing = scene.file().await.processing;
    assert_eq!((processing.status, processing.width), (FileStatus::Processing, None));
    assert_eq!(processing.started_at, Some(start() + TimeDelta::seconds(99)));
    assert!(scene.store.events().is_empty());
}

/// A file of which another worker begins while the first opens it, and how that ends.
fn overtaken(end: fn() -> ImagingError) -> Scene {
    let mut scene = Scene::with(MockImaging::new());
    let (store, mut imaging) = (scene.store.clone(), MockImaging::new());
    imaging.expect_open().returning(move |_| {
        let mut file = futures::executor::block_on(FileQueries::find_file(&store, FileId::new(1))).unwrap().unwrap();
        file.processing.status = FileStatus::Processing;
        file.processing.started_at = Some(start() + TimeDelta::seconds(99));
        store.put_file(&file);
        Err(end())
    });
    scene.ports.imaging = Arc::new(imaging);
    scene
}

#[tokio::test]
async fn a_run_that_was_overtaken_gives_nothing_up() {
    for (end, attempt, is_done) in [
        ((|| ImagingError::Broken("nonsense".into())) as fn() -> ImagingError, 1, true),
        (|| ImagingError::Busy, 10, false),
    ] {
        let scene = overtaken(end);
        assert_eq!(scene.run(json!({ "file_id": 1 }), attempt, 0).await.is_ok(), is_done);
        let processing = scene.file().await.processing;
        assert_eq!((processing.status, processing.failure), (FileStatus::Processing, None));
        assert_eq!(processing.started_at, Some(start() + TimeDelta::seconds(99)));
        assert!(scene.store.events().is_empty());
        // What it may have made is looked for all the same.
        assert_eq!(scene.store.jobs().iter().map(|job| job.kind.as_str()).collect::<Vec<_>>(), [SWEEP_JOB]);
    }
}

#[tokio::test]
async fn what_is_ready_is_not_given_up_with_the_workers_that_were_lost_behind_it() {
    let scene = Scene::with(picture(|| Ok(None)));
    scene.process().await;
    let before = scene.file().await;
    scene.clock.advance(TimeDelta::seconds(5));
    // The third worker made everything, and was lost before it could say so.
    scene.run(json!({ "file_id": 1 }), 4, 3).await.unwrap();
    assert_eq!(scene.file().await, before);
    assert_eq!(scene.store.events(), ["file.processed"]);
}
