//! How far the processing of a file has come.

use serde_json::{Value, json};

use super::file::{FileStatus, Processing};

/// A step on a file's way, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// It is kept whole.
    Uploaded,
    /// What the camera wrote is read.
    ExifExtraction,
    /// The picture is decoded, and thumbnails are made of it.
    GeneratingThumbnails,
    /// What screens show is made and compressed.
    Optimization,
}

impl Step {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::Uploaded, Self::ExifExtraction, Self::GeneratingThumbnails, Self::Optimization];

    /// The name in answers and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uploaded => "uploaded",
            Self::ExifExtraction => "exif_extraction",
            Self::GeneratingThumbnails => "generating_thumbnails",
            Self::Optimization => "optimization",
        }
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == text)
    }
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepState {
    /// It is done.
    Completed,
    /// It runs.
    Processing,
    /// It waits.
    Pending,
    /// It ended the processing.
    Failed,
}

impl StepState {
    /// The name in answers and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Processing => "processing",
            Self::Pending => "pending",
            Self::Failed => "failed",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [Self::Completed, Self::Processing, Self::Pending, Self::Failed];
        all.into_iter().find(|state| state.as_str() == text)
    }
}

/// All steps, and how each stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps([StepState; 4]);

impl Steps {
    /// The file is there, and waits.
    pub const WAITING: Self = Self([StepState::Completed, StepState::Pending, StepState::Pending, StepState::Pending]);
    /// Everything is done.
    pub const DONE: Self = Self([StepState::Completed; 4]);

    /// One step runs: those before it are done, those behind it wait.
    pub fn at(step: Step) -> Self {
        Self::up_to(step, StepState::Processing)
    }

    /// One step ended everything.
    pub fn failed_at(step: Step) -> Self {
        Self::up_to(step, StepState::Failed)
    }

    fn up_to(step: Step, state: StepState) -> Self {
        Self(Step::ALL.map(|other| match other.cmp(&step) {
            std::cmp::Ordering::Less => StepState::Completed,
            std::cmp::Ordering::Equal => state,
            std::cmp::Ordering::Greater => StepState::Pending,
        }))
    }

    /// Each step with its state.
    pub fn iter(&self) -> impl Iterator<Item = (Step, StepState)> {
        Step::ALL.into_iter().zip(self.0)
    }

    /// The step that runs, or that ended everything.
    pub fn current(&self) -> Option<Step> {
        self.iter().find(|(_, state)| matches!(state, StepState::Processing | StepState::Failed)).map(|(step, _)| step)
    }

    /// As the store keeps it and answers print it.
    pub fn to_value(self) -> Value {
        self.iter().map(|(step, state)| json!({ "name": step.as_str(), "status": state.as_str() })).collect()
    }

    /// How the steps of a file stand.
    pub fn of(processing: &Processing) -> Self {
        let kept = processing.steps.as_ref().and_then(Value::as_array);
        let state = |step: Step| {
            let entry = kept?.iter().find(|entry| entry["name"] == step.as_str())?;
            StepState::parse(entry["status"].as_str()?)
        };
        match (kept, processing.status) {
            (None, FileStatus::Ready) => Self::DONE,
            (None, _) => Self::WAITING,
            (Some(_), _) => Self(Step::ALL.map(|step| state(step).unwrap_or(StepState::Pending))),
        }
    }
}

/// How long processing took of late.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Seconds for a million pixels.
    pub seconds_per_megapixel: f64,
    /// Seconds for a file.
    pub seconds_per_file: f64,
}

impl Default for Pace {
    /// What is said before anything was measured.
    fn default() -> Self {
        Self { seconds_per_megapixel: 0.1, seconds_per_file: 2.0 }
    }
}

impl Pace {
    /// The pace of files, of which each has its pixels and its seconds. `None` of none.
    pub fn measured(files: &[(u64, f64)]) -> Option<Self> {
        let seconds: f64 = files.iter().map(|(_, seconds)| seconds.max(0.0)).sum();
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let (count, megapixels) =
            (files.len() as f64, files.iter().map(|(pixels, _)| *pixels).sum::<u64>() as f64 / 1e6);
        (count > 0.0 && megapixels > 0.0)
            .then(|| Self { seconds_per_megapixel: seconds / megapixels, seconds_per_file: seconds / count })
    }

    /// How many seconds a picture of this size takes; of an unknown size, what a file took.
    pub fn seconds_for(&self, size: Option<(u32, u32)>) -> f64 {
        size.map_or(self.seconds_per_file, |(width, height)| {
            f64::from(width) * f64::from(height) / 1e6 * self.seconds_per_megapixel
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_read_back() {
        for steps in
            [Steps::WAITING, Steps::DONE, Steps::at(Step::GeneratingThumbnails), Steps::failed_at(Step::Optimization)]
        {
            let kept = Processing { steps: Some(steps.to_value()), ..Processing::waiting() };
            assert_eq!(Steps::of(&kept), steps);
        }
        assert_eq!(Steps::of(&Processing::waiting()), Steps::WAITING);
        assert_eq!(Steps::at(Step::ExifExtraction).current(), Some(Step::ExifExtraction));
        assert_eq!(Steps::DONE.current(), None);
    }

    #[test]
    fn steps_are_printed_as_documented() {
        let printed = json!([
            {"name": "uploaded", "status": "completed"},
            {"name": "exif_extraction", "status": "completed"},
            {"name": "generating_thumbnails", "status": "processing"},
            {"name": "optimization", "status": "pending"},
        ]);
        assert_eq!(Steps::at(Step::GeneratingThumbnails).to_value(), printed);
    }

    #[test]
    fn a_pace_is_what_was_measured() {
        let pace = Pace::measured(&[(24_000_000, 2.4), (12_000_000, 1.2)]).unwrap();
        assert!((pace.seconds_per_megapixel - 0.1).abs() < 1e-9 && (pace.seconds_per_file - 1.8).abs() < 1e-9);
        assert!((pace.seconds_for(Some((6000, 4000))) - 2.4).abs() < 1e-9);
        assert!((pace.seconds_for(None) - 1.8).abs() < 1e-9);
        assert_eq!(Pace::measured(&[]), None);
        assert_eq!(Pace::measured(&[(0, 1.0)]), None);
    }
}
