use std::cmp::Ordering;
use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};

use super::{MemoryPortfolio, MemoryPortfolioTx};
use crate::model::{
    Bounds, Caption, Coordinate, FileId, Photo, PhotoCount, PhotoId, PhotoKey, Position, ShareLink, ShareLinkId,
    ShareTarget,
};
use crate::ports::{
    Order, PhotoCluster, PhotoFilter, PhotoHead, PhotoQueries, PhotoRepository, PhotoScope, PhotoSort, PhotoThumb,
    PhotoView, PhotoWriteError, ShareLinkRepository,
};

#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) photo: Photo,
    views: i64,
    downloads: i64,
}

impl Row {
    /// Whether it is in the trash, and made from this file.
    pub(super) fn has_trashed(&self, file: FileId) -> bool {
        self.photo.trashed_at.is_some() && self.photo.file_id == Some(file)
    }
}

impl MemoryPortfolio {
    /// Puts a photo in place without a service.
    pub fn put_photo(&self, photo: &Photo) {
        self.state().photos.insert(photo.id, Row { photo: photo.clone(), views: 0, downloads: 0 });
    }

    /// A photo as it is.
    pub fn photo(&self, id: PhotoId) -> Option<Photo> {
        self.state().photos.get(&id).map(|row| row.photo.clone())
    }

    /// A kept length.
    pub fn photo_count(&self, key: PhotoCount) -> i64 {
        self.state().counts.get(&key).copied().unwrap_or_default()
    }

    fn view(&self, row: &Row) -> PhotoView {
        let likes = self.state().likes.iter().filter(|(photo, _)| *photo == row.photo.id).count();
        PhotoView {
            photo: row.photo.clone(),
            view_count: row.views,
            like_count: i64::try_from(likes).unwrap_or_default(),
            download_count: row.downloads,
            categories: Vec::new(),
            tags: Vec::new(),
        }
    }

    fn row(&self, key: &PhotoKey) -> Option<Row> {
        let state = self.state();
        let found = state.photos.values().find(|row| match key {
            PhotoKey::Id(id) => row.photo.id == *id,
            PhotoKey::Slug(slug) => row.photo.slug == *slug,
            PhotoKey::Neither(_) => false,
        });
        found.cloned()
    }

    fn page(&self, rows: &[Row], page: PageRequest) -> Page<PhotoView> {
        let total = rows.len() as u64;
        let offset = usize::try_from(page.offset()).unwrap_or(usize::MAX);
        let rows = rows.iter().skip(offset).take(page.limit() as usize);
        Page { items: rows.map(|row| self.view(row)).collect(), total, request: page }
    }
}

fn in_scope(scope: PhotoScope, photo: &Photo) -> bool {
    let by = |owner: Option<UserId>| owner.is_none_or(|owner| owner == photo.owner_id);
    match scope {
        PhotoScope::Listed => photo.is_listed(),
        PhotoScope::Open { owner } => photo.is_listed() || (photo.is_open() && by(Some(owner))),
        PhotoScope::Trash { owner } => photo.trashed_at.is_some() && by(owner),
        PhotoScope::Kept { status, visibility, owner } => {
            photo.trashed_at.is_none()
                && status.is_none_or(|status| status == photo.status)
                && visibility.is_none_or(|visibility| visibility == photo.visibility)
                && by(owner)
        }
    }
}

/// Categories and tags are not kept here.
fn matches(filter: &PhotoFilter, photo: &Photo) -> bool {
    let text = |text: &String| {
        let has = |part: Option<&str>| part.is_some_and(|part| part.to_lowercase().contains(&text.to_lowercase()));
        let description = photo.description.as_ref().map(Caption::as_str);
        has(Some(photo.title.as_str())) || has(description) || has(photo.place.name.as_deref())
    };
    in_scope(filter.scope, photo)
        && filter.search.as_ref().is_none_or(text)
        && filter.year.is_none_or(|year| photo.month().is_some_and(|(taken, _)| taken == year))
        && filter.month.is_none_or(|month| photo.month().is_some_and(|(_, taken)| taken == month))
}

fn compare(filter: &PhotoFilter, a: &Photo, b: &Photo) -> Ordering {
    if let PhotoScope::Trash { .. } = filter.scope {
        return (b.trashed_at, b.id).cmp(&(a.trashed_at, a.id));
    }
    let by = match filter.sort {
        PhotoSort::CreatedAt => a.created_at.cmp(&b.created_at),
        PhotoSort::TakenAt => a.shown_at().cmp(&b.shown_at()),
        PhotoSort::Title => a.title.as_str().cmp(b.title.as_str()),
        PhotoSort::SortOrder => a.sort_order.cmp(&b.sort_order),
    };
    let by = by.then(a.id.cmp(&b.id));
    if filter.order == Order::Ascending { by } else { by.reverse() }
}

#[async_trait]
impl PhotoQueries for MemoryPortfolio {
    async fn find(&self, key: &PhotoKey) -> Result<Option<PhotoView>, StoreError> {
        Ok(self.row(key).map(|row| self.view(&row)))
    }

