//! Square pictures of accounts.

use async_trait::async_trait;
use bytes::Bytes;
use fast_image_resize::images::Image;
use fast_image_resize::{PixelType, ResizeOptions, Resizer};
use image::DynamicImage;
use sharestack_users::error::PictureError;
use sharestack_users::ports::{AvatarImages, RenderedAvatar};

use crate::decode::decode;
use crate::pool::{Pool, PoolError};

/// How good a picture is, of 100: what nobody tells from the original at this size.
const QUALITY: f32 = 82.0;

/// How much may be decoded, and how much at once.
#[derive(Debug, Clone, Copy)]
pub struct PictureLimits {
    /// The most pixels of a picture.
    pub max_pixels: u64,
    /// How many are decoded at once.
    pub concurrency: usize,
    /// How many wait for that before others are refused.
    pub queue: usize,
}

impl Default for PictureLimits {
    /// 50 megapixels; two at once, 32 waiting.
    fn default() -> Self {
        Self { max_pixels: 50_000_000, concurrency: 2, queue: 32 }
    }
}

/// Makes pictures on threads of their own.
#[derive(Debug, Clone)]
pub struct Pictures {
    max_pixels: u64,
    pool: Pool,
}

impl Pictures {
    /// A maker of pictures within these limits.
    pub fn new(limits: PictureLimits) -> Self {
        Self { max_pixels: limits.max_pixels, pool: Pool::new(limits.concurrency, limits.queue) }
    }
}

#[async_trait]
impl AvatarImages for Pictures {
    async fn render(&self, bytes: Bytes, sizes: &[u32]) -> Result<Vec<RenderedAvatar>, PictureError> {
        let (sizes, max_pixels) = (sizes.to_vec(), self.max_pixels);
        let work = move || {
            let picture = plain(decode(&bytes, max_pixels)?);
            sizes.into_iter().map(|size| square(&picture, size)).collect()
        };
        match self.pool.run(work).await {
            Ok(made) => made,
            Err(PoolError::Busy) => Err(PictureError::Busy),
            // A decoder that panics has met a broken picture.
            Err(PoolError::Panicked(panic)) => Err(PictureError::Broken(Box::new(panic))),
        }
    }
}

/// The picture in eight bits a channel; transparent only if it was.
fn plain(picture: DynamicImage) -> DynamicImage {
    if picture.color().has_alpha() {
        DynamicImage::ImageRgba8(picture.into_rgba8())
    } else {
        DynamicImage::ImageRgb8(picture.into_rgb8())
    }
}

