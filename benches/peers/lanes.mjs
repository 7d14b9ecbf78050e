// What a fan-out costs the platform with no policy at all: six calls from here, six more through each Durable Object.
const WIDTH = 6;

export class Lane {
  fetch(call) {
    return fetch(call);
  }
}

async function call(env, lane, prompt) {
  const url = `${env.UPSTREAM}/v1/chat/completions`;
  const init = {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-4.1", messages: [{ role: "user", content: prompt }] }),
    signal: new AbortController().signal,
  };
  const reply = lane === 0 ? await fetch(url, init) : await env.LANE.get(env.LANE.idFromName(String(lane))).fetch(url, init);
  return (await reply.json()).choices[0].message.content;
}

export default {
  async fetch(request, env) {
    const { prompts, max_concurrent } = await request.json();
    const results = [];
    let next = 0;
    const worker = async (slot) => {
      while (next < prompts.length) {
        const at = next++;
        results[at] = { index: at, content: await call(env, Math.floor(slot / WIDTH), prompts[at]) };
      }
    };
    await Promise.all(Array.from({ length: max_concurrent }, (_, slot) => worker(slot)));
    return Response.json({ results, summary: { ok: results.length } });
  },
};
