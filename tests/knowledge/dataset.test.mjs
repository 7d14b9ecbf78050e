// The shop's documents and the shoppers' questions fit each other: every answer exists where the question says it does.
//
// A line of questions.ndjson is {"q", "lang", "id", "passage", "half", "kind"}. `id` is the document that answers, a list where
// several answer equally well, null where none does; `passage` is what of its content answers, a list beside a list of ids.
// Search is tuned on the half "tune" alone; "held" only measures. topics.ndjson holds what a shopper asks any shop, by topic, with
// what answers it in each of four. Which other shops are tuned on is told by measure.rs; the rest only measure. A line of
// small_shops.ndjson is a shop of a few pages with its questions, {"shop", "half", "documents", "questions"}.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const lines = (path) => readFileSync(new URL(path, import.meta.url), "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
const documents = lines("../../storefront/shop/documents.ndjson");
const questions = lines("questions.ndjson");
const fresh = lines("fresh_questions.ndjson");
const list = (value) => (value === null ? [] : [value].flat());

test("documents are whole, distinct and of a page's length", () => {
  assert.ok(documents.length >= 45);
  for (const key of ["id", "url"]) assert.equal(new Set(documents.map((d) => d[key])).size, documents.length);
  for (const d of documents) {
    assert.deepEqual(Object.keys(d), ["id", "title", "content", "url", "lang"]);
    assert.ok(d.content.length >= 150 && d.content.length <= 900, `${d.id}: ${d.content.length}`);
  }
});

test("every passage stands in the document that it is said to be in", () => {
  const content = new Map(documents.map((d) => [d.id, d.content]));
  for (const question of [...questions, ...fresh]) {
    const ids = list(question.id);
    const passages = list(question.passage);
    assert.equal(ids.length, passages.length, question.q);
    ids.forEach((id, n) => assert.ok(content.get(id)?.includes(passages[n]), `${question.q}: ${id}: ${passages[n]}`));
  }
});

test("what answers a topic stands where the topic says, in every shop", () => {
  const shops = { shop: documents };
  for (const name of ["cosmetics", "electronics", "clothing"]) shops[name] = lines(`${name}_documents.ndjson`);
  for (const { topic, answers } of lines("topics.ndjson")) {
    for (const [shop, languages] of Object.entries(answers)) {
      for (const [id, passage] of Object.values(languages).flatMap((pairs) => pairs ?? [])) {
        assert.ok(shops[shop].find((d) => d.id === id)?.content.includes(passage), `${topic}: ${shop}: ${id}: ${passage}`);
      }
    }
  }
});

test("every document and passage that a shop's question names is there", () => {
  const names = ["cosmetics", "electronics", "clothing", "sweets", "pets", "furniture", "tea", "outdoor", "flowers", "stationery", "baby", "wine", "glasses", "craft", "zakka", "music", "bike", "jewel", "camera", "running", "cookware", "seafood", "toys", "bedding", "bags", "diy"];
  const large = names.map((shop) => ({ shop, documents: lines(`${shop}_documents.ndjson`), questions: lines(`${shop}_questions.ndjson`) }));
  for (const { shop, documents, questions: asked } of [...large, ...lines("small_shops.ndjson")]) {
    const content = new Map(documents.map((d) => [d.id, d.content]));
    assert.equal(new Set(asked.map((q) => q.q)).size, asked.length, shop);
    for (const q of asked) {
      const passages = list(q.passage);
      list(q.id).forEach((id, n) => assert.ok(content.get(id)?.includes(passages[n] ?? ""), `${shop}: ${q.q}: ${id}: ${passages[n]}`));
    }
  }
});

test("no question is asked twice, every document is asked for, a third is English, a sixth has no answer", () => {
  const all = [...questions, ...fresh];
  assert.equal(new Set(all.map((q) => q.q)).size, all.length);
  const asked = new Set(questions.flatMap((q) => list(q.id)));
  assert.deepEqual(documents.map((d) => d.id).filter((id) => !asked.has(id)), []);
  const part = (of) => questions.filter(of).length / questions.length;
  assert.ok(part((q) => q.lang === "en") > 0.32);
  assert.ok(part((q) => q.id === null) > 1 / 6);
});

test("the halves hold the same kinds of questions", () => {
  for (const kind of new Set(questions.map((q) => q.kind))) {
    const count = (half) => questions.filter((q) => q.kind === kind && q.half === half).length;
    assert.ok(Math.abs(count("tune") - count("held")) <= 2, kind);
  }
});
