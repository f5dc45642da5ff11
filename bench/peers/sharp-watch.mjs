// SPDX-License-Identifier: Apache-2.0
// sharp-watch.mjs LANES CONCURRENCY SIZE IN OUT
// The usual watcher script: chokidar reports new files, sharp makes a thumbnail of each, LANES files
// at a time. Prints "ready" once it watches, and the name of each file that is done. It keeps no
// records, and makes nothing durable.
import path from "node:path";
import { createRequire } from "node:module";
const require = createRequire(path.join(process.env.THUMBQ_BENCH_PEERS, "peers.cjs"));
const sharp = require("sharp");
const chokidar = await import(require.resolve("chokidar")).catch(() => require("chokidar"));

const [lanes, concurrency, size, from, out] = process.argv.slice(2);
sharp.cache(false);
sharp.concurrency(Number(concurrency));
const queue = [];
let busy = 0;

async function work() {
  busy++;
  for (let file = queue.shift(); file; file = queue.shift()) {
    const name = path.basename(file);
    await sharp(file)
      .rotate()
      .resize(Number(size), Number(size), { fit: "inside", withoutEnlargement: true })
      .jpeg({ quality: 80 })
      .toFile(path.join(out, `${name}.jpg`));
    console.log(name);
  }
  busy--;
}

const watch = chokidar.watch ?? chokidar.default.watch;
watch(from, { ignoreInitial: true })
  .on("add", (file) => {
    queue.push(file);
    if (busy < Number(lanes)) work();
  })
  .on("ready", () => console.log("ready"));
