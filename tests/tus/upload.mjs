// Uploads a file by tus as a browser's page would: `node upload.mjs ENDPOINT TOKEN FILE [URL]`.
// Prints one line of JSON: the upload's URL and every answer on the way. With a URL it goes
// on where an earlier run ended; with `pause` in its place it stops in the midst; with
// `override` its way there lets no PATCH through.
import { createReadStream, statSync } from "node:fs";
import { Upload } from "tus-js-client";

const [endpoint, token, file, before] = process.argv.slice(2);
const size = statSync(file).size;
const answers = [];
const tell = (outcome) => {
  console.log(JSON.stringify({ ...outcome, url: upload.url, answers }));
  process.exit(outcome.done || outcome.paused ? 0 : 1);
};
const upload = new Upload(createReadStream(file), {
  endpoint,
  uploadSize: size,
  chunkSize: 1 << 20,
  uploadUrl: before?.includes("/") ? before : undefined,
  overridePatchMethod: before === "override",
  headers: { Authorization: `Bearer ${token}` },
  metadata: { filename: "城市 夜景.jpg", filetype: "image/jpeg" },
  retryDelays: Array.from({ length: 40 }, () => 250),
  onAfterResponse: (request, response) => {
    answers.push([request.getMethod(), response.getStatus(), request.getHeader("Upload-Offset") ?? null]);
  },
  onChunkComplete: async (_, accepted) => {
    if (before === "pause" && accepted > size / 3) {
      await upload.abort();
      tell({ paused: true });
    }
  },
  onError: (error) => tell({ error: String(error) }),
  onSuccess: () => tell({ done: true }),
});
upload.start();
