//! The segments of a JPEG: those before its pixels, and how often its pixels are gone over.

use crate::color::MAX_PROFILE;
use crate::source::ReadAt;

/// The most segments that are looked at before the pixels, and behind where they begin.
const MAX_SEGMENTS: usize = 1000;
/// The most passes over the pixels of a progressive picture. Encoders write ten; each costs a
/// decoder its time for all of the picture, and a file a dozen bytes.
const MAX_SCANS: usize = 100;
/// The most passes over all of the largest picture that is decoded, in three colours.
const MAX_SCANS_OF_LARGEST: u64 = 30;
/// Made of several passes over every sample, each finer than the one before.
const PROGRESSIVE: u8 = 0xc2;
const START_OF_SCAN: u8 = 0xda;
const PROFILE: u8 = 0xe2;

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
    /// Whether it is a picture to be looked at: raw files have their pixels in lossless frames.
    pub fn is_lossy(&self) -> bool {
        matches!(self.kind, 0xc0..=PROGRESSIVE) && self.precision == 8 && matches!(self.sampling.len(), 1 | 3 | 4)
    }

    /// How many bytes its samples take, each of them as a number of two bytes. Decoders keep
    /// all of them when pixels come in passes; when they do not, what is read waits for the
    /// thread that makes pixels of it, however much that is. Of what they keep they give that
    /// thread a copy, which waits there one component at a time.
    pub fn memory(&self) -> u64 {
        let largest = self.sampling.iter().map(|(x, y)| u64::from(*x) * u64::from(*y)).max();
        let copied = if self.kind == PROGRESSIVE { self.units().saturating_mul(largest.unwrap_or(0)) } else { 0 };
        self.samples().saturating_add(copied.saturating_mul(64)).saturating_mul(2)
    }

    /// How many samples there are of all components, in whole blocks.
    fn samples(&self) -> u64 {
        let each: u64 = self.sampling.iter().map(|(x, y)| u64::from(*x) * u64::from(*y)).sum();
        self.units().saturating_mul(each.max(1)).saturating_mul(64)
    }

    /// How many blocks of eight by eight there are of the component with the fewest samples.
    fn units(&self) -> u64 {
        let most = |side: fn(&(u8, u8)) -> u8| self.sampling.iter().map(side).max().map_or(1, |most| most.max(1));
        let blocks = |length: u32, most: u8| u64::from(length).div_ceil(8 * u64::from(most));
        blocks(self.width, most(|(x, _)| *x)) * blocks(self.height, most(|(_, y)| *y))
    }

    /// Whether its pixels are gone over more often than any encoder has it.
    fn is_exceeded(&self, scans: usize, max_pixels: u64) -> bool {
        if self.kind == PROGRESSIVE {
            let work = self.samples().saturating_mul(scans as u64);
            scans > MAX_SCANS || work > max_pixels.saturating_mul(3 * MAX_SCANS_OF_LARGEST)
        } else {
            // Each component stands in one of them.
            scans > self.sampling.len()
        }
    }
}

