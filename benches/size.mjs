// The bundle as it is deployed: wrangler's own figure.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { must, root } from "../scripts/steps.mjs";

export default async function size() {
  const folder = mkdtempSync(join(tmpdir(), "bundle-"));
  const output = await must(join(root, "node_modules/.bin/wrangler"), ["deploy", "--dry-run", "--outdir", folder]);
  console.log(output.split("\n").find((line) => line.includes("gzip"))?.trim() ?? output);
  rmSync(folder, { recursive: true, force: true });
}
