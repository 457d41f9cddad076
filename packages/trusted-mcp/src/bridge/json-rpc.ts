/** JSON-RPC 2.0 as far as a bridge must understand it: enough to route, never to rewrite. */
export type RequestId = string | number;

export interface RpcRequest {
  readonly id: RequestId;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export interface RpcNotification {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export interface RpcResponse {
  readonly id: RequestId | null;
  readonly result?: unknown;
  readonly error?: Readonly<Record<string, unknown>>;
}

/** One line or body, sorted. Batches (revision 2025-03-26) can hold several of each kind. */
export interface Sorted {
  readonly requests: readonly RpcRequest[];
  readonly notifications: readonly RpcNotification[];
  readonly responses: readonly RpcResponse[];
  readonly batch: boolean;
}

/** Sorts the messages in a JSON text; undefined when it is not JSON-RPC. */
export function sort(text: string): Sorted | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const batch = Array.isArray(json);
  const items: unknown[] = Array.isArray(json) ? json : [json];
  const requests: RpcRequest[] = [];
  const notifications: RpcNotification[] = [];
  const responses: RpcResponse[] = [];
  for (const item of items) {
    if (!isRecord(item) || item["jsonrpc"] !== "2.0") return undefined;
    const { id, method } = item;
    const params = isRecord(item["params"]) ? item["params"] : {};
    if (typeof method === "string") {
      if (isId(id)) requests.push({ id, method, params });
      else if (!("id" in item)) notifications.push({ method, params });
      else return undefined;
    } else if (isId(id) || (id ?? null) === null) {
      const response = asResponse(isId(id) ? id : null, item);
      if (response === undefined) return undefined;
      responses.push(response);
    } else {
      return undefined;
    }
  }
  return items.length === 0 ? undefined : { requests, notifications, responses, batch };
}

function asResponse(id: RequestId | null, item: Record<string, unknown>): RpcResponse | undefined {
  if (isRecord(item["error"])) return { id, error: item["error"] };
  return "result" in item ? { id, result: item["result"] } : undefined;
}

/** `1e999` is a JSON number, but Infinity here: answered as `null` it would be nobody's answer. */
function isId(id: unknown): id is RequestId {
  return typeof id === "string" || Number.isFinite(id);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An error answer of the bridge's own making. */
export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

export function errorAnswer(id: RequestId | null, error: RpcError): string {
  return JSON.stringify({ jsonrpc: "2.0", id, error });
}

/** Line breaks in valid JSON are whitespace between tokens, so a pretty-printed body becomes one line. */
export function oneLine(text: string): string {
  return /[\r\n]/.test(text) ? text.replace(/[\r\n]+/g, " ").trim() : text;
}
