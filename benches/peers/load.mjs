// One plain call, asked again and again over so many connections.
import { join } from "node:path";
import { must, root } from "../../scripts/steps.mjs";

const body = JSON.stringify({ model: "gpt-4.1", messages: [{ role: "user", content: "返品はできますか" }] });

/** An engine compiles what is called often, and only then well: before they are measured all sides have as long for it. */
export async function warm(sides) {
  for (const side of sides) await load(side, 32, 20);
}

/** Requests a second, the median and the 99th percentile in ms. */
export async function load({ url, headers = [] }, connections, seconds) {
  const words = [`${url}/v1/chat/completions`, String(connections), String(seconds), body, ...headers];
  const result = JSON.parse(await must(join(root, "target/release/examples/load"), words));
  if (result.bad > 0) throw new Error(`${result.bad} replies of ${url} were not 200`);
  return result;
}
