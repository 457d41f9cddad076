/** Said once per process when AICC/0.1 is switched on. */
export const AICC_WARNING: string =
  "AICC/0.1 is on, for clients of the Python SDK. It cannot protect: past traffic once the server's RSA key is " +
  "known (no forward secrecy, no post-quantum); who the client is (there is no client identity); initialize, HTTP " +
  "header fields, status codes, event ids and the order and completeness of event streams (all in clear or " +
  "unbound); requests repeated after a restart of this server. Move clients to trusted-mcp/1 and switch it off.";

const state = { said: false };

export function warnOnce(say: (message: string) => void): void {
  if (state.said) return;
  state.said = true;
  say(AICC_WARNING);
}

export function emitWarning(message: string): void {
  process.emitWarning(message, { type: "TrustedMcpWarning", code: "TRUSTED_MCP_AICC" });
}
