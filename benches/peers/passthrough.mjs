// What a shop would write first: a Worker that only passes the request through.
export default {
  async fetch(request, env) {
    const headers = { "content-type": "application/json" };
    const body = await request.text();
    return fetch(`${env.UPSTREAM}/v1/chat/completions`, { method: "POST", headers, body });
  },
};
