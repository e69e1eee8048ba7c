//! A photo, as the document shows it.

use serde_json::{Value, json};

/// An example with more fields.
pub(in crate::http) fn with(mut example: Value, more: Value) -> Value {
    if let (Value::Object(fields), Value::Object(more)) = (&mut example, more) {
        fields.extend(more);
    }
    example
}

/// What every answer about a photo has.
pub(super) fn base_example() -> Value {
    json!({
        "id": 1, "title": "城市夜景", "description": "繁华都市的夜晚景色", "slug": "city-night-view-001",
        "status": "published", "visibility": "public", "taken_at": "2024-01-15T18:30:00Z",
        "created_at": "2024-01-15T20:00:00Z", "updated_at": "2024-01-15T20:00:00Z", "view_count": 156,
        "like_count": 23, "width": 6000, "height": 4000, "placeholder": null, "version": 1,
        "exif": { "camera": "Canon EOS R5", "lens": "RF 24-70mm f/2.8L IS USM", "iso": 800, "aperture": "f/2.8",
            "shutter_speed": "1/125", "focal_length": "50mm" },
        "location": { "name": "上海外滩", "latitude": 31.23037, "longitude": 121.4737, "country": "China",
            "city": "Shanghai" }
    })
}

/// A photo of a list.
pub(in crate::http) fn item_example() -> Value {
    let more = json!({
        "formats": {
            "thumb_small": "https://cdn.example.com/photos/1/thumb_small.jpg",
            "thumb_medium": "https://cdn.example.com/photos/1/thumb_medium.jpg",
            "thumb_large": "https://cdn.example.com/photos/1/thumb_large.jpg",
            "display": "https://cdn.example.com/photos/1/display.jpg",
            "webp": "https://cdn.example.com/photos/1/display.webp"
        },
        "categories": [{ "id": 1, "name": "城市风光", "slug": "cityscape", "color": "#3498db" }],
        "tags": [{ "id": 1, "name": "夜景", "slug": "night-view", "color": "#2c3e50" }]
    });
    with(base_example(), more)
}

/// A photo on its own page.
pub(super) fn detail_example() -> Value {
    let more = json!({
        "sort_order": 0, "download_count": 5, "is_liked": false,
        "file_info": { "original_filename": "DSC_0001.jpg", "file_size": 2_048_576, "mime_type": "image/jpeg" },
        "formats": {
            "original": null, "jpg": "https://cdn.example.com/photos/1/display.jpg",
            "webp": "https://cdn.example.com/photos/1/display.webp",
            "thumb_small": "https://cdn.example.com/photos/1/thumb_small.jpg",
            "thumb_medium": "https://cdn.example.com/photos/1/thumb_medium.jpg",
            "thumb_large": "https://cdn.example.com/photos/1/thumb_large.jpg"
        },
        "categories": [{ "id": 1, "name": "城市风光", "slug": "cityscape", "description": "城市景观摄影作品",
            "color": "#3498db", "is_primary": true }],
        "tags": [{ "id": 2, "name": "城市", "slug": "city", "color": "#e74c3c", "confidence": 0.95, "source": "ai" }],
        "metadata": { "weather": "clear", "temperature": "15°C" }
    });
    with(base_example(), more)
}
