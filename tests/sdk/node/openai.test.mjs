// OpenAI's SDK for Node against the Worker: plain, streamed, usage, tools, and each error as the SDK's own type.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const client = (options = {}) =>
  new OpenAI({ baseURL: process.env.MADOGUCHI_URL, apiKey: process.env.MADOGUCHI_KEY, maxRetries: 0, ...options });
const ask = (content, more = {}) => ({ model: "gpt-4.1", messages: [{ role: "user", content }], ...more });
const seen = async () => (await fetch(process.env.UPSTREAM_RECORD)).json();
const calls = async () => (await seen()).total;

test("a plain answer with its usage", async () => {
  const reply = await client().chat.completions.create(ask("こんにちは"));
  assert.equal(reply.choices[0].message.content, "answer to: こんにちは");
  assert.ok(reply.usage.total_tokens > 0);
  assert.match(reply._request_id, /^req_/);
});

test("a streamed answer with its usage", async () => {
  const stream = await client().chat.completions.create(ask("stream me", { stream: true, stream_options: { include_usage: true } }));
  let said = "";
  let usage;
  for await (const chunk of stream) {
    said += chunk.choices[0]?.delta?.content ?? "";
    usage ??= chunk.usage;
  }
  assert.equal(said, "answer to: stream me");
  assert.ok(usage.completion_tokens > 0);
});

test("tools reach the host as they were given", async () => {
  const parameters = { type: "object", properties: { order: { type: "string" } }, required: ["order"] };
  const tools = [{ type: "function", function: { name: "track", parameters, strict: true } }];
  await client().chat.completions.create(ask("where is it?", { tools, tool_choice: "auto" }));
  const { calls } = await seen();
  const { tools: given, tool_choice } = JSON.parse(calls.at(-1).body);
  assert.deepEqual({ given, tool_choice }, { given: tools, tool_choice: "auto" });
});

for (const [words, type] of [
  ["status=400", OpenAI.BadRequestError],
  ["status=404", OpenAI.NotFoundError],
  ["status=422", OpenAI.UnprocessableEntityError],
  ["status=429", OpenAI.RateLimitError],
  ["status=500", OpenAI.InternalServerError],
  ["reset", OpenAI.InternalServerError],
]) {
  test(`${words} becomes ${type.name}`, async () => {
    await assert.rejects(client().chat.completions.create(ask(`[[${words}]]`)), (error) => {
      assert.ok(error instanceof type, `${error}`);
      assert.ok(error.error.message && error.error.request_id);
      return true;
    });
  });
}

test("a wrong key becomes AuthenticationError", async () => {
  await assert.rejects(client({ apiKey: "wrong" }).chat.completions.create(ask("x")), OpenAI.AuthenticationError);
});

test("an error within a stream is thrown to its reader", async () => {
  const stream = await client().chat.completions.create(ask("[[sse-error]] long enough to be cut", { stream: true }));
  await assert.rejects(async () => {
    for await (const _ of stream);
  }, OpenAI.APIError);
});

test("the SDK's own retries work, and without them there is one call", async () => {
  const before = await calls();
  await assert.rejects(client().chat.completions.create(ask("[[status=503 times=9]] off")));
  assert.equal((await calls()) - before, 1);
  const reply = await client({ maxRetries: 2 }).chat.completions.create(ask("[[status=503 times=1]] on"));
  assert.ok(reply.choices[0].message.content);
  assert.equal((await calls()) - before, 3);
});

test("the models are listed", async () => {
  const ids = [];
  for await (const model of client().models.list()) ids.push(model.id);
  assert.ok(ids.includes("gpt-4.1") && ids.includes("default"));
});
