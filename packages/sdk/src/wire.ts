/** What both halves of the HTTP binding share (spec §8). */
export const EXTENSION_NAME = "dev.trusted-mcp/channel";

/** Announced under `capabilities.extensions`; informative only, never a reason to trust. */
export const EXTENSION: { readonly versions: string[] } = { versions: ["trusted-mcp/1"] };

/**
 * The one outer refusal: same status and body for an unknown session, a bad tag, a malformed frame
 * and plaintext. 422 starts no authorisation flow, no era fallback and no gateway retry.
 */
export const REFUSED_STATUS = 422;
export const REFUSED_CODE = -32090;
export const REFUSED_MESSAGE = "Not accepted. This endpoint speaks MCP only inside a trusted-mcp/1 channel.";
export const REFUSED_BODY: string = JSON.stringify({
  jsonrpc: "2.0",
  id: null,
  error: {
    code: REFUSED_CODE,
    message: REFUSED_MESSAGE,
    data: { extension: EXTENSION_NAME, versions: ["trusted-mcp/1"] },
  },
});

/** Bytes that a JSON frame may need for `bytes` of content: base64url, padding, chunk overhead, braces. */
export function frameLimit(bytes: number): number {
  return Math.ceil(bytes * 1.13 * 1.34) + 65_536;
}
