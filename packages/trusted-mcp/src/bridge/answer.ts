import { TrustedMcpError } from "@trusted-mcp/primitives/error";
import { ProgramError } from "../error.ts";
import { causes, codeOf } from "../exit-code.ts";
import { isRecord, type RpcError, sort } from "./json-rpc.ts";

/** Implementation-defined server error (JSON-RPC 2.0 §5.1): what the bridge answers for a transport failure. */
export const BRIDGE_ERROR = -32000;

/** Whatever went wrong on the way, as an error that a host can show and a program can match on `data.code`. */
export function transportError(error: unknown): RpcError {
  const known = asKnown(error);
  return {
    code: BRIDGE_ERROR,
    message: `trusted-mcp: ${known.message}`,
    data: { code: known.code, action: known.action },
  };
}

/** The coded error behind `error`. A bare network failure becomes one that says what to check. */
export function asKnown(error: unknown): TrustedMcpError {
  const chain = causes(error);
  const coded = chain.find((link): link is TrustedMcpError => link instanceof TrustedMcpError);
  if (coded !== undefined) return coded;
  const system = chain.map(codeOf).find((code) => code !== undefined);
  const why = system === undefined ? "" : ` (${system})`;
  return new ProgramError(
    "ERR_UNREACHABLE",
    `the server cannot be reached${why}: is the URL right and the server running?`,
    {
      action: "retry",
      cause: error,
    },
  );
}

/** What a non-2xx answer says to the request it refuses: its own JSON-RPC error, or the bare status. */
export function statusError(status: number, body: string): RpcError {
  const said = sort(body)?.responses.find((response) => response.error !== undefined)?.error;
  if (isRecord(said) && Number.isInteger(said["code"]) && typeof said["message"] === "string") {
    const { code, message, data } = said;
    return { code: Number(code), message, ...(data === undefined ? {} : { data }) };
  }
  return {
    code: BRIDGE_ERROR,
    message: `trusted-mcp: the server answered HTTP ${status}`,
    data: { code: "ERR_HTTP_STATUS", action: status >= 500 ? "retry" : "stop", status },
  };
}
