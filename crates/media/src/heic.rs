//! HEIC: what phones write. The container and the pixels are read by `heifer`, in safe Rust;
//! how much it is given to do is bounded here, whatever a file says.

use heifer::color::{ColorParams, frame_to_rgba_sized};
use heifer::heifer_hevc_dec::decoder::{DecodeOptions, decode_picture};
use heifer::heifer_isobmff::boxes::{ColorInfo, Property};
use heifer::heifer_isobmff::{BoxIter, HeifFile, ItemId};
use image::metadata::Orientation;
use sharestack_content::model::CameraNotes;

use crate::raster::Raster;
use crate::source::{ReadAt, Window};
use crate::{color, notes, sample};

/// The largest index of a file's items that is read: phones write a twentieth of that.
const MAX_INDEX: usize = 256 * 1024;
/// The most tiles.
const MAX_TILES: usize = 4096;
/// How much longer than it says a side may be coded: a block.
const PADDING: u32 = 64;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// What the index of a file says of its picture.
#[derive(Debug)]
pub(crate) struct Index {
    /// Width and height of what is shown, as it lies in the file.
    pub size: (u32, u32),
    /// How it must be turned.
    pub orientation: Orientation,
    /// The colour profile.
    pub profile: Option<Vec<u8>>,
    /// What the camera wrote.
    pub notes: CameraNotes,
    /// Whether it was coded in tiles.
    pub tiled: bool,
    /// How many pixels are coded.
    pub coded: u64,
}

/// A picture's pieces, and which part of it is shown.
struct Plan {
    tile: (u32, u32),
    columns: u32,
    tiles: Vec<ItemId>,
    /// Left, top, width, height.
    shown: (u32, u32, u32, u32),
    orientation: Orientation,
}

/// Reads the index. The bytes may end behind it.
pub(crate) fn index(bytes: &[u8]) -> Result<Index, Error> {
    let file = parse(bytes)?;
    let plan = plan(&file, bytes.len() as u64)?;
    let mut notes = file.exif(file.primary_id).ok().flatten().map(|exif| notes::read(&exif[..])).unwrap_or_default();
    // How it stands the container says; what EXIF says of that is for those who cannot read it.
    notes.orientation = None;
    let profile = match file.icc_profile(file.primary_id)? {
        Some(profile) => Some(profile.to_vec()),
        // The colours of phones that embed no profile.
        None if nclx(&file, file.primary_id).is_some_and(|(primaries, ..)| primaries == 12) => {
            Some(sample::display_p3())
        }
        None => None,
    };
    notes.color_profile = profile.as_deref().and_then(color::name);
    let coded = plan.tiles.len() as u64 * area(plan.tile);
    let size = (plan.shown.2, plan.shown.3);
    Ok(Index { size, orientation: plan.orientation, profile, notes, tiled: plan.tiles.len() > 1, coded })
}

/// How many bytes of memory the pixels take, and all of the file beside them.
pub(crate) fn memory(index: &Index, length: u64) -> u64 {
    let shown = u64::from(index.size.0) * u64::from(index.size.1);
    // Tiles are laid down one by one; a whole picture has planes of two bytes, again while
    // they are filtered, and four bytes a pixel behind them.
    let working = if index.tiled { 0 } else { index.coded.saturating_mul(16) };
    shown.saturating_mul(6).saturating_add(working).saturating_add(length.saturating_mul(4))
}

/// The pixels as they lie in the file.
pub(crate) fn decode(picture: &Window) -> Result<Raster, Error> {
    let bytes = picture.take(0, usize::try_from(picture.length())?);
    let file = parse(&bytes)?;
    let plan = plan(&file, bytes.len() as u64)?;
    let (left, top, width, height) = plan.shown;
    let mut pixels = vec![0; width as usize * height as usize * 3];
    let largest = (plan.tile.0.saturating_add(PADDING), plan.tile.1.saturating_add(PADDING));
    let options = DecodeOptions { max_pixels: area(largest), ..DecodeOptions::default() };
    for (number, tile) in (0..).zip(&plan.tiles) {
        let frame = decode_picture(&file.hevc_bitstream(*tile)?, options)?;
        let params = nclx(&file, *tile).map_or_else(
            || ColorParams::from_frame(&frame),
            |(_, matrix, full_range)| ColorParams { matrix, full_range },
        );
        let made = frame_to_rgba_sized::<u8>(&frame, params, plan.tile.0, plan.tile.1);
        if (made.width, made.height) != plan.tile {
            return Err("a tile has not the size that it says".into());
        }
        let (x, y) = (number % plan.columns * plan.tile.0, number / plan.columns * plan.tile.1);
        let first = left.saturating_sub(x).min(plan.tile.0);
        let last = (left + width).saturating_sub(x).min(plan.tile.0);
        if last <= first {
            continue;
        }
        for (row, line) in (y..).zip(made.data.chunks_exact(plan.tile.0 as usize * 4)) {
            let Some(row) = row.checked_sub(top).filter(|row| *row < height) else { continue };
            let shown = line[first as usize * 4..last as usize * 4].chunks_exact(4);
            let at = (row as usize * width as usize + (x + first).saturating_sub(left) as usize) * 3;
            for (target, source) in pixels[at..].chunks_exact_mut(3).zip(shown) {
                target.copy_from_slice(&source[..3]);
            }
        }
    }
    Raster::rgb(width, height, pixels).ok_or_else(|| "fewer pixels than it says".into())
}

/// The container, when its index is not too large to be gone through.
fn parse(bytes: &[u8]) -> Result<HeifFile<'_>, Error> {
    for found in BoxIter::new(bytes) {
        let found = found?;
        if found.header.box_type.0 == *b"meta" && found.content.len() > MAX_INDEX {
            return Err("more items than a picture has".into());
        }
    }
    Ok(HeifFile::parse(bytes)?)
}

