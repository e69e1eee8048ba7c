//! A reader of TIFF directories, as EXIF and raw files have them: it reads the tags that
//! are asked for, follows no directory twice, and stops at bounds.

use crate::source::ReadAt;

/// The most entries of one directory that are read.
const MAX_ENTRIES: usize = 1024;
/// The most directories of one file that are read.
const MAX_DIRECTORIES: usize = 32;
/// The most numbers of one entry that are read.
const MAX_NUMBERS: usize = 64;
/// The most bytes of one text that are read.
const MAX_TEXT: usize = 1024;

/// A file of directories.
pub(crate) struct Tiff<'a, S: ReadAt + ?Sized> {
    source: &'a S,
    little: bool,
    first: u64,
    visited: Vec<u64>,
}

/// One entry of a directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// What it says.
    pub tag: u16,
    kind: u16,
    count: u32,
    value: [u8; 4],
}

/// A directory's entries, and where the next one is.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    entries: Vec<Entry>,
    /// Where the next directory is.
    pub next: Option<u64>,
}

impl Directory {
    /// The entry with a tag.
    pub fn get(&self, tag: u16) -> Option<Entry> {
        self.entries.iter().find(|entry| entry.tag == tag).copied()
    }
}

impl<'a, S: ReadAt + ?Sized> Tiff<'a, S> {
    /// Reads the header; `None` when there is none.
    pub fn open(source: &'a S) -> Option<Self> {
        let mut header = [0; 8];
        source.read_at(0, &mut header).then_some(())?;
        let little = match &header[..4] {
            [b'I', b'I', 42, 0] => true,
            [b'M', b'M', 0, 42] => false,
            _ => return None,
        };
        let mut tiff = Self { source, little, first: 0, visited: Vec::new() };
        tiff.first = tiff.long([header[4], header[5], header[6], header[7]]).into();
        Some(tiff)
    }

    /// The first directory.
    pub fn first(&mut self) -> Directory {
        self.directory(self.first)
    }

    /// The directory at a place; empty when there is none, or when it was read before.
    pub fn directory(&mut self, at: u64) -> Directory {
        if at == 0 || self.visited.contains(&at) || self.visited.len() >= MAX_DIRECTORIES {
            return Directory::default();
        }
        self.visited.push(at);
        let mut count = [0; 2];
        if !self.source.read_at(at, &mut count) {
            return Directory::default();
        }
        let said = usize::from(self.short(count));
        let bytes = self.source.take(at + 2, said.min(MAX_ENTRIES) * 12);
        let entry = |bytes: &[u8]| Entry {
            tag: self.short([bytes[0], bytes[1]]),
            kind: self.short([bytes[2], bytes[3]]),
            count: self.long([bytes[4], bytes[5], bytes[6], bytes[7]]),
            value: [bytes[8], bytes[9], bytes[10], bytes[11]],
        };
        let entries = bytes.chunks_exact(12).map(entry).collect();
        let mut next = [0; 4];
        let next = self.source.read_at(at + 2 + 12 * said as u64, &mut next).then(|| u64::from(self.long(next)));
        Directory { entries, next: next.filter(|next| *next != 0) }
    }

    /// The directory that an entry points at.
    pub fn under(&mut self, directory: &Directory, tag: u16) -> Directory {
        match directory.get(tag).and_then(|entry| self.number(entry)) {
            Some(at) => self.directory(at.into()),
            None => Directory::default(),
        }
    }

    /// An entry's first number.
    pub fn number(&self, entry: Entry) -> Option<u32> {
        self.numbers(entry).first().copied()
    }

    /// An entry's whole numbers, as many as are read.
    pub fn numbers(&self, entry: Entry) -> Vec<u32> {
        match entry.kind {
            1 | 6 | 7 => self.bytes(entry, 1, MAX_NUMBERS).into_iter().map(u32::from).collect(),
            3 => self.bytes(entry, 2, MAX_NUMBERS).chunks_exact(2).map(|b| self.short([b[0], b[1]]).into()).collect(),
            4 | 13 => self.longs(entry, 1),
            _ => Vec::new(),
        }
    }

    /// An entry's fractions; what is divided by nothing is none.
    pub fn fractions(&self, entry: Entry) -> Vec<Option<f64>> {
        if !matches!(entry.kind, 5 | 10) {
            return Vec::new();
        }
        let signed = entry.kind == 10;
        let read = |number: u32| if signed { f64::from(number.cast_signed()) } else { f64::from(number) };
        let longs = self.longs(entry, 2);
        longs.chunks_exact(2).map(|pair| (pair[1] != 0).then(|| read(pair[0]) / read(pair[1]))).collect()
    }

    /// An entry's first fraction.
    pub fn fraction(&self, entry: Entry) -> Option<f64> {
        self.fractions(entry).first().copied().flatten()
    }

    /// An entry's text, up to its end.
    pub fn text(&self, entry: Entry) -> Option<String> {
        let bytes = if matches!(entry.kind, 1 | 2 | 7) { self.bytes(entry, 1, MAX_TEXT) } else { return None };
        let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        Some(String::from_utf8_lossy(text).trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn longs(&self, entry: Entry, each: usize) -> Vec<u32> {
        let bytes = self.bytes(entry, 4 * each, MAX_NUMBERS);
        bytes.chunks_exact(4).map(|b| self.long([b[0], b[1], b[2], b[3]])).collect()
    }

    /// The bytes of up to `most` parts of `size` bytes each: in the entry when they fit there.
    fn bytes(&self, entry: Entry, size: usize, most: usize) -> Vec<u8> {
        let count = usize::try_from(entry.count).unwrap_or(usize::MAX);
        if count.saturating_mul(size) <= 4 {
            return entry.value[..count * size].to_vec();
        }
        self.source.take(self.long(entry.value).into(), count.min(most) * size)
    }

    fn short(&self, bytes: [u8; 2]) -> u16 {
        if self.little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) }
    }

    fn long(&self, bytes: [u8; 4]) -> u32 {
        if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }
    }
}
