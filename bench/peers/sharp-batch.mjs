// SPDX-License-Identifier: Apache-2.0
// sharp-batch.mjs LANES CONCURRENCY SIZES ROUNDS OUT FILE...
// Makes JPEG thumbnails of all files with sharp, LANES at a time, and prints how long that took.
import path from "node:path";
import { createRequire } from "node:module";
const require = createRequire(path.join(process.env.THUMBQ_BENCH_PEERS, "peers.cjs"));
const sharp = require("sharp");

const [lanes, concurrency, sizes, rounds, out, ...files] = process.argv.slice(2);
const widths = sizes.split(",").map(Number);
sharp.cache(false);
sharp.concurrency(Number(concurrency));

async function make(file, lane) {
  for (const width of widths) {
    await sharp(file)
      .rotate()
      .resize(width, width, { fit: "inside", withoutEnlargement: true })
      .flatten({ background: "#ffffff" })
      .jpeg({ quality: 80 })
      .toFile(path.join(out, `${lane}-${width}.jpg`));
  }
}

let next = 0;
const total = files.length * Number(rounds);
async function run(lane) {
  for (let at = next++; at < total; at = next++) await make(files[at % files.length], lane);
}

await Promise.all(Array.from({ length: Number(lanes) }, (_, lane) => make(files[0], lane)));
const before = process.cpuUsage();
const start = process.hrtime.bigint();
await Promise.all(Array.from({ length: Number(lanes) }, (_, lane) => run(lane)));
const seconds = Number(process.hrtime.bigint() - start) / 1e9;
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({ images: total, seconds, cpu_seconds: (user + system) / 1e6 }));
