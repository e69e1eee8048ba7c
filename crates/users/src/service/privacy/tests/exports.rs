//! Copies of one's own data: how they are made, opened and removed.

use chrono::Duration;
use sharestack_kernel::clock::Clock as _;
use sharestack_kernel::error::{Category, Classified};
use sharestack_kernel::job::{ClaimedJob, JobHandler};

use super::*;
use crate::error::ExportError;
use crate::events;
use crate::model::ExportState;

#[tokio::test]
async fn a_copy_is_made_once_a_day_and_opened_by_its_link() {
    let world = World::new().await;
    let export = world.made().await;
    assert_eq!(export.file(world.clock.now()).unwrap().1, 1);
    let refused = world.exports().request(world.user).await.unwrap_err();
    assert_eq!(refused.category(), Category::RateLimited);
    let (_, link) = world.exports().find(world.user, export.id).await.unwrap();
    let link = link.unwrap();
    assert_eq!(link.expires_at, world.clock.now() + Duration::minutes(10));
    assert_eq!(world.exports().open(export.id, &link.ticket).await.unwrap(), export);
    assert_eq!(world.kinds().last().unwrap(), events::EXPORT_DOWNLOADED);
    let stranger = world.exports().find(UserId::new(99), export.id).await;
    assert!(matches!(stranger, Err(ExportError::NotFound(_))));
    let made_up = world.exports().open(export.id, "0=export-link=00").await;
    assert!(matches!(made_up, Err(ExportError::NotFound(_))));
    world.clock.advance(Duration::minutes(10));
    assert!(matches!(world.exports().open(export.id, &link.ticket).await, Err(ExportError::Gone)));
    world.clock.advance(Duration::days(1));
    world.made().await;
}

#[tokio::test]
async fn a_link_opens_no_other_copy() {
    let world = World::new().await;
    let first = world.made().await;
    world.clock.advance(Duration::days(2));
    let second = world.made().await;
    let (_, link) = world.exports().find(world.user, first.id).await.unwrap();
    let refused = world.exports().open(second.id, &link.unwrap().ticket).await;
    assert!(matches!(refused, Err(ExportError::NotFound(_))));
}

#[tokio::test]
async fn an_old_copy_goes_with_its_file() {
    let world = World::new().await;
    let export = world.made().await;
    assert_eq!(world.exports().prune().await.unwrap(), 0);
    world.clock.advance(Duration::days(7));
    assert_eq!(world.exports().prune().await.unwrap(), 1);
    assert!(world.shelf.files.lock().unwrap().is_empty());
    let (gone, link) = world.exports().find(world.user, export.id).await.unwrap();
    assert_eq!((gone.state, link), (ExportState::Expired, None));
    assert_eq!(world.exports().prune().await.unwrap(), 0);
}

/// One file that cannot go does not keep the others.
#[tokio::test]
async fn old_copies_go_beside_one_that_cannot() {
    let world = World::new().await;
    let mut files = Vec::new();
    for _ in 0..3 {
        let export = world.made().await;
        files.push(export.file(world.clock.now()).unwrap().0.to_owned());
        world.clock.advance(Duration::days(1));
    }
    world.shelf.stuck.lock().unwrap().push(files[0].clone());
    world.clock.advance(Duration::days(7));
    assert_eq!(world.exports().prune().await.unwrap(), 2);
    assert_eq!(*world.shelf.files.lock().unwrap(), files[..1]);
    world.shelf.stuck.lock().unwrap().clear();
    assert_eq!(world.exports().prune().await.unwrap(), 1);
    assert!(world.shelf.files.lock().unwrap().is_empty());
}

/// An attempt that was thought lost comes late: it takes nothing away, and leaves nothing.
#[tokio::test]
async fn a_late_attempt_neither_takes_a_copy_away_nor_leaves_one() {
    let world = World::new().await;
    let asked = world.exports().request(world.user).await.unwrap();
    let handler = BuildExport::new(world.ports.clone(), world.policy);
    let pending = world.store.find_export(asked.id).await.unwrap().unwrap();
    handler.build(asked.id, 2).await.unwrap();
    let ready = world.store.find_export(asked.id).await.unwrap().unwrap();
    // The first one saw it pending, and writes its file and its end now.
    world.shelf.write(&format!("exports/{}-1.zip", asked.id), stream::empty().boxed(), &[]).await.unwrap();
    for state in [
        ExportState::Failed { at: world.clock.now() },
        ExportState::Ready {
            at: world.clock.now(),
            file: format!("exports/{}-1.zip", asked.id),
            size: 1,
            expires_at: world.clock.now(),
        },
    ] {
        let late = Export { state, ..pending.clone() };
        let store = &world.store;
        let moved: Result<bool, StoreError> = transact!(store, |tx| { tx.privacy().update_export(&late).await });
        assert!(!moved.unwrap());
    }
    handler.remove_files(asked.id, 1..=1).await;
    assert_eq!(world.store.find_export(asked.id).await.unwrap().unwrap(), ready);
    assert_eq!(*world.shelf.files.lock().unwrap(), [format!("exports/{}-2.zip", asked.id)]);
    let events = world.kinds().into_iter().filter(|kind| kind == events::EXPORT_FINISHED).count();
    assert_eq!(events, 1);
}

#[tokio::test]
async fn a_copy_that_cannot_be_made_is_told_and_does_not_count() {
    let world = World::new().await;
    let asked = world.exports().request(world.user).await.unwrap();
    *world.shelf.full.lock().unwrap() = true;
    let handler = BuildExport::new(world.ports.clone(), world.policy);
    let attempt = |attempt| ClaimedJob {
        id: uuid::Uuid::nil(),
        kind: handler.kind().to_owned(),
        payload: json!({ "export_id": asked.id }),
        attempt,
        max_attempts: 2,
        lost: 0,
    };
    assert!(handler.run(&attempt(1)).await.is_err());
    assert_eq!(world.store.find_export(asked.id).await.unwrap().unwrap().state, ExportState::Pending);
    assert!(handler.run(&attempt(2)).await.is_err());
    let failed = world.store.find_export(asked.id).await.unwrap().unwrap();
    assert_eq!(failed.state, ExportState::Failed { at: world.clock.now() });
    *world.shelf.full.lock().unwrap() = false;
    world.made().await;
    // The job of the failed one comes too late.
    assert!(handler.run(&attempt(1)).await.is_ok());
    assert_eq!(world.shelf.files.lock().unwrap().len(), 1);
}
