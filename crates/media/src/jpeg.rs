//! The segments of a JPEG before its pixels.

use crate::source::ReadAt;

/// The most segments that are looked at.
const MAX_SEGMENTS: usize = 1000;
/// The largest colour profile that is taken.
const MAX_PROFILE: usize = 4 * 1024 * 1024;

/// What stands before the pixels.
#[derive(Debug, Default)]
pub(crate) struct Header {
    /// What kind of frame it is: the last byte of its marker.
    pub frame: Option<Frame>,
    /// The EXIF block, from its TIFF header on.
    pub exif: Option<Vec<u8>>,
    /// The embedded colour profile.
    pub profile: Option<Vec<u8>>,
    /// Where the pixels begin; `None` when the file ends before.
    pub scan: Option<u64>,
}

/// The pixels' measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The last byte of the marker.
    pub kind: u8,
    /// Bits of a sample.
    pub precision: u8,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// How many samples of each component stand for one block: across and down.
    pub sampling: Vec<(u8, u8)>,
}

impl Frame {
    /// Whether pixels come in several passes, so that all of them must be kept meanwhile.
    pub fn is_progressive(&self) -> bool {
        self.kind == 0xc2
    }

    /// Whether it is a picture to be looked at: raw files have their pixels in lossless frames.
    pub fn is_lossy(&self) -> bool {
        matches!(self.kind, 0xc0..=0xc2) && self.precision == 8 && matches!(self.sampling.len(), 1 | 3 | 4)
    }

    /// How many samples it has.
    pub fn samples(&self) -> u64 {
        let pixels = u64::from(self.width) * u64::from(self.height);
        let most = self.sampling.iter().map(|(x, y)| u64::from(*x) * u64::from(*y)).max().unwrap_or(1).max(1);
        let all: u64 = self.sampling.iter().map(|(x, y)| u64::from(*x) * u64::from(*y)).sum();
        pixels.saturating_mul(all.max(1)).div_ceil(most)
    }
}

/// Steps over the segments. `None` when it is no JPEG.
pub(crate) fn header(source: &(impl ReadAt + ?Sized)) -> Option<Header> {
    const START_OF_SCAN: u8 = 0xda;
    let mut start = [0; 2];
    (source.read_at(0, &mut start) && start == [0xff, 0xd8]).then_some(())?;
    let mut header = Header::default();
    let mut profile: Vec<(u8, Vec<u8>)> = Vec::new();
    let mut at = 2;
    for _ in 0..MAX_SEGMENTS {
        let mut head = [0; 4];
        if !source.read_at(at, &mut head) || head[0] != 0xff {
            break;
        }
        let length = u64::from(u16::from_be_bytes([head[2], head[3]]));
        let body = |most: usize| source.take(at + 4, usize::try_from(length).unwrap_or(0).saturating_sub(2).min(most));
        match head[1] {
            // `ff` may be repeated before a marker.
            0xff => {
                at += 1;
                continue;
            }
            START_OF_SCAN => {
                header.scan = Some(at);
                break;
            }
            kind @ (0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf) if header.frame.is_none() => {
                header.frame = frame(kind, &body(64));
            }
            0xe1 if header.exif.is_none() => {
                header.exif = body(65_536).strip_prefix(b"Exif\0\0").map(<[u8]>::to_vec);
            }
            0xe2 => {
                if let Some([index, _, part @ ..]) = body(65_536).strip_prefix(b"ICC_PROFILE\0")
                    && profile.iter().map(|(_, part)| part.len()).sum::<usize>() + part.len() <= MAX_PROFILE
                {
                    profile.push((*index, part.to_vec()));
                }
            }
            _ => {}
        }
        at += 2 + length.max(2);
    }
    profile.sort_by_key(|(index, _)| *index);
    header.profile = (!profile.is_empty()).then(|| profile.into_iter().flat_map(|(_, part)| part).collect());
    Some(header)
}

fn frame(kind: u8, body: &[u8]) -> Option<Frame> {
    let [precision, h1, h2, w1, w2, components, rest @ ..] = body else { return None };
    let sampling = rest.chunks_exact(3).take(usize::from(*components)).map(|part| (part[1] >> 4, part[1] & 15));
    Some(Frame {
        kind,
        precision: *precision,
        width: u16::from_be_bytes([*w1, *w2]).into(),
        height: u16::from_be_bytes([*h1, *h2]).into(),
        sampling: sampling.collect(),
    })
}

/// Whether the pixels have an end: decoders paint grey what is not there. No other byte than
/// the end's stands behind `ff` there that could be taken for it.
pub(crate) fn is_whole(source: &(impl ReadAt + ?Sized), scan: u64) -> bool {
    const STEP: usize = 256 * 1024;
    let end = source.length();
    // Most files end where their pixels do.
    let tail = end.saturating_sub(2);
    if tail > scan && source.take(tail, 2) == [0xff, 0xd9] {
        return true;
    }
    let mut at = scan;
    while at < end {
        let bytes = source.take(at, STEP);
        if bytes.windows(2).any(|pair| pair == [0xff, 0xd9]) {
            return true;
        }
        // One byte is read again, for an end that lies across.
        at += (bytes.len() as u64).saturating_sub(1).max(1);
    }
    false
}
