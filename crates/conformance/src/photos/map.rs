//! Photos on a map.

use sharestack_content::model::{Bounds, Photo, PhotoStatus, Position};
use sharestack_content::ports::PhotoCluster;

use super::{Subject, but};

fn at(id: i64, latitude: f64, longitude: f64) -> Photo {
    but(id, |photo| photo.place.position = Some(Position::degrees(latitude, longitude).unwrap()))
}

fn bounds(text: &str) -> Bounds {
    Bounds::parse(text).unwrap()
}

/// As many steps as degrees.
const fn degrees(n: i64) -> i64 {
    n * 10_000_000
}

impl Subject {
    async fn squares(&self, bounds: Bounds, cell: i64) -> Vec<PhotoCluster> {
        self.queries.clusters(bounds, cell, 100).await.unwrap()
    }

    async fn on_map(&self, text: &str) -> u64 {
        self.squares(bounds(text), degrees(10)).await.iter().map(|square| square.count).sum()
    }
}

/// Those on its edges too; and what is not listed nowhere.
pub async fn each_photo_in_bounds_counts_once(subject: Subject) {
    let mut hidden = at(9, 31.2, 121.4);
    hidden.status = PhotoStatus::Draft;
    subject.keep(&[at(1, 31.2, 121.4), at(2, -31.2, -121.4), at(3, 0.0, 0.0), at(4, 90.0, 180.0)]).await;
    for other in [hidden, but(10, |_| {})] {
        subject.insert(&other).await.unwrap();
    }
    assert_eq!(subject.squares(Bounds::WORLD, degrees(1)).await.iter().map(|one| one.count).sum::<u64>(), 4);
    for (text, expected) in [
        ("-180,-90,180,90", 4),
        ("121.4,31.2,121.4,31.2", 1),
        ("121.4000001,31.2,122,32", 0),
        ("0,0,180,90", 3),
        ("-180,-90,-0.1,0", 1),
    ] {
        assert_eq!(subject.on_map(text).await, expected, "{text}");
    }
}

/// When their west lies east of their east.
pub async fn bounds_cross_the_antimeridian(subject: Subject) {
    subject.keep(&[at(1, -17.0, 179.9), at(2, -17.0, -179.9), at(3, -17.0, 0.0), at(4, 40.0, 179.9)]).await;
    assert_eq!(subject.on_map("179,-20,-179,0").await, 2);
    assert_eq!(subject.on_map("-179,-20,179,0").await, 1);
}

/// The middle is where its photos are in the mean.
pub async fn a_square_has_its_middle_and_its_latest(subject: Subject) {
    subject.keep(&[at(1, 31.0, 121.0), at(3, 31.2, 121.4), at(2, 31.4, 121.2)]).await;
    let squares = subject.squares(Bounds::WORLD, degrees(90)).await;
    let [square] = &squares[..] else { panic!("{squares:?}") };
    assert_eq!((square.count, square.photo.get()), (3, 3));
    assert_eq!(square.center, Position::degrees(31.2, 121.2).unwrap());
}

/// And no more than asked for.
pub async fn the_fullest_squares_come_first(subject: Subject) {
    subject.keep(&[at(1, 10.0, 10.0), at(2, 50.0, 50.0), at(3, 50.0, 50.0), at(4, -50.0, -50.0)]).await;
    let counts: Vec<u64> = subject.squares(Bounds::WORLD, degrees(1)).await.iter().map(|one| one.count).collect();
    assert_eq!(counts, [2, 1, 1]);
    let fullest = subject.queries.clusters(Bounds::WORLD, degrees(1), 1).await.unwrap();
    assert_eq!((fullest.len(), fullest[0].count), (1, 2));
}
