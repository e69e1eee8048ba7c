// Makes the five derivatives of each picture as the product does, one thread, one after the
// other; prints seconds and the most memory that was resident, in MiB.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';

sharp.concurrency(1);
sharp.cache(false);
const [directory] = process.argv.slice(2);
const files = readdirSync(directory).filter((name) => name.endsWith('.jpg')).map((name) => join(directory, name));

async function develop(file) {
  const bytes = readFileSync(file);
  const box = { fit: 'inside', withoutEnlargement: true };
  // Decoded once, as the product does: the others are made of what screens show.
  const base = await sharp(bytes).rotate().resize({ width: 1920, height: 1080, ...box }).toColourspace('srgb').raw()
    .toBuffer({ resolveWithObject: true });
  const picture = () => sharp(base.data, { raw: base.info });
  let size = 0;
  for (const side of [1200, 600, 300]) {
    size += (await picture().resize({ width: side, height: side, ...box }).jpeg({ quality: 85 }).toBuffer()).length;
  }
  size += (await picture().jpeg({ quality: 85 }).toBuffer()).length;
  size += (await picture().webp({ quality: 80 }).toBuffer()).length;
  return size;
}

await develop(files[0]);
const started = process.hrtime.bigint();
let bytes = 0;
for (const file of files) bytes += await develop(file);
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
console.log(JSON.stringify({ seconds, pictures: files.length, bytes, peak_mib: process.resourceUsage().maxRSS / 1024 }));
