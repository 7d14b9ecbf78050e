// .dev.vars: secrets for this machine alone, made once, never in git.
import { randomBytes } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../steps.mjs";

const path = join(root, ".dev.vars");
const secret = (prefix) => prefix + randomBytes(24).toString("base64url");

/** Makes what is missing; gives the first API key. */
export function localSecrets() {
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  const value = (name) => new RegExp(`^${name}\\s*=\\s*"?([^"\n]*)"?`, "m").exec(text)?.[1];
  const missing = Object.entries({ API_KEYS: "local-", VISITOR_SECRET: "" }).filter(([name]) => !value(name));
  const made = missing.map(([name, prefix]) => [name, secret(prefix)]);
  if (made.length) {
    const gap = text && !text.endsWith("\n") ? "\n" : "";
    appendFileSync(path, gap + made.map(([n, v]) => `${n}="${v}"\n`).join(""), { mode: 0o600 });
  }
  return (value("API_KEYS") ?? Object.fromEntries(made).API_KEYS).split(",")[0].trim();
}
