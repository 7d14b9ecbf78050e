// A pass-through that makes the calls of the platform that a gateway with deadlines and retries needs, and decides nothing.
const text = new TextDecoder();

export default {
  async fetch(request, env) {
    for (const name of ["authorization", "accept", "x-request-id"]) request.headers.get(name);
    const asked = JSON.parse(text.decode(await request.arrayBuffer()));
    const abort = new AbortController();
    request.signal.addEventListener("abort", () => abort.abort());
    const timer = setTimeout(() => abort.abort(), 10_000);
    const headers = { "content-type": "application/json", accept: "application/json" };
    const reply = await fetch(`${env.UPSTREAM}/v1/chat/completions`, { method: "POST", headers, body: JSON.stringify(asked), signal: abort.signal });
    for (const name of ["content-type", "retry-after"]) reply.headers.get(name);
    const body = await reply.arrayBuffer();
    clearTimeout(timer);
    const answered = JSON.parse(text.decode(body)).choices?.[0]?.message?.content;
    const told = { "content-type": "application/json", "x-request-id": crypto.randomUUID() };
    return new Response(body, { status: answered ? reply.status : 502, headers: told });
  },
};
