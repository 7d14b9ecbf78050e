// The Python packages of the SDK's tests and of the seed's own method, in an environment of the project's own.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { command, digest, isDone, markDone, must, root, step, tools } from "../steps.mjs";

/** The Python that has them; nothing where this machine has no python3 with venv. */
export async function pythonPackages() {
  const requirements = join(root, "tests/sdk/requirements.txt");
  const venv = join(tools, "venv");
  const key = digest(readFileSync(requirements));
  if (!existsSync(venv) || !isDone("venv", key)) {
    mkdirSync(tools, { recursive: true });
    if ((await command("python3", ["-m", "venv", venv])).code !== 0) return undefined;
    await step("installing the Python packages of tests/sdk", () => must(join(venv, "bin/pip"), ["install", "-q", "-r", requirements]));
    markDone("venv", key);
  }
  return join(venv, "bin/python");
}
