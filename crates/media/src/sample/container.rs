//! The files that hold a sample.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{DynamicImage, GrayImage, ImageEncoder as _, ImageFormat};
use sharestack_content::model::MediaType;

use super::Sample;
use super::directory::{Block, Value};
use crate::notes::tag;

impl Sample {
    /// As JPEG, with all that was said.
    pub fn jpeg(&self) -> Vec<u8> {
        let plain = self.bare_jpeg();
        let mut segments = Vec::new();
        if self.has_notes() {
            segments.extend(segment(0xe1, &[b"Exif\0\0", &self.exif_block()[..]].concat()));
        }
        for part in self.profile.iter().flat_map(|profile| profile.chunks(60_000)) {
            segments.extend(segment(0xe2, &[b"ICC_PROFILE\0\x01\x01", part].concat()));
        }
        [&plain[..2], &segments, &plain[2..]].concat()
    }

    /// As PNG, with all that was said.
    pub fn png(&self) -> Vec<u8> {
        let plain = self.encoded(ImageFormat::Png);
        // Behind the signature and the header.
        let (head, rest) = plain.split_at(33);
        let mut chunks = Vec::new();
        if let Some(profile) = &self.profile {
            chunks.extend(chunk(*b"iCCP", &[b"profile\0\0", &stored(profile)[..]].concat()));
        }
        if self.has_notes() {
            chunks.extend(chunk(*b"eXIf", &self.exif_block()));
        }
        [head, &chunks, rest].concat()
    }

    /// As HEIC, with all that was said: in tiles when it is larger than 512 pixels.
    pub fn heic(&self) -> Vec<u8> {
        let (width, height) = self.pixels.dimensions();
        let pixels = self.pixels.pixels().flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255].map(u16::from));
        let image = heifer::Image { width, height, bit_depth: 8, has_alpha: false, data: pixels.collect() };
        let metadata = heifer::Metadata {
            exif: self.has_notes().then(|| self.exif_block()),
            icc_profile: self.profile.clone(),
            ..heifer::Metadata::default()
        };
        let options = heifer::EncodeOptions { quality: self.quality, max_threads: 1 };
        // What has pixels can be encoded.
        heifer::encode_with_metadata(&image, &metadata, &options).unwrap_or_default()
    }

    /// As WebP, GIF, TIFF or BMP, without what was said.
    pub fn encoded(&self, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        // Nothing that is written to memory can fail but a format that is not built in.
        drop(DynamicImage::ImageRgb8(self.pixels.clone()).write_to(&mut bytes, format));
        bytes.into_inner()
    }

    /// As a raw file of this kind, of which the picture is the preview; a small one stands
    /// before it. Of kinds that are not raw, the JPEG.
    pub fn raw(&self, kind: MediaType) -> Vec<u8> {
        match kind {
            MediaType::Raf => self.fuji(),
            MediaType::Cr3 => self.canon(),
            MediaType::Cr2 => {
                self.on_tiff(b"II*\0", 16, |block, preview| block.with(tag::STRIP_OFFSETS, Value::Place(preview)))
            }
            MediaType::Dng => self.on_tiff(b"II*\0", 8, |block, preview| {
                block.with(0xc612, Value::Bytes(vec![1, 4, 0, 0])).with(tag::SUB_DIRECTORIES, below(preview))
            }),
            MediaType::Nef => self.on_tiff(b"II*\0", 8, |block, preview| {
                block
                    .with(tag::MAKE, Value::Text("NIKON CORPORATION".to_owned()))
                    .with(tag::SUB_DIRECTORIES, below(preview))
            }),
            MediaType::Arw => self.on_tiff(b"II*\0", 8, |block, preview| {
                let length = Value::Longs(vec![small(preview.len())]);
                let block = block.with(tag::MAKE, Value::Text("SONY".to_owned()));
                // Where the directory below has it in others, Sony has it at the top.
                block.with(tag::JPEG_OFFSET, Value::Place(preview)).with(tag::JPEG_LENGTH, length).with(
                    tag::SUB_DIRECTORIES,
                    Value::Directory(Block::default().with(tag::COMPRESSION, Value::Short(32_767))),
                )
            }),
            _ => self.jpeg(),
        }
    }

    fn on_tiff(&self, head: &[u8], start: usize, place: impl FnOnce(Block, Vec<u8>) -> Block) -> Vec<u8> {
        let preview = self.bare_jpeg();
        let length = Value::Longs(vec![small(preview.len())]);
        let block = self.directories().with(tag::NEW_SUBFILE_TYPE, Value::Longs(vec![1]));
        let block = block.with(tag::COMPRESSION, Value::Short(6)).with(tag::STRIP_BYTE_COUNTS, length);
        let mut bytes = place(block, preview).file(head, start);
        if start > 8 {
            bytes[8..12].copy_from_slice(b"CR\x02\0");
        }
        bytes
    }

    fn fuji(&self) -> Vec<u8> {
        let jpeg = self.jpeg();
        let mut bytes = b"FUJIFILMCCD-RAW 0201FF389501X-T4".to_vec();
        bytes.resize(84, 0);
        bytes.extend(160_u32.to_be_bytes());
        bytes.extend(small(jpeg.len()).to_be_bytes());
        bytes.resize(160, 0);
        [bytes, jpeg].concat()
    }

    fn canon(&self) -> Vec<u8> {
        let notes = [
            boxed(*b"CMT1", &self.main.bytes()),
            boxed(*b"CMT2", &self.exif.bytes()),
            boxed(*b"CMT4", &self.gps.bytes()),
        ];
        let notes = [&crate::raw::CANON_NOTES[..], &notes.concat()].concat();
        let jpeg = self.bare_jpeg();
        let preview = [&[0; 6][..], &[0, 1, 0, 2, 0, 2, 0, 1], &small(jpeg.len()).to_be_bytes(), &jpeg].concat();
        let preview = [&crate::raw::CANON_PREVIEW[..], &[0, 0, 0, 0, 0, 0, 0, 1], &boxed(*b"PRVW", &preview)].concat();
        let parts = [
            boxed(*b"ftyp", b"crx \0\0\0\x01crx isom"),
            boxed(*b"moov", &boxed(*b"uuid", &notes)),
            boxed(*b"uuid", &preview),
            boxed(*b"mdat", &[0; 64]),
        ];
        parts.concat()
    }

    fn bare_jpeg(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let encoder = JpegEncoder::new_with_quality(&mut bytes, self.quality);
        // Nothing that is written to memory fails.
        drop(self.pixels.write_with_encoder(encoder));
        bytes
    }
}

