import { HEADER_MISMATCH, refuse } from "../answer.ts";
import { isObject } from "../handler.ts";
import type { JsonRpcId } from "../json-rpc.ts";
import { decodeHeaderValue } from "./modern-headers.ts";

/** An argument that a tool wants repeated in `Mcp-Param-NAME`, so that what is in between can route by it. */
export interface ParamHeader {
  readonly name: string;
  readonly path: readonly string[];
  readonly numeric: boolean;
}

const MAX_DEPTH = 16;
const MAX_HEADERS = 64;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const NUMBER = /^-?\d+(\.\d+)?$/;

/** The `x-mcp-header` declarations of an input schema: on properties of properties only, 2026-07-28 §tools. */
export function paramHeaders(schema: unknown, path: readonly string[] = []): readonly ParamHeader[] {
  if (!isObject(schema) || path.length > MAX_DEPTH) return [];
  const { "x-mcp-header": name, type, properties } = schema;
  const own: ParamHeader[] = [];
  if (path.length > 0 && typeof name === "string" && TOKEN.test(name)) {
    own.push({ name, path, numeric: type === "integer" || type === "number" });
  }
  const below = isObject(properties) ? Object.entries(properties) : [];
  return [...own, ...below.flatMap(([key, child]) => paramHeaders(child, [...path, key]))].slice(
    0,
    MAX_HEADERS,
  );
}

/** Each declared argument that is there must be in its header too, with the same value. */
export function checkParamHeaders(
  declared: readonly ParamHeader[],
  args: unknown,
  headers: Headers,
  id: JsonRpcId,
): Response | undefined {
  for (const { name, path, numeric } of declared) {
    const value = textOf(at(args, path));
    if (value === undefined) continue;
    const header = headers.get(`mcp-param-${name}`);
    const decoded = header === null ? undefined : decodeHeaderValue(header);
    const same =
      decoded === value || (numeric && NUMBER.test(decoded ?? "") && Number(decoded) === Number(value));
    if (!same)
      return refuse(400, HEADER_MISMATCH, `Bad Request: the Mcp-Param-${name} header and the body disagree`, {
        id,
      });
  }
  return undefined;
}

function at(value: unknown, path: readonly string[]): unknown {
  let node = value;
  for (const key of path) node = isObject(node) && Object.hasOwn(node, key) ? node[key] : undefined;
  return node;
}

/** How a header writes an argument; undefined for what no header can carry. */
function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return String(value);
  if (typeof value !== "number" || (Number.isInteger(value) && !Number.isSafeInteger(value)))
    return undefined;
  return String(value);
}
