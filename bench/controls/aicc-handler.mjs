/** The AICC/0.1 scheme around a web-standard handler; plain requests (initialize, notifications) pass. */
import { AICC_HEADER, openEnvelope, sealEnvelope, sealEvents, unwrapKey } from "./aicc.mjs";

export function aiccHandler(handler, privateKey) {
  return {
    async fetch(request, options) {
      if (request.headers.get(AICC_HEADER) !== "1") return await handler.fetch(request, options);
      const envelope = await request.json();
      const key = unwrapKey(privateKey, envelope.key);
      const headers = new Headers(request.headers);
      headers.delete("content-length");
      headers.delete(AICC_HEADER);
      const body = openEnvelope(key, envelope).toString("utf8");
      const inner = new Request(request.url, { method: "POST", headers, body, signal: request.signal });
      return await sealResponse(key, await handler.fetch(inner, options));
    },
  };
}

async function sealResponse(key, response) {
  if (!response.ok || response.body === null) return response;
  const headers = new Headers(response.headers);
  headers.set(AICC_HEADER, "1");
  const streaming = headers.get("content-type")?.startsWith("text/event-stream") === true;
  const text = await response.text();
  return new Response(streaming ? sealEvents(key, text) : sealEnvelope(key, text), {
    status: response.status,
    headers,
  });
}
