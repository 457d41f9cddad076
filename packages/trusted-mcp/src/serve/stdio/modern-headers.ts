import { HEADER_MISMATCH, refuse } from "../answer.ts";
import { utf8Decode } from "@trusted-mcp/primitives/bytes";
import { NAMED_BY } from "@trusted-mcp/http/mcp-name";
import type { JsonRpcRequest } from "../json-rpc.ts";

/**
 * The standard headers must be there and agree with the body: whatever routes by header must not see another
 * call than the one that runs. The SDK's classifier has compared the two that are present; this adds the rest.
 */
export function checkStandardHeaders(
  headers: Headers,
  { id, method, params }: JsonRpcRequest,
): Response | undefined {
  const mismatch = (why: string): Response => refuse(400, HEADER_MISMATCH, `Bad Request: ${why}`, { id });
  if (headers.get("mcp-protocol-version") === null)
    return mismatch("the MCP-Protocol-Version header is missing");
  if (headers.get("mcp-method") === null) return mismatch("the Mcp-Method header is missing");
  const member = NAMED_BY.get(method);
  const name = member === undefined ? undefined : params?.[member];
  if (typeof name !== "string") return undefined;
  const header = headers.get("mcp-name");
  if (header === null) return mismatch("the Mcp-Name header is missing");
  const decoded = decodeHeaderValue(header);
  if (decoded === undefined) return mismatch("the Mcp-Name header is not valid Base64");
  return decoded === name ? undefined : mismatch("the Mcp-Name header and the body disagree");
}

/**
 * Undoes `=?base64?…?=`, the form of values that a header cannot carry as they are. `Headers` has taken off the
 * white space that HTTP allows around a value (RFC 9110 §5.5); `trim` would take more, such as U+00A0.
 */
export function decodeHeaderValue(value: string): string | undefined {
  // The two marks may not share their question mark: "=?base64?=" is a plain value.
  const base64 = /^=\?base64\?([^]*)\?=$/.exec(value)?.[1];
  if (base64 === undefined) return value;
  const bytes = Buffer.from(base64, "base64");
  if (bytes.toString("base64") !== base64) return undefined;
  try {
    return utf8Decode(bytes);
  } catch {
    return undefined;
  }
}
