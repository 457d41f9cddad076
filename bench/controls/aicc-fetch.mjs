/** The client's half as a `fetch` for the SDK's transport: everything after `initialize` is sealed. */
import { AICC_HEADER, openBody, sealEnvelope, wrapKey } from "./aicc.mjs";

export function aiccFetch(publicKey) {
  let initialized = false;
  return async (url, init) => {
    const plain = !initialized || typeof init?.body !== "string";
    if (typeof init?.body === "string") initialized = true;
    if (plain) return await fetch(url, init);
    const { key, wrapped } = wrapKey(publicKey);
    const headers = new Headers(init.headers);
    headers.set(AICC_HEADER, "1");
    const response = await fetch(url, { ...init, headers, body: sealEnvelope(key, init.body, wrapped) });
    if (!response.ok || response.headers.get(AICC_HEADER) !== "1") return response;
    const body = Buffer.from(await response.arrayBuffer());
    const contentType = response.headers.get("content-type") ?? "";
    return new Response(openBody(key, body, contentType), {
      status: response.status,
      headers: response.headers,
    });
  };
}