/// The middle of a plain picture, `size` pixels wide and high.
fn square(picture: &DynamicImage, size: u32) -> Result<RenderedAvatar, PictureError> {
    let rgba = picture.color().has_alpha();
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| PictureError::Failed(error);
    let kind = if rgba { PixelType::U8x4 } else { PixelType::U8x3 };
    let mut resized = Image::new(size, size, kind);
    let options = ResizeOptions::new().fit_into_destination(Some((0.5, 0.5)));
    Resizer::new().resize(picture, &mut resized, &options).map_err(|error| failed(Box::new(error)))?;
    let encoder = if rgba {
        webp::Encoder::from_rgba(resized.buffer(), size, size)
    } else {
        webp::Encoder::from_rgb(resized.buffer(), size, size)
    };
    let made = encoder.encode_simple(false, QUALITY);
    let made = made.map_err(|error| failed(format!("webp encoder: {error:?}").into()))?;
    Ok(RenderedAvatar { size, bytes: Bytes::copy_from_slice(&made) })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{GenericImageView, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

    use super::*;
    use crate::sample::{passes, swollen};

    /// Red left of blue.
    fn two_halves(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, _| if x < width / 2 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) })
    }

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    async fn render(bytes: Vec<u8>) -> Result<Vec<RenderedAvatar>, PictureError> {
        Pictures::new(PictureLimits::default()).render(bytes.into(), &[64, 16]).await
    }

    fn read(avatar: &RenderedAvatar) -> DynamicImage {
        image::load_from_memory_with_format(&avatar.bytes, ImageFormat::WebP).unwrap()
    }

    fn is_red(picture: &DynamicImage, x: u32, y: u32) -> bool {
        let pixel = picture.get_pixel(x, y);
        pixel[0] > 200 && pixel[2] < 60
    }

    fn is_blue(picture: &DynamicImage, x: u32, y: u32) -> bool {
        let pixel = picture.get_pixel(x, y);
        pixel[2] > 200 && pixel[0] < 60
    }

    /// A JPEG's bytes with an EXIF segment that says how it is turned, and where it was taken.
    fn with_exif(jpeg: &[u8], orientation: u8) -> Vec<u8> {
        let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
        exif.extend(b"GPS 31.23037 121.47370");
        let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
        [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
    }

    #[tokio::test]
    async fn every_format_becomes_squares_of_each_size() {
        let picture = DynamicImage::ImageRgb8(two_halves(120, 80));
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP] {
            let made = render(encoded(&picture, format)).await.unwrap();
            assert_eq!(made.iter().map(|avatar| avatar.size).collect::<Vec<_>>(), [64, 16]);
            for avatar in &made {
                let picture = read(avatar);
                assert_eq!(picture.dimensions(), (avatar.size, avatar.size), "{format:?}");
                // Cut from the middle: both halves are there.
                assert!(is_red(&picture, 2, 8) && is_blue(&picture, avatar.size - 3, 8), "{format:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_turned_picture_stands_upright_and_tells_nothing() {
        let jpeg = encoded(&DynamicImage::ImageRgb8(two_halves(64, 64)), ImageFormat::Jpeg);
        let plain = read(&render(jpeg.clone()).await.unwrap()[0]);
        assert!(is_red(&plain, 5, 32) && is_blue(&plain, 58, 32));
        // 6: the top of the scene is at the right of the file; turned, red is above blue.
        let turned = with_exif(&jpeg, 6);
        assert!(turned.windows(3).any(|window| window == b"GPS"));
        let made = render(turned).await.unwrap();
        let upright = read(&made[0]);
        assert!(is_red(&upright, 32, 5) && is_blue(&upright, 32, 58));
        for avatar in made {
            for secret in [&b"GPS"[..], b"Exif", b"EXIF", b"XMP", b"ICCP"] {
                assert!(!avatar.bytes.windows(secret.len()).any(|window| window == secret));
            }
        }
    }

    #[tokio::test]
    async fn transparency_stays() {
        let clear = RgbaImage::from_pixel(32, 32, Rgba([0, 0, 0, 0]));
        let made = render(encoded(&DynamicImage::ImageRgba8(clear), ImageFormat::Png)).await.unwrap();
        assert_eq!(read(&made[0]).get_pixel(10, 10)[3], 0);
    }

    #[tokio::test]
    async fn of_a_moving_picture_the_first_frame_is_taken() {
        use image::codecs::gif::GifEncoder;
        use image::{Delay, Frame};
        let frame =
            |color| Frame::from_parts(RgbaImage::from_pixel(20, 20, color), 0, 0, Delay::from_numer_denom_ms(9, 1));
        let mut bytes = Vec::new();
        let mut encoder = GifEncoder::new(&mut bytes);
        encoder.encode_frames([frame(Rgba([255, 0, 0, 255])), frame(Rgba([0, 0, 255, 255]))]).unwrap();
        drop(encoder);
        assert!(is_red(&read(&render(bytes).await.unwrap()[0]), 8, 8));
    }

    #[tokio::test]
    async fn what_is_no_picture_is_refused_by_its_bytes() {
        let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>".to_vec();
        let html = b"<!doctype html><script>alert(1)</script>".to_vec();
        for bytes in [svg, html, b"%PDF-1.7".to_vec(), b"BM000000".to_vec(), vec![0; 100], Vec::new()] {
            assert!(matches!(render(bytes).await, Err(PictureError::Unsupported)));
        }
    }

    #[tokio::test]
    async fn what_hides_behind_a_picture_is_left_behind() {
        let gif = encoded(&DynamicImage::ImageRgb8(two_halves(20, 20)), ImageFormat::Gif);
        let polyglot = [&gif[..], b"<script>alert(1)</script><?php system($_GET['c']); ?>"].concat();
        for avatar in render(polyglot).await.unwrap() {
            assert!(!avatar.bytes.windows(7).any(|window| window == b"<script"));
            assert!(avatar.bytes.starts_with(b"RIFF"));
        }
    }

    /// A PNG of a few bytes that says it is large.
    fn bomb(width: u32, height: u32) -> Vec<u8> {
        let mut png = encoded(&DynamicImage::ImageRgb8(two_halves(2, 2)), ImageFormat::Png);
        png[16..20].copy_from_slice(&width.to_be_bytes());
        png[20..24].copy_from_slice(&height.to_be_bytes());
        let sum = crc(&png[12..29]).to_be_bytes();
        png[29..33].copy_from_slice(&sum);
        png
    }

    fn crc(bytes: &[u8]) -> u32 {
        let step = |sum: u32, byte: &u8| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
        };
        !bytes.iter().fold(!0, step)
    }

    #[tokio::test]
    async fn a_bomb_is_refused_before_it_is_decoded() {
        for (width, height) in [(20_000, 20_000), (60_000, 2), (u32::MAX >> 1, u32::MAX >> 1), (7_072, 7_072)] {
            let refused = render(bomb(width, height)).await;
            assert!(matches!(refused, Err(PictureError::TooManyPixels { max: 50_000_000 })), "{width}: {refused:?}");
        }
    }

    #[tokio::test]
    async fn a_broken_picture_is_refused() {
        let picture = DynamicImage::ImageRgb8(two_halves(200, 200));
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP] {
            let whole = encoded(&picture, format);
            for length in [16, whole.len() / 3] {
                let refused = render(whole[..length].to_vec()).await;
                assert!(matches!(refused, Err(PictureError::Broken(_))), "{format:?} {length}: {refused:?}");
            }
        }
        let nothing = [&[0x89][..], b"PNG\r\n\x1a\n", &[0xff; 64]].concat();
        assert!(matches!(render(nothing).await, Err(PictureError::Broken(_))));
    }

    #[tokio::test]
    async fn a_profile_that_swells_is_left_out() {
        for length in [5 << 20, 60 << 20] {
            let made = render(swollen(length)).await.unwrap();
            assert_eq!(read(&made[0]).dimensions(), (64, 64), "{length}");
        }
    }

    #[tokio::test]
    async fn what_is_gone_over_too_often_is_refused() {
        let jpeg = encoded(&DynamicImage::ImageRgb8(two_halves(200, 200)), ImageFormat::Jpeg);
        let refused = render(passes(&jpeg, 2000)).await;
        let Err(PictureError::Broken(reason)) = &refused else { panic!("{refused:?}") };
        assert_eq!(reason.to_string(), "more passes than a picture has");
    }

    #[tokio::test]
    async fn what_waits_is_bounded() {
        let pictures = Pictures::new(PictureLimits { concurrency: 1, queue: 1, ..PictureLimits::default() });
        let jpeg = Bytes::from(encoded(&DynamicImage::ImageRgb8(two_halves(8, 8)), ImageFormat::Jpeg));
        let held = pictures.pool.room.clone().acquire_owned().await.unwrap();
        let waiting: Vec<_> = (0..2)
            .map(|_| {
                let (pictures, jpeg) = (pictures.clone(), jpeg.clone());
                tokio::spawn(async move { pictures.render(jpeg, &[8]).await })
            })
            .collect();
        while pictures.pool.inside.load(std::sync::atomic::Ordering::Relaxed) < 2 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(pictures.render(jpeg.clone(), &[8]).await, Err(PictureError::Busy)));
        drop(held);
        for one in waiting {
            assert!(one.await.unwrap().is_ok());
        }
        assert!(pictures.render(jpeg, &[8]).await.is_ok());
    }
}
