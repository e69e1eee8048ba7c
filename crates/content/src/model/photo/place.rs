//! Where a picture was taken.

use serde::{Deserialize, Serialize};
use sharestack_kernel::field::Issue;

/// How many steps a degree has.
const STEPS: f64 = 1e7;

/// A latitude or longitude in steps of a ten-millionth of a degree: about a centimetre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Coordinate(i32);

impl Coordinate {
    /// Reads degrees that may not be farther from zero than `limit`.
    ///
    /// # Errors
    /// When they are, or are no number.
    #[expect(clippy::cast_possible_truncation, reason = "180 degrees are fewer steps than an i32 has")]
    pub fn degrees_within(degrees: f64, limit: u8) -> Result<Self, Issue> {
        let bound = f64::from(limit);
        if !degrees.is_finite() || degrees.abs() > bound {
            return Err(Issue::OutOfRange { min: -i64::from(limit), max: i64::from(limit) });
        }
        Ok(Self((degrees * STEPS).round() as i32))
    }

    /// A number that a store kept.
    pub const fn stored(steps: i32) -> Self {
        Self(steps)
    }

    /// The steps.
    pub const fn steps(self) -> i32 {
        self.0
    }

    /// The degrees.
    pub fn degrees(self) -> f64 {
        f64::from(self.0) / STEPS
    }
}

/// A point on the earth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// North of the equator; negative south of it.
    pub latitude: Coordinate,
    /// East of Greenwich; negative west of it.
    pub longitude: Coordinate,
}

impl Position {
    /// Reads degrees.
    ///
    /// # Errors
    /// For a latitude beyond 90 or a longitude beyond 180.
    pub fn degrees(latitude: f64, longitude: f64) -> Result<Self, Issue> {
        Ok(Self {
            latitude: Coordinate::degrees_within(latitude, 90)?,
            longitude: Coordinate::degrees_within(longitude, 180)?,
        })
    }
}

/// Where a picture was taken, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// What people call it.
    pub name: Option<String>,
    /// Where on the earth.
    pub position: Option<Position>,
    /// The country.
    pub country: Option<String>,
    /// The city.
    pub city: Option<String>,
}

impl Place {
    /// Whether nothing is known.
    pub const fn is_empty(&self) -> bool {
        self.name.is_none() && self.position.is_none() && self.country.is_none() && self.city.is_none()
    }
}

/// A part of the map. Its west may lie east of its east: then it crosses the antimeridian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The western edge.
    pub west: Coordinate,
    /// The southern edge.
    pub south: Coordinate,
    /// The eastern edge.
    pub east: Coordinate,
    /// The northern edge.
    pub north: Coordinate,
}

impl Bounds {
    /// The whole earth.
    pub const WORLD: Self = Self {
        west: Coordinate(-1_800_000_000),
        south: Coordinate(-900_000_000),
        east: Coordinate(1_800_000_000),
        north: Coordinate(900_000_000),
    };

    /// Reads `west,south,east,north` in degrees.
    ///
    /// # Errors
    /// For other than four numbers, numbers out of range, or a south beyond the north.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        let numbers = text.split(',').map(|part| part.trim().parse::<f64>().map_err(|_| Issue::InvalidFormat));
        let numbers = numbers.take(5).collect::<Result<Vec<f64>, _>>()?;
        let [west, south, east, north] = numbers[..] else { return Err(Issue::InvalidFormat) };
        let bounds = Self {
            west: Coordinate::degrees_within(west, 180)?,
            south: Coordinate::degrees_within(south, 90)?,
            east: Coordinate::degrees_within(east, 180)?,
            north: Coordinate::degrees_within(north, 90)?,
        };
        if bounds.south > bounds.north { Err(Issue::OutOfRange { min: -90, max: 90 }) } else { Ok(bounds) }
    }

    /// The ranges of longitude that it covers: two when it crosses the antimeridian.
    pub fn longitudes(self) -> Vec<(Coordinate, Coordinate)> {
        if self.west <= self.east {
            vec![(self.west, self.east)]
        } else {
            vec![(self.west, Self::WORLD.east), (Self::WORLD.west, self.east)]
        }
    }

    /// Whether a point lies in it, its edges included.
    pub fn contains(self, position: Position) -> bool {
        (self.south..=self.north).contains(&position.latitude)
            && self.longitudes().iter().any(|(west, east)| (*west..=*east).contains(&position.longitude))
    }
}
