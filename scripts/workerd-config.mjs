// The built Worker as a configuration for bare workerd, its bindings read from wrangler.toml so that they cannot drift.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { root } from "./steps.mjs";

/** Every name of the configuration that may come from the environment; the last is by which tests ask whose connections a call uses. */
const names = [
  "UPSTREAM_BASE_URL", "UPSTREAM_API_KEY", "UPSTREAM_OPEN", "ROUTES", "API_KEYS", "VISITOR_SECRET", "ALLOWED_ORIGINS",
  "UPSTREAM_RPM", "UPSTREAM_TPM", "UPSTREAM_CONCURRENCY", "KEY_RPM", "VISITOR_RPM", "ADDRESS_RPM", "FIRST_BYTE_MS",
  "SILENCE_MS", "TOTAL_MS", "RETRIES", "HEDGE", "QUEUE_MS", "DAILY_BUDGET_YEN", "HANDOFF_URL",
  "HANDOFF_SECRET", "SHOP_CONTACT", "HISTORY_DAYS", "SHARE_MS", "TOKEN_MINUTES",
  "TELL_INVOCATION",
];

const text = (value) => JSON.stringify(String(value));

function secretsOf(routes) {
  try {
    return Object.values(JSON.parse(routes)).flat().map((target) => target?.key).filter((key) => typeof key === "string");
  } catch {
    return []; // The Worker itself refuses ROUTES that cannot be read.
  }
}

/**
 * The configuration's text, for a file beside copies of build/*. `state` is the folder of the objects' storage. `isolates` workers of the
 * same code, each on a port of its own, share the first one's objects, as isolates in many places do. `entry` is a module beside the
 * copies that stands before the Worker.
 */
export function workerdConfig({ port, state, env, isolates = 1, entry }) {
  const wrangler = parse(readFileSync(join(root, "wrangler.toml"), "utf8"));
  const vars = { ...wrangler.vars };
  for (const name of [...names, ...secretsOf(env.ROUTES ?? "")]) if (env[name] !== undefined) vars[name] = env[name];
  const objects = wrangler.durable_objects?.bindings ?? [];
  const wasm = /import \w+ from "\.\/(\w+\.wasm)"/.exec(readFileSync(join(root, "build/index.js"), "utf8"))?.[1] ?? "index_bg.wasm";
  const flags = (wrangler.compatibility_flags ?? []).map(text).join(", ");
  const others = Array.from({ length: isolates - 1 }, (_, n) => n + 2);
  const bindings = (objectsOf) => `
${Object.entries(vars).map(([name, value]) => `    (name = ${text(name)}, text = ${text(value)}),`).join("\n")}
${objects.map((o) => `    (name = ${text(o.name)}, durableObjectNamespace = ${objectsOf(o.class_name)}),`).join("\n")}
    (name = "ASSETS", service = "storefront"),
`;
  const code = `
  modules = [${entry ? `
    (name = ${text(entry)}, esModule = embed ${text(entry)}),` : ""}
    (name = "index.js", esModule = embed "index.js"),
    (name = ${text(wasm)}, wasm = embed ${text(wasm)}),
  ],
  compatibilityDate = ${text(wrangler.compatibility_date)},
  compatibilityFlags = [${flags}],
  globalOutbound = "internet",`;
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .madoguchi),${others.map((n) => `
    (name = "isolate-${n}", worker = .another),`).join("")}
    (name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true))),
    (name = "storefront", disk = (path = ${text(join(root, "storefront"))})),
    (name = "state", disk = (path = ${text(state)}, writable = true)),
  ],
  sockets = [
    (name = "http", address = "127.0.0.1:${port}", http = (), service = "main"),${others.map((n) => `
    (name = "http-${n}", address = "127.0.0.1:0", http = (), service = "isolate-${n}"),`).join("")}
  ],
);
const another :Workerd.Worker = (${code}
  bindings = [${bindings((name) => `(className = ${text(name)}, serviceName = "main")`)}  ],
);
const madoguchi :Workerd.Worker = (${code}
  bindings = [${bindings(text)}  ],
  durableObjectNamespaces = [
${objects.map((o) => `    (className = ${text(o.class_name)}, uniqueKey = ${text(`madoguchi-${o.class_name}`)}, enableSql = true),`).join("\n")}
  ],
  durableObjectStorage = (localDisk = "state"),
);
`;
}