/// Steps over the segments. `None` when it is no JPEG.
pub(crate) fn header(source: &(impl ReadAt + ?Sized)) -> Option<Header> {
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
            PROFILE => {
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

/// Why pixels are not to be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// Decoders paint grey what is not there.
    #[error("the end is missing")]
    Endless,
    /// Pixels are gone over more often than any encoder has it.
    #[error("more passes than a picture has")]
    Passes,
    /// Between passes stands what belongs before the first.
    #[error("more segments than a picture has")]
    Segments,
}

/// Goes through the pixels from where they begin to their end, as decoders do: over one pass
/// after the other, and the segments between them. No more than so many pixels are decoded of
/// any picture.
pub(crate) fn check_scans(
    source: &(impl ReadAt + ?Sized),
    scan: u64,
    frame: &Frame,
    max_pixels: u64,
) -> Result<(), Unfit> {
    let mut bytes = Ahead { source, from: 0, bytes: Vec::new() };
    let (mut at, mut scans, mut profile) = (scan, 0_usize, 0);
    for _ in 0..MAX_SEGMENTS {
        let (place, marker) = bytes.marker(at).ok_or(Unfit::Endless)?;
        if marker == 0xd9 {
            return Ok(());
        }
        let length = bytes.at(place + 2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
        let length = usize::from(length.ok_or(Unfit::Endless)?.max(2));
        match marker {
            START_OF_SCAN => scans += 1,
            // All of them are kept by decoders.
            PROFILE => profile += length,
            _ => {}
        }
        if frame.is_exceeded(scans, max_pixels) {
            return Err(Unfit::Passes);
        }
        if profile > MAX_PROFILE {
            return Err(Unfit::Segments);
        }
        at = place + 2 + length as u64;
    }
    Err(Unfit::Segments)
}

/// A source read from its beginning to its end, piece by piece.
struct Ahead<'a, S: ?Sized> {
    source: &'a S,
    from: u64,
    bytes: Vec<u8>,
}

impl<S: ReadAt + ?Sized> Ahead<'_, S> {
    /// What is read at once: it is looked at while it is near.
    const STEP: usize = 64 * 1024;

    /// What stands at a place: two bytes at the least. `None` at the end.
    fn at(&mut self, at: u64) -> Option<&[u8]> {
        let inside = |from: u64, held: &[u8]| {
            let skipped = usize::try_from(at.checked_sub(from)?).ok()?;
            (skipped + 2 <= held.len()).then_some(skipped)
        };
        let skipped = if let Some(skipped) = inside(self.from, &self.bytes) {
            skipped
        } else {
            let left = usize::try_from(self.source.length().saturating_sub(at)).unwrap_or(usize::MAX);
            self.from = at;
            self.bytes.resize(left.min(Self::STEP), 0);
            if !self.source.read_at(at, &mut self.bytes) {
                return None;
            }
            inside(at, &self.bytes)?
        };
        Some(&self.bytes[skipped..])
    }

    /// The next marker from a place on, and where it stands. None stands for a byte of pixels
    /// (`ff 00`), and those between parts of a pass begin nothing.
    fn marker(&mut self, mut at: u64) -> Option<(u64, u8)> {
        loop {
            let bytes = self.at(at)?;
            let Some(found) = memchr::memchr(0xff, bytes) else {
                at += bytes.len() as u64;
                continue;
            };
            let place = at + found as u64;
            match bytes.get(found + 1) {
                // It may lie across two pieces.
                None => at = place,
                Some(0xff) => at = place + 1,
                Some(0x00 | 0xd0..=0xd7) => at = place + 2,
                Some(marker) => return Some((place, *marker)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comment(length: u16) -> Vec<u8> {
        [&[0xff, 0xfe][..], &length.to_be_bytes(), &vec![7; usize::from(length) - 2]].concat()
    }

    fn frame(width: u32, height: u32, sampling: &[(u8, u8)]) -> Frame {
        Frame { kind: 0xc0, precision: 8, width, height, sampling: sampling.to_vec() }
    }

    fn progressive(width: u32, height: u32, sampling: &[(u8, u8)]) -> Frame {
        Frame { kind: PROGRESSIVE, ..frame(width, height, sampling) }
    }

    fn check(bytes: &[u8]) -> Result<(), Unfit> {
        check_scans(bytes, 0, &progressive(8, 8, &[(1, 1); 3]), 1_000_000)
    }

    #[test]
    fn pixels_are_gone_through_to_their_end() {
        let scan = [0xff, START_OF_SCAN, 0, 2];
        let ends = |between: &[u8]| check(&[&scan[..], between, &[0xff, 0xd9]].concat());
        assert_eq!(ends(&[]), Ok(()));
        // Parts of a pass, bytes of pixels that look like markers, and fillers.
        assert_eq!(ends(&[0xff, 0xd0, 9, 0xff, 0xd1, 0xff, 0].repeat(20_000)), Ok(()));
        assert_eq!(ends(&[0xff; 1000]), Ok(()));
        // An end inside a segment is none; nor does one lie across two pieces unseen.
        assert_eq!(check(&[&scan[..], &[0xff, 0xfe, 0, 4, 0xff, 0xd9]].concat()), Err(Unfit::Endless));
        for length in 0..8 {
            assert_eq!(ends(&vec![7; Ahead::<[u8]>::STEP - 4 - length]), Ok(()), "{length}");
        }
        assert_eq!(check(&scan), Err(Unfit::Endless));
    }

    #[test]
    fn what_stands_between_passes_is_bounded() {
        let scan = [0xff, START_OF_SCAN, 0, 2];
        let ends = |between: &[u8]| check(&[&scan[..], between, &[0xff, 0xd9]].concat());
        assert_eq!((ends(&scan.repeat(99)), ends(&scan.repeat(100))), (Ok(()), Err(Unfit::Passes)));
        assert_eq!((ends(&comment(60).repeat(900)), ends(&comment(60).repeat(1000))), (Ok(()), Err(Unfit::Segments)));
        let mut profile = comment(60_000);
        profile[1] = PROFILE;
        assert_eq!((ends(&profile.repeat(60)), ends(&profile.repeat(80))), (Ok(()), Err(Unfit::Segments)));
    }

    #[test]
    fn each_component_of_what_is_not_progressive_stands_in_one_pass() {
        let scan = [0xff, START_OF_SCAN, 0, 2];
        for (kind, components) in [(0xc0, 1), (0xc0, 3), (0xc1, 3), (0xc1, 4)] {
            let frame = Frame { kind, ..frame(8, 8, &vec![(1, 1); components]) };
            let ends = |passes: usize| {
                check_scans(&[&scan.repeat(passes)[..], &[0xff, 0xd9]].concat()[..], 0, &frame, 1_000_000)
            };
            assert_eq!((ends(components), ends(components + 1)), (Ok(()), Err(Unfit::Passes)), "{kind:x}");
        }
    }

    #[test]
    fn a_large_picture_is_gone_over_less_often_than_a_small_one() {
        let scan = [0xff, START_OF_SCAN, 0, 2];
        let ends = |passes: usize, width: u32, sampling: &[(u8, u8)]| {
            let frame = progressive(width, 10_000, sampling);
            check_scans(&[&scan.repeat(passes)[..], &[0xff, 0xd9]].concat()[..], 0, &frame, 120_000_000)
        };
        let (full, quarter) = ([(1, 1); 3], [(2, 2), (1, 1), (1, 1)]);
        for (width, sampling, most) in [(12_000, full, 30), (12_000, quarter, 60), (2_000, full, 100)] {
            let ends = |passes: usize| ends(passes, width, &sampling);
            assert_eq!((ends(most), ends(most + 1)), (Ok(()), Err(Unfit::Passes)), "{width} {sampling:?}");
        }
    }

    #[test]
    fn as_many_pixels_as_are_decoded_fit_into_the_memory_that_ships() {
        let shipped = crate::DarkroomConfig::default();
        let (width, height) = (12_000_u32, 10_000_u32);
        assert_eq!(u64::from(width) * u64::from(height), shipped.max_pixels);
        let (full, half, quarter) = ([(1, 1); 3], [(2, 1), (1, 1), (1, 1)], [(2, 2), (1, 1), (1, 1)]);
        for sampling in [full, half, quarter] {
            assert!(frame(width, height, &sampling).memory() <= shipped.max_memory, "{sampling:?}");
        }
        for sampling in [half, quarter] {
            assert!(progressive(width, height, &sampling).memory() <= shipped.max_memory, "{sampling:?}");
        }
        // With colours as fine as brightness, in passes: a hundred megapixels.
        assert!(progressive(10_000, 10_000, &full).memory() <= shipped.max_memory);
        assert!(progressive(width, height, &full).memory() > shipped.max_memory);
    }

    #[test]
    fn samples_are_counted_in_whole_blocks() {
        let (full, half) = ([(1, 1); 3], [(2, 2), (1, 1), (1, 1)]);
        assert_eq!(frame(400, 400, &full).memory(), 400 * 400 * 3 * 2);
        assert_eq!(frame(400, 400, &half).memory(), 400 * 400 * 3);
        assert_eq!(frame(1, 1, &half).memory(), 6 * 64 * 2);
        // In passes, and the largest component once more.
        assert_eq!(progressive(400, 400, &full).memory(), 400 * 400 * 4 * 2);
        assert_eq!(progressive(400, 400, &half).memory(), 400 * 400 * 5);
        assert_eq!(progressive(1, 1, &half).memory(), (6 + 4) * 64 * 2);
        // What no decoder takes divides nothing by nothing.
        assert_eq!(frame(8, 8, &[(0, 0)]).memory(), 128);
    }
}