/// Which pieces make the picture, when they are no more than the picture and the file are.
fn plan(file: &HeifFile<'_>, length: u64) -> Result<Plan, Error> {
    let id = file.primary_id;
    let (size, tile, columns, tiles) = match &file.item(id)?.item_type.0 {
        b"hvc1" => {
            let size = file.image_size(id)?.ok_or("a picture without a size")?;
            (size, size, 1, vec![id])
        }
        b"grid" => {
            let grid = file.grid(id)?;
            let tiles = file.referenced_items(id, b"dimg").to_vec();
            let (rows, columns) = (u32::from(grid.rows), u32::from(grid.columns));
            if tiles.is_empty() || tiles.len() > MAX_TILES || tiles.len() as u64 != u64::from(rows) * u64::from(columns)
            {
                return Err("another number of tiles than it says".into());
            }
            let tile = file.image_size(tiles[0])?.ok_or("a tile without a size")?;
            let fits = |side: u32, each: u32, many: u32| {
                let (side, each, many) = (u64::from(side), u64::from(each), u64::from(many));
                // They cover all of it, and none lies beside it.
                many * each >= side && (many - 1) * each < side
            };
            let (width, height) = (grid.output_width, grid.output_height);
            if !(fits(width, tile.0, columns) && fits(height, tile.1, rows)) {
                return Err("tiles of another size than the picture's".into());
            }
            ((width, height), tile, columns, tiles)
        }
        other => return Err(format!("a picture of the kind {}", String::from_utf8_lossy(other)).into()),
    };
    if size.0 == 0 || size.1 == 0 {
        return Err("a side has no length".into());
    }
    let mut bytes = 0_u64;
    for tile_id in &tiles {
        let item = file.item(*tile_id)?;
        if item.item_type.0 != *b"hvc1" || file.image_size(*tile_id)? != Some(tile) {
            return Err("tiles of different kinds".into());
        }
        let extents = item.location.iter().flat_map(|location| &location.extents);
        let lengths = extents.map(|extent| if extent.length == 0 { length } else { extent.length });
        bytes = lengths.fold(bytes, u64::saturating_add);
    }
    // Each piece has bytes of its own; a few may say that they go on to the end.
    if bytes > length.saturating_mul(2) {
        return Err("tiles that share their bytes".into());
    }
    let (shown, orientation) = transforms(file, id, size)?;
    Ok(Plan { tile, columns, tiles, shown, orientation })
}

/// Left, top, width and height of what is shown.
type Shown = (u32, u32, u32, u32);

/// Which part of a picture of this size is shown, and how it is turned then.
fn transforms(file: &HeifFile<'_>, id: ItemId, (width, height): (u32, u32)) -> Result<(Shown, Orientation), Error> {
    let mut shown = (0, 0, width, height);
    let (mut quarters, mut mirrored) = (0, false);
    for property in file.item_properties(id)? {
        match property {
            Property::CleanAperture { width: w, height: h, horiz_offset: x, vert_offset: y } => {
                if (quarters, mirrored) != (0, false) {
                    return Err("cut after it was turned".into());
                }
                let (left, wide) = aperture(shown.2, *w, *x).ok_or("nothing of it is shown")?;
                let (top, high) = aperture(shown.3, *h, *y).ok_or("nothing of it is shown")?;
                shown = (shown.0 + left, shown.1 + top, wide, high);
            }
            // It says how far against the clock. A mirrored picture turns the other way.
            Property::Rotation(turns) => {
                let turned = if mirrored { quarters + turns } else { quarters + 4 - turns };
                quarters = turned % 4;
            }
            Property::Mirror(top_bottom) => {
                // To change top and bottom is to change the sides, half way round.
                let half = if *top_bottom { 2 } else { 0 };
                quarters = (quarters + half) % 4;
                mirrored = !mirrored;
            }
            _ => {}
        }
    }
    let orientation = match (quarters, mirrored) {
        (0, false) => Orientation::NoTransforms,
        (1, false) => Orientation::Rotate90,
        (2, false) => Orientation::Rotate180,
        (3, false) => Orientation::Rotate270,
        (0, true) => Orientation::FlipHorizontal,
        (1, true) => Orientation::Rotate90FlipH,
        (2, true) => Orientation::FlipVertical,
        _ => Orientation::Rotate270FlipH,
    };
    Ok((shown, orientation))
}

/// Where the shown part of a side begins, and how long it is, of its length and its middle's
/// distance from the side's.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the side")]
fn aperture(side: u32, length: (u32, u32), offset: (i32, u32)) -> Option<(u32, u32)> {
    if length.1 == 0 || offset.1 == 0 {
        return None;
    }
    let long = f64::from(length.0) / f64::from(length.1);
    let middle = f64::from(offset.0) / f64::from(offset.1) + (f64::from(side) - 1.0) / 2.0;
    let first = (middle - (long - 1.0) / 2.0).round().clamp(0.0, f64::from(side)) as u32;
    let long = (long.round().clamp(0.0, f64::from(side)) as u32).min(side - first);
    (long > 0).then_some((first, long))
}

/// What the container says of an item's colours: primaries, matrix, and whether black is 0.
fn nclx(file: &HeifFile<'_>, id: ItemId) -> Option<(u16, u16, bool)> {
    file.item_properties(id).ok()?.find_map(|property| match property {
        Property::Color(ColorInfo::Nclx { primaries, matrix, full_range, .. }) => {
            Some((*primaries, *matrix, *full_range))
        }
        _ => None,
    })
}

fn area((width, height): (u32, u32)) -> u64 {
    u64::from(width) * u64::from(height)
}

#[cfg(test)]
#[path = "heic_tests.rs"]
mod tests;
