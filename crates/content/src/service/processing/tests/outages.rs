//! What a file needs is away for a while, or its workers are.

use sharestack_kernel::error::StoreError;
use sharestack_kernel::tx::Begin;

use super::*;
use crate::ports::PortfolioTx;

/// Tries as workers do until the job is done or dead: how often, and its last answer. What
/// is `away` comes back after so long.
async fn tried(scene: &Scene, comes_back: TimeDelta, away: &AtomicBool) -> (u32, Result<(), JobError>) {
    let back_at = scene.clock.now() + comes_back;
    for attempt in 1..=10 {
        away.store(scene.clock.now() < back_at, Ordering::Relaxed);
        match scene.run(json!({ "file_id": 1 }), attempt, 0).await {
            Err(error) if attempt < 10 => {
                assert!(!error.is::<Hopeless>(), "attempt {attempt}: {error}");
                assert_ne!(scene.file().await.processing.status, FileStatus::Failed, "attempt {attempt}");
                scene.clock.advance(TimeDelta::from_std(backoff(attempt)).unwrap());
            }
            ended => return (attempt, ended),
        }
    }
    unreachable!("the tenth attempt ends it")
}

#[tokio::test]
async fn a_store_of_files_may_be_away_for_minutes() {
    for (seconds, attempts) in [(1, 2), (7, 4), (60, 6), (1000, 10)] {
        let scene = Scene::with(picture(|| Ok(None)));
        let (tries, ended) = tried(&scene, TimeDelta::seconds(seconds), &scene.shelf.1).await;
        assert!(ended.is_ok() && tries == attempts, "{seconds} s: {tries} {ended:?}");
        assert_eq!(scene.file().await.processing.status, FileStatus::Ready);
        assert_eq!(scene.store.events(), ["file.processed"]);
    }
}

#[tokio::test]
async fn a_store_of_files_that_stays_away_is_no_fault_of_the_picture() {
    let scene = Scene::with(picture(|| Ok(None)));
    let (tries, ended) = tried(&scene, TimeDelta::hours(1), &scene.shelf.1).await;
    assert!(tries == 10 && ended.unwrap_err().is::<Hopeless>());
    let processing = scene.file().await.processing;
    assert_eq!(processing.status, FileStatus::Failed);
    assert_eq!(processing.failure.as_deref(), Some("the file could not be processed now; ask for it again later"));
    assert_eq!(scene.store.events(), ["file.failed"]);
    // And it is, when somebody asks.
    scene.shelf.1.store(false, Ordering::Relaxed);
    assert!(scene.reprocess(&owner(), None, false).await.unwrap().started);
    scene.process().await;
    assert_eq!(scene.file().await.processing.status, FileStatus::Ready);
}

/// A database that is out of reach now and then.
pub(super) struct Unsteady(pub(super) MemoryPortfolio, pub(super) Arc<AtomicBool>);

#[async_trait]
impl Begin<dyn PortfolioTx> for Unsteady {
    #[expect(clippy::disallowed_methods, reason = "hands the runner's call on")]
    async fn begin(&self) -> Result<Box<dyn PortfolioTx>, StoreError> {
        if self.1.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("away".into()));
        }
        self.0.begin().await
    }
}

#[tokio::test]
async fn a_database_may_be_away_for_minutes() {
    let mut scene = Scene::with(picture(|| Ok(None)));
    let away = Arc::new(AtomicBool::new(false));
    scene.ports.store = Arc::new(Unsteady(scene.store.clone(), away.clone()));
    let (tries, ended) = tried(&scene, TimeDelta::seconds(60), &away).await;
    assert!(ended.is_ok() && tries == 6, "{tries} {ended:?}");
    assert_eq!(scene.file().await.processing.status, FileStatus::Ready);
}

#[tokio::test]
async fn what_may_pass_is_tried_until_the_job_ends() {
    let scene = Scene::with(picture(|| Err(ImagingError::Busy)));
    for attempt in 1..10 {
        let error = scene.run(json!({ "file_id": 1 }), attempt, 2).await.unwrap_err();
        assert!(!error.is::<Hopeless>());
        assert_eq!(scene.file().await.processing.status, FileStatus::Processing);
    }
    assert!(scene.run(json!({ "file_id": 1 }), 10, 2).await.unwrap_err().is::<Hopeless>());
    let processing = scene.file().await.processing;
    assert_eq!(processing.status, FileStatus::Failed);
    assert_eq!(Steps::of(&processing).current(), Some(Step::Optimization));
    scene.sweep().await;
    assert_eq!(scene.shelf.keys(), ["files/1/original.jpg"], "nothing of it is left");
}

#[tokio::test]
async fn a_file_that_ends_its_workers_is_given_up() {
    let scene = Scene::with(MockImaging::new());
    // Three workers took it and were never heard of again.
    scene.run(json!({ "file_id": 1 }), 4, 3).await.unwrap();
    let processing = scene.file().await.processing;
    assert_eq!(processing.status, FileStatus::Failed);
    assert!(processing.failure.unwrap().contains("worker ended"));
}

#[tokio::test]
async fn a_file_whose_job_died_unheard_is_ended_by_the_upkeep() {
    for (status, has_job, minutes, ended) in [
        (FileStatus::Uploaded, false, 16, true),
        (FileStatus::Processing, false, 16, true),
        (FileStatus::Processing, false, 14, false),
        (FileStatus::Processing, true, 16, false),
        (FileStatus::Ready, false, 16, false),
        (FileStatus::Failed, false, 16, false),
    ] {
        let scene = Scene::with(MockImaging::new());
        let mut file = scene.file().await;
        file.processing.status = status;
        scene.store.put_file(&file);
        if has_job {
            scene.enqueue().await;
        }
        scene.clock.advance(TimeDelta::minutes(minutes));
        let upkeep = Forsaken::new(scene.ports.clone(), ProcessingPolicy::default());
        assert_eq!(upkeep.end().await.unwrap(), usize::from(ended), "{status:?} {has_job} {minutes}");
        let after = scene.file().await;
        if !ended {
            assert_eq!(after, file);
            assert!(scene.store.events().is_empty());
            continue;
        }
        let reason = "the file could not be processed: its worker ended each time";
        assert_eq!((after.processing.status, after.processing.failure.as_deref()), (FileStatus::Failed, Some(reason)));
        assert_eq!(scene.store.events(), ["file.failed"]);
        assert_eq!(scene.store.jobs().last().map(|job| job.kind.clone()).as_deref(), Some(SWEEP_JOB));
        assert_eq!(upkeep.end().await.unwrap(), 0, "once");
    }
}

#[tokio::test]
async fn a_file_whose_job_died_unheard_is_worked_on_when_somebody_asks() {
    let scene = Scene::with(picture(|| Ok(None)));
    // Its last worker was lost, and nothing waits or runs for it.
    let mut file = scene.file().await;
    file.processing.status = FileStatus::Processing;
    scene.store.put_file(&file);
    let done = scene.reprocess(&owner(), None, false).await.unwrap();
    assert!(done.started && done.progress.status == FileStatus::Uploaded);
    let refused = scene.reprocess(&owner(), None, false).await;
    assert!(matches!(refused, Err(ReprocessError::Running(_))), "now one waits: {refused:?}");
}
