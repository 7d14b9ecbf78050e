// The Worker with a vocabulary that can be taken away: from a request with `x-vocabulary` on its file is `gone`, is `another`, is `silent`, or
// is `there` as it was. `GET /fetched` tells how often it was asked for.
import worker, { Conversation as Talking } from "./index.js";

export * from "./index.js";

let now = "there";
let fetched = 0;

async function vocabulary(files, url, init) {
  fetched++;
  switch (now) {
    case "gone":
      return new Response(null, { status: 404 });
    case "another":
      return new Response("another version's vocabulary");
    case "silent":
      await scheduler.wait(30_000);
      return new Response(null, { status: 504 });
    default:
      return files.fetch(url, init);
  }
}

function within(env) {
  const files = env.ASSETS;
  const fetch = (url, init) => (url.includes("/vocabulary/") ? vocabulary(files, url, init) : files.fetch(url, init));
  return { ...env, ASSETS: { fetch } };
}

export class Conversation extends Talking {
  constructor(state, env) {
    super(state, within(env));
  }
}

export default {
  fetch(request, env, context) {
    now = request.headers.get("x-vocabulary") ?? now;
    if (request.url.endsWith("/fetched")) return new Response(String(fetched));
    return worker.fetch(request, within(env), context);
  },
};
