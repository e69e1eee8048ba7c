//! Photos on a map.

use actix_web::get;
use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use sharestack_content::model::Bounds;
use sharestack_content::ports::PhotoCluster;
use sharestack_kernel::field::FieldErrors;
use utoipa::ToSchema;

use super::list::number;
use crate::http::error::ApiError;
use crate::http::extract::{Params, Parse, option};
use crate::http::reply::{Envelope, Reply};
use crate::wiring::App;

/// Which part of the map.
#[derive(Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MapQuery {
    /// `west,south,east,north` in degrees; the earth when it is left out. A west that lies east
    /// of the east crosses the antimeridian.
    #[param(example = "121.3,31.1,121.6,31.4")]
    bbox: Option<String>,
    /// How the map is drawn: 0 is the earth, and each number more shows half as much.
    #[param(value_type = Option<u32>, minimum = 0, maximum = 22, default = 2, example = 10)]
    zoom: Option<String>,
}

impl Parse for MapQuery {
    type Output = (Bounds, u32);

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        let mut check = FieldErrors::new();
        let bounds = option(&mut check, "bbox", self.bbox, |text| Bounds::parse(&text)).unwrap_or(Bounds::WORLD);
        let zoom = option(&mut check, "zoom", self.zoom, |text| number(&text, 0, 22)).unwrap_or(2);
        check.finish().map(|()| (bounds, u32::try_from(zoom).unwrap_or(2)))
    }
}

/// Photos that stand close to each other on a map.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "latitude": 31.23037, "longitude": 121.4737, "count": 12, "photo_id": 1 }))]
pub struct ClusterView {
    latitude: f64,
    longitude: f64,
    count: u64,
    /// The latest of them.
    photo_id: i64,
}

impl From<PhotoCluster> for ClusterView {
    fn from(cluster: PhotoCluster) -> Self {
        Self {
            latitude: cluster.center.latitude.degrees(),
            longitude: cluster.center.longitude.degrees(),
            count: cluster.count,
            photo_id: cluster.photo.get(),
        }
    }
}

/// Where photos that everybody may see were taken, gathered in squares of the map; the
/// fullest 1000.
#[utoipa::path(
    tag = "Photos",
    security(()),
    params(MapQuery),
    responses((status = 200, description = "The squares that have photos", body = Envelope<Vec<ClusterView>>)),
)]
#[get("/api/v1/photos/map")]
pub async fn map_photos(app: Data<App>, query: Params<MapQuery>) -> Result<Reply<Vec<ClusterView>>, ApiError> {
    let (bounds, zoom) = query.0;
    let clusters = app.photos.reading.map(bounds, zoom).await?;
    Ok(Reply::ok(clusters.into_iter().map(ClusterView::from).collect()))
}
