//! A writer of TIFF directories, little-endian.

/// A directory, with what its entries point at.
#[derive(Debug, Clone, Default)]
pub struct Block {
    entries: Vec<(u16, Value)>,
}

/// What an entry says.
#[derive(Debug, Clone)]
pub enum Value {
    /// A text.
    Text(String),
    /// A number of two bytes.
    Short(u16),
    /// Numbers of four bytes.
    Longs(Vec<u32>),
    /// Fractions.
    Fractions(Vec<(u32, u32)>),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Where another directory is, which is written behind this one.
    Directory(Block),
    /// Where bytes are that are written behind the directories.
    Place(Vec<u8>),
}

impl Value {
    /// A number as a fraction of so many parts.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers of cameras are small")]
    pub fn fraction(number: f64, parts: u32) -> Self {
        Self::Fractions(vec![((number * f64::from(parts)).round() as u32, parts)])
    }

    /// Degrees, minutes and seconds of a place.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 180 degrees")]
    pub fn degrees(degrees: f64) -> Self {
        let all = (degrees.abs() * 3600.0 * 10_000.0).round() as u64;
        let seconds = all % 600_000;
        let minutes = all / 600_000;
        let small = |number: u64| u32::try_from(number).unwrap_or_default();
        Self::Fractions(vec![(small(minutes / 60), 1), (small(minutes % 60), 1), (small(seconds), 10_000)])
    }

    fn kind(&self) -> u16 {
        match self {
            Self::Text(_) => 2,
            Self::Short(_) => 3,
            Self::Longs(_) | Self::Directory(_) | Self::Place(_) => 4,
            Self::Fractions(_) => 5,
            Self::Bytes(_) => 7,
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::Text(text) => text.len() + 1,
            Self::Short(_) | Self::Directory(_) | Self::Place(_) => 1,
            Self::Longs(numbers) => numbers.len(),
            Self::Fractions(numbers) => numbers.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => [text.as_bytes(), &[0]].concat(),
            Self::Short(number) => number.to_le_bytes().to_vec(),
            Self::Longs(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            Self::Fractions(numbers) => {
                numbers.iter().flat_map(|(upper, lower)| [upper.to_le_bytes(), lower.to_le_bytes()].concat()).collect()
            }
            Self::Bytes(bytes) | Self::Place(bytes) => bytes.clone(),
            Self::Directory(_) => Vec::new(),
        }
    }
}

impl Block {
    /// Says something, in place of what was said with the tag before.
    pub fn set(&mut self, tag: u16, value: Value) {
        self.entries.retain(|(other, _)| *other != tag);
        self.entries.push((tag, value));
        self.entries.sort_by_key(|(tag, _)| *tag);
    }

    /// Says something more.
    pub fn with(mut self, tag: u16, value: Value) -> Self {
        self.set(tag, value);
        self
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A file of this directory.
    pub fn bytes(&self) -> Vec<u8> {
        self.file(b"II*\0", 8)
    }

    /// A file of this directory behind a head that ends with where the directory is.
    pub(super) fn file(&self, head: &[u8], start: usize) -> Vec<u8> {
        let mut bytes = head.to_vec();
        bytes.extend(long(start));
        bytes.resize(start, 0);
        self.write(&mut bytes);
        bytes
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        bytes.extend(u16::try_from(self.entries.len()).unwrap_or(u16::MAX).to_le_bytes());
        bytes.resize(start + 2 + 12 * self.entries.len() + 4, 0);
        for (index, (tag, value)) in self.entries.iter().enumerate() {
            let content = value.bytes();
            let inside = content.len() <= 4 && !matches!(value, Value::Place(_) | Value::Directory(_));
            let mut word = [0; 4];
            if inside {
                word[..content.len()].copy_from_slice(&content);
            } else {
                bytes.resize(bytes.len().next_multiple_of(2), 0);
                word = long(bytes.len());
                match value {
                    Value::Directory(block) => block.write(bytes),
                    _ => bytes.extend(&content),
                }
            }
            let at = start + 2 + 12 * index;
            bytes[at..at + 2].copy_from_slice(&tag.to_le_bytes());
            bytes[at + 2..at + 4].copy_from_slice(&value.kind().to_le_bytes());
            bytes[at + 4..at + 8].copy_from_slice(&long(value.count()));
            bytes[at + 8..at + 12].copy_from_slice(&word);
        }
    }
}

fn long(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()
}
