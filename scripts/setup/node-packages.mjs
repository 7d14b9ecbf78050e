// The npm packages of package-lock.json, installed when the lockfile has changed.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { digest, isDone, markDone, must, root, step } from "../steps.mjs";

export async function nodePackages() {
  const key = digest(readFileSync(join(root, "package-lock.json")));
  if (existsSync(join(root, "node_modules")) && isDone("node-packages", key)) return;
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  await step("installing the npm packages of package-lock.json", () =>
    must(npm, ["ci", "--no-audit", "--no-fund", "--loglevel=error"]),
  );
  markDone("node-packages", key);
}
