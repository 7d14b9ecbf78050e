// npm run upstream: the upstream that misbehaves on demand; words after -- are its behaviour.
import { spawn } from "node:child_process";
import { environment, root } from "./steps.mjs";

const args = ["run", "--release", "--quiet", "--example", "upstream", "--", ...process.argv.slice(2)];
const child = spawn("cargo", args, { cwd: root, env: environment(), stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code) => process.exit(code ?? 0));
