/** Marks a sealed request or answer. Its value is not looked at, as on the Python side. */
export const SEALED_HEADER = "x-trusted-mcp";

/**
 * The one refusal: the same status and body for plaintext, garbage, a wrong key, a changed message and
 * a repeated one. 422 starts no authorisation flow and no retry.
 */
export const REFUSED_STATUS = 422;
export const REFUSED_BODY: string = JSON.stringify({
  jsonrpc: "2.0",
  id: null,
  error: {
    code: -32090,
    message: "Not accepted. After initialize this endpoint takes only sealed requests.",
  },
});

/** Bytes of an envelope that carries `bytes`: base64, the wrapped key (RSA-8192 at most), names and quotes. */
export function envelopeLimit(bytes: number): number {
  return Math.ceil((bytes * 4) / 3) + 4_096;
}
