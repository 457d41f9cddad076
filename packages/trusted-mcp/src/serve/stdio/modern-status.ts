/**
 * The HTTP status that 2026-07-28 asks for with a JSON-RPC error: 404 for an unknown method, 400 for what the
 * protocol itself refuses, and 200 for everything a tool or handler reports.
 */
export function modernStatus(code: number): number {
  switch (code) {
    case -32601:
      return 404;
    case -32700:
    case -32600:
    case -32020:
    case -32021:
    case -32022:
      return 400;
    default:
      return 200;
  }
}
