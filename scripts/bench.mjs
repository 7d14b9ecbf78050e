// npm run bench [name]: the figures, each side by side with what a user would pick instead.
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Stop, must, program, root } from "./steps.mjs";
import { setup } from "./setup.mjs";
import { build } from "./build.mjs";

await program(async () => {
  const there = readdirSync(join(root, "benches")).filter((f) => f.endsWith(".mjs")).map((f) => f.slice(0, -4));
  const wanted = process.argv.slice(2);
  const unknown = wanted.find((name) => !there.includes(name));
  if (unknown) throw new Stop(`no bench ${unknown}; there are: ${there.join(", ")}`);
  await setup();
  await build();
  process.env.MADOGUCHI_BUILT = "1";
  await must("cargo", ["build", "--release", "--locked", "--example", "upstream", "--example", "load", "--example", "spike"], { show: true });
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root }).toString().trim();
  console.log(`machine: ${cpus().length} x ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, node ${process.versions.node}, commit ${commit}\n`);
  for (const name of there.filter((n) => wanted.length === 0 || wanted.includes(n))) {
    console.log(`== ${name}`);
    await (await import(pathToFileURL(join(root, "benches", `${name}.mjs`)).href)).default();
    console.log("");
  }
});