    async fn find_photo(&self, key: &PhotoKey) -> Result<Option<Photo>, StoreError> {
        Ok(self.row(key).map(|row| row.photo))
    }

    async fn find_head(&self, key: &PhotoKey) -> Result<Option<PhotoHead>, StoreError> {
        Ok(self.row(key).map(|Row { photo, .. }| PhotoHead {
            id: photo.id,
            owner_id: photo.owner_id,
            status: photo.status,
            visibility: photo.visibility,
            trashed_at: photo.trashed_at,
        }))
    }

    async fn list(&self, filter: &PhotoFilter, page: PageRequest) -> Result<Page<PhotoView>, StoreError> {
        let mut rows: Vec<Row> =
            self.state().photos.values().filter(|row| matches(filter, &row.photo)).cloned().collect();
        rows.sort_by(|a, b| compare(filter, &a.photo, &b.photo));
        Ok(self.page(&rows, page))
    }

    async fn list_trashed_until(&self, time: DateTime<Utc>, limit: u64) -> Result<Vec<PhotoId>, StoreError> {
        let state = self.state();
        let thrown = state.photos.values().filter_map(|row| Some((row.photo.trashed_at?, row.photo.id)));
        let mut thrown: Vec<_> = thrown.filter(|(at, _)| *at <= time).collect();
        thrown.sort_unstable();
        thrown.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(thrown.into_iter().map(|(_, id)| id).collect())
    }

    async fn find_many(&self, ids: &[PhotoId]) -> Result<Vec<PhotoView>, StoreError> {
        let rows: Vec<Row> = ids.iter().filter_map(|id| self.row(&(*id).into())).collect();
        Ok(rows.iter().map(|row| self.view(row)).collect())
    }

    async fn thumbs(&self, ids: &[PhotoId]) -> Result<Vec<PhotoThumb>, StoreError> {
        let photos = ids.iter().filter_map(|id| self.photo(*id)).filter(Photo::is_listed);
        let thumb = |photo: Photo| PhotoThumb {
            id: photo.id,
            title: photo.title.as_str().to_owned(),
            taken_at: photo.taken.map(|taken| taken.at),
            formats: photo.picture.formats.into_keys().collect(),
            revision: photo.picture.revision,
        };
        Ok(photos.map(thumb).collect())
    }

    async fn liked(&self, user: UserId, ids: &[PhotoId]) -> Result<Vec<PhotoId>, StoreError> {
        let state = self.state();
        Ok(ids.iter().copied().filter(|id| state.likes.contains(&(*id, user))).collect())
    }

    async fn likes_of(&self, owner: UserId) -> Result<u64, StoreError> {
        let state = self.state();
        let photos = state.photos.values().map(|row| &row.photo);
        let listed: Vec<PhotoId> =
            photos.filter(|photo| photo.owner_id == owner && photo.is_listed()).map(|photo| photo.id).collect();
        Ok(state.likes.iter().filter(|(photo, _)| listed.contains(photo)).count() as u64)
    }

    async fn clusters(&self, bounds: Bounds, cell: i64, limit: u64) -> Result<Vec<PhotoCluster>, StoreError> {
        let state = self.state();
        let mut squares: BTreeMap<(i64, i64), Vec<(PhotoId, Position)>> = BTreeMap::new();
        for photo in state.photos.values().map(|row| &row.photo).filter(|photo| photo.is_listed()) {
            let Some(position) = photo.place.position.filter(|position| bounds.contains(*position)) else { continue };
            let of = |coordinate: Coordinate| (i64::from(coordinate.steps()) + 1_800_000_000) / cell;
            squares.entry((of(position.latitude), of(position.longitude))).or_default().push((photo.id, position));
        }
        let middle = |steps: Vec<i32>| {
            let sum: i64 = steps.iter().copied().map(i64::from).sum();
            Coordinate::stored(i32::try_from(sum / i64::try_from(steps.len()).unwrap_or(1)).unwrap_or_default())
        };
        let mut clusters: Vec<PhotoCluster> = squares
            .into_values()
            .map(|photos| PhotoCluster {
                count: photos.len() as u64,
                center: Position {
                    latitude: middle(photos.iter().map(|(_, at)| at.latitude.steps()).collect()),
                    longitude: middle(photos.iter().map(|(_, at)| at.longitude.steps()).collect()),
                },
                photo: photos.iter().map(|(id, _)| *id).max().unwrap_or(PhotoId::new(0)),
            })
            .collect();
        clusters.sort_by_key(|cluster| (u64::MAX - cluster.count, cluster.photo));
        clusters.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(clusters)
    }

    async fn find_share_link(&self, token_hash: &str) -> Result<Option<ShareLink>, StoreError> {
        Ok(self.state().links.iter().find(|link| link.token_hash == token_hash).cloned())
    }

    async fn list_shared(&self, link: &ShareLink, page: PageRequest) -> Result<Page<PhotoView>, StoreError> {
        let ids = match &link.target {
            ShareTarget::Photos(ids) => ids.clone(),
            ShareTarget::Category(_) => Vec::new(),
        };
        let rows = ids.iter().filter_map(|id| self.row(&(*id).into()));
        let shown = |row: &Row| {
            let photo = &row.photo;
            let own =
                photo.owner_id == link.owner_id && photo.trashed_at.is_none() && !photo.picture.formats.is_empty();
            own || photo.is_listed()
        };
        Ok(self.page(&rows.filter(shown).collect::<Vec<_>>(), page))
    }
}