/// A directory below that names the preview.
fn below(preview: Vec<u8>) -> Value {
    let length = Value::Longs(vec![small(preview.len())]);
    let block = Block::default().with(tag::JPEG_OFFSET, Value::Place(preview)).with(tag::JPEG_LENGTH, length);
    Value::Directory(block)
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A small JPEG with this EXIF block, whatever it says.
pub fn jpeg_with(exif: &[u8]) -> Vec<u8> {
    let plain = Sample::plain(16, 16, [1, 2, 3]).bare_jpeg();
    [&plain[..2], &segment(0xe1, &[b"Exif\0\0", exif].concat()), &plain[2..]].concat()
}

/// A PNG of a few bytes that says it is so large.
pub fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut png = Sample::plain(2, 2, [0; 3]).png();
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = crc32(&png[12..29]).to_be_bytes();
    png[29..33].copy_from_slice(&sum);
    png
}

/// A small PNG whose colour profile is so many bytes of nothing, in a thousandth of them.
pub fn swollen(length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes);
    // PNGs have profiles, and nothing that is written to memory fails.
    drop(encoder.set_icc_profile(vec![0; length]));
    drop(Sample::plain(16, 16, [1, 2, 3]).pixels.write_with_encoder(encoder));
    bytes
}

/// A PNG of 2000 x 1000 pixels that says so many bytes of itself, as programs that edit pictures do.
pub fn wordy(length: usize) -> Vec<u8> {
    let plain = Sample::plain(2000, 1000, [1, 2, 3]).png();
    let text = [&b"XML:com.adobe.xmp\0\0\0\0\0"[..], &vec![b' '; length]].concat();
    // Behind the signature and the header.
    let (head, rest) = plain.split_at(33);
    [head, &chunk(*b"iTXt", &text), rest].concat()
}

/// The same JPEG, whose last pass comes so many times more: each without a byte of pixels.
pub fn passes(jpeg: &[u8], more: usize) -> Vec<u8> {
    let scan = jpeg.windows(2).rposition(|pair| pair == [0xff, 0xda]).unwrap_or(0);
    let length = usize::from(u16::from_be_bytes([jpeg[scan + 2], jpeg[scan + 3]]));
    let (pixels, end) = jpeg.split_at(jpeg.len() - 2);
    [pixels, &jpeg[scan..scan + 2 + length].repeat(more), end].concat()
}

/// A progressive JPEG in grey, as wide as it is high, in so many passes over all that makes out
/// a block but its mean: a few hundred bytes, of which none is of pixels, and zeros stand for the
/// finest of each.
pub fn progressive(side: u16, number: usize) -> Vec<u8> {
    let mut jpeg = Vec::new();
    // Nothing that is written to memory fails.
    drop(GrayImage::new(16, 16).write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, 90)));
    let find = |marker: u8| jpeg.windows(2).rposition(|pair| pair == [0xff, marker]).unwrap_or(0);
    let (frame, scan) = (find(0xc0), find(0xda));
    let side = side.to_be_bytes();
    jpeg[frame + 1] = 0xc2;
    jpeg[frame + 5..frame + 9].copy_from_slice(&[side, side].concat());
    // Such a pass begins behind the mean of a block.
    jpeg[scan + 7] = 1;
    jpeg.truncate(scan + 10);
    jpeg.extend([0xff, 0xd9]);
    passes(&jpeg, number.saturating_sub(1))
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap_or(u16::MAX);
    [&[0xff, marker], &length.to_be_bytes()[..], content].concat()
}

fn boxed(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
    [&small(content.len() + 8).to_be_bytes(), &kind[..], content].concat()
}

fn chunk(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
    let tail = [&kind[..], content].concat();
    [&small(content.len()).to_be_bytes(), &tail[..], &crc32(&tail).to_be_bytes()].concat()
}

/// Bytes as zlib has them that are not made smaller.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let mut parts = bytes.chunks(65_535).peekable();
    while let Some(part) = parts.next() {
        let length = u16::try_from(part.len()).unwrap_or(u16::MAX);
        out.push(u8::from(parts.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(part);
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    out.extend((b << 16 | a).to_be_bytes());
    out
}

/// The sum behind a chunk of a PNG, of its kind and content.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    };
    !bytes.iter().fold(!0, step)
}
