//! What is processed anew, and when.

use super::*;

#[tokio::test]
async fn some_derivatives_are_replaced_and_the_old_ones_go_later() {
    let scene = Scene::with(picture(|| Ok(None)));
    scene.process().await;
    let before = scene.file().await.processing.derivatives.unwrap();
    scene.clock.advance(TimeDelta::seconds(5));
    let done = scene.reprocess(&owner(), Some(&[FormatName::ThumbSmall, FormatName::Webp]), true).await.unwrap();
    assert!(done.started);
    assert_eq!((done.progress.status, done.progress.progress), (FileStatus::Uploaded, 0));
    assert_eq!(scene.file().await.processing.derivatives.unwrap(), before, "they are shown until then");
    let job = scene.store.jobs().into_iter().rfind(|job| job.kind == PROCESS_JOB).unwrap();
    assert_eq!(job.payload, json!({ "file_id": 1, "formats": ["thumb_small", "webp"] }));
    assert_eq!(job.dedupe_key.as_deref(), Some("media.process:1"));

    scene.run(job.payload, 1, 0).await.unwrap();
    let after = scene.file().await.processing.derivatives.unwrap();
    for kind in FormatName::ALL {
        let replaced = matches!(kind, FormatName::ThumbSmall | FormatName::Webp);
        assert_eq!(before[kind.as_str()] != after[kind.as_str()], replaced, "{kind:?}");
        let old = before[kind.as_str()]["key"].as_str().unwrap();
        assert!(scene.shelf.keys().iter().any(|key| key == old), "whoever fetches it gets it");
    }
    scene.sweep().await;
    let mut expected: Vec<_> =
        FormatName::ALL.iter().map(|kind| after[kind.as_str()]["key"].as_str().unwrap().to_owned()).collect();
    expected.push("files/1/original.jpg".to_owned());
    expected.sort();
    assert_eq!(scene.shelf.keys(), expected);
}

#[tokio::test]
async fn what_some_derivatives_take_is_not_how_long_a_file_does() {
    let scene = Scene::with(picture(|| Ok(None)));
    scene.process().await;
    assert!(scene.ports.queries.pace().await.unwrap().is_some());
    scene.reprocess(&owner(), Some(&[FormatName::ThumbSmall]), true).await.unwrap();
    scene.run(json!({ "file_id": 1, "formats": ["thumb_small"] }), 1, 0).await.unwrap();
    assert_eq!(scene.file().await.processing.status, FileStatus::Ready);
    assert_eq!(scene.ports.queries.pace().await.unwrap(), None);
    scene.run(json!({ "file_id": 1 }), 1, 0).await.unwrap();
    assert!(scene.ports.queries.pace().await.unwrap().is_some());
}

#[tokio::test]
async fn what_runs_is_not_begun_again() {
    let scene = Scene::with(picture(|| Ok(None)));
    scene.enqueue().await;
    let refused = scene.reprocess(&owner(), None, true).await;
    assert!(matches!(refused, Err(ReprocessError::Running(_))), "{refused:?}");
    assert_eq!(scene.store.jobs().len(), 1);
}

#[tokio::test]
async fn what_is_there_is_made_anew_by_force_alone() {
    let scene = Scene::with(picture(|| Ok(None)));
    scene.process().await;
    let done = scene.reprocess(&owner(), None, false).await.unwrap();
    assert!(!done.started && done.progress.status == FileStatus::Ready);
    let done = scene.reprocess(&owner(), None, true).await.unwrap();
    assert!(done.started);
}

#[tokio::test]
async fn a_failed_file_is_tried_again_when_its_owner_asks() {
    let scene = Scene::with(unreadable(|| ImagingError::NoPreview));
    scene.process().await;
    let done = scene.reprocess(&owner(), None, false).await.unwrap();
    assert!(done.started && done.progress.failure.is_none());
}

#[tokio::test]
async fn what_is_asked_of_a_failed_file_comes_with_all_that_it_has_not() {
    let whole = Scene::with(picture(|| Ok(None)));
    whole.process().await;
    let mut some = whole.file().await.processing.derivatives.unwrap();
    some.as_object_mut().unwrap().remove("display");
    let all: Vec<_> = FormatName::ALL.iter().map(|kind| kind.as_str()).collect();
    // What it has is left alone unless it is asked for.
    for (has, wanted) in [(None, json!(all)), (Some(some), json!(["display", "webp"]))] {
        let scene = Scene::with(picture(|| Ok(None)));
        let mut file = scene.file().await;
        (file.processing.status, file.processing.derivatives) = (FileStatus::Failed, has);
        scene.store.put_file(&file);
        scene.reprocess(&owner(), Some(&[FormatName::Webp]), false).await.unwrap();
        let job = scene.store.jobs().into_iter().rfind(|job| job.kind == PROCESS_JOB).unwrap();
        assert_eq!(job.payload, json!({ "file_id": 1, "formats": wanted }));
        scene.run(job.payload, 1, 0).await.unwrap();
        let processing = scene.file().await.processing;
        let derivatives = processing.derivatives.unwrap();
        assert_eq!((processing.status, derivatives.as_object().unwrap().len()), (FileStatus::Ready, all.len()));
    }
}