impl MemoryPortfolioTx {
    fn is_free(&self, photo: &Photo) -> Result<(), PhotoWriteError> {
        for other in self.state.photos.values().map(|row| &row.photo).filter(|other| other.id != photo.id) {
            if other.slug == photo.slug {
                return Err(PhotoWriteError::SlugTaken);
            }
            if other.file_id.is_some() && other.file_id == photo.file_id {
                return Err(PhotoWriteError::FileTaken);
            }
        }
        Ok(())
    }

    fn find(&self, wanted: impl Fn(&Photo) -> bool) -> Option<Photo> {
        self.state.photos.values().map(|row| &row.photo).find(|photo| wanted(photo)).cloned()
    }

    fn likes(&self, id: PhotoId) -> i64 {
        i64::try_from(self.state.likes.iter().filter(|(photo, _)| *photo == id).count()).unwrap_or_default()
    }
}

#[async_trait]
impl PhotoRepository for MemoryPortfolioTx {
    async fn find_for_update(&mut self, id: PhotoId) -> Result<Option<Photo>, StoreError> {
        Ok(self.find(|photo| photo.id == id))
    }

    async fn find_by_file_for_update(&mut self, file: FileId) -> Result<Option<Photo>, StoreError> {
        Ok(self.find(|photo| photo.file_id == Some(file)))
    }

    async fn find_one_by_owner_for_update(&mut self, owner: UserId) -> Result<Option<Photo>, StoreError> {
        Ok(self.find(|photo| photo.owner_id == owner))
    }

    async fn find_one_liked_by(&mut self, user: UserId) -> Result<Option<PhotoId>, StoreError> {
        Ok(self.state.likes.iter().find(|(_, who)| *who == user).map(|(photo, _)| *photo))
    }

    async fn insert(&mut self, photo: &Photo) -> Result<(), PhotoWriteError> {
        self.is_free(photo)?;
        self.state.photos.insert(photo.id, Row { photo: photo.clone(), views: 0, downloads: 0 });
        Ok(())
    }

    async fn update(&mut self, photo: &Photo, expected: i64) -> Result<(), PhotoWriteError> {
        self.is_free(photo)?;
        let row = self.state.photos.get_mut(&photo.id).filter(|row| row.photo.version == expected);
        row.ok_or(PhotoWriteError::Stale)?.photo = photo.clone();
        Ok(())
    }

    async fn delete(&mut self, id: PhotoId, expected: i64) -> Result<(), PhotoWriteError> {
        if self.state.photos.get(&id).is_none_or(|row| row.photo.version != expected) {
            return Err(PhotoWriteError::Stale);
        }
        self.state.photos.remove(&id);
        self.state.likes.retain(|(photo, _)| *photo != id);
        for link in &mut self.state.links {
            if let ShareTarget::Photos(ids) = &mut link.target {
                ids.retain(|photo| *photo != id);
            }
        }
        Ok(())
    }

    async fn add_views(&mut self, id: PhotoId, views: u64) -> Result<(), StoreError> {
        if let Some(row) = self.state.photos.get_mut(&id) {
            row.views += i64::try_from(views).map_err(StoreError::corrupt)?;
        }
        Ok(())
    }

    async fn add_downloads(&mut self, id: PhotoId, downloads: u64) -> Result<(), StoreError> {
        if let Some(row) = self.state.photos.get_mut(&id) {
            row.downloads += i64::try_from(downloads).map_err(StoreError::corrupt)?;
        }
        Ok(())
    }

    async fn like(&mut self, id: PhotoId, user: UserId, _at: DateTime<Utc>) -> Result<(bool, i64), StoreError> {
        let new = self.state.likes.insert((id, user));
        Ok((new, self.likes(id)))
    }

    async fn unlike(&mut self, id: PhotoId, user: UserId) -> Result<(bool, i64), StoreError> {
        let had = self.state.likes.remove(&(id, user));
        Ok((had, self.likes(id)))
    }

    async fn add_counts(&mut self, deltas: &[(PhotoCount, i64)]) -> Result<(), StoreError> {
        for (key, delta) in deltas {
            *self.state.counts.entry(*key).or_default() += delta;
        }
        Ok(())
    }
}

#[async_trait]
impl ShareLinkRepository for MemoryPortfolioTx {
    async fn insert(&mut self, link: &ShareLink) -> Result<(), StoreError> {
        self.state.links.push(link.clone());
        Ok(())
    }

    async fn delete(&mut self, id: ShareLinkId, owner: UserId) -> Result<bool, StoreError> {
        let before = self.state.links.len();
        self.state.links.retain(|link| link.id != id || link.owner_id != owner);
        Ok(self.state.links.len() < before)
    }

    async fn delete_by_owner(&mut self, owner: UserId) -> Result<(), StoreError> {
        self.state.links.retain(|link| link.owner_id != owner);
        Ok(())
    }
}
