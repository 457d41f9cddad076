import type { JSONRPCMessage } from "@modelcontextprotocol/client";
import type { HeaderFields } from "@trusted-mcp/channel";
import { NAMED_BY } from "@trusted-mcp/http/mcp-name";
import { JSON_MEDIA_TYPE, STREAM_MEDIA_TYPE } from "@trusted-mcp/http/media-type";
import { utf8 } from "@trusted-mcp/primitives/bytes";

/** Names that the transport itself sets; nobody else's value may disagree with the message. */
const OWN = new Set([
  "content-type",
  "accept",
  "mcp-protocol-version",
  "mcp-method",
  "mcp-name",
  "mcp-session-id",
  "last-event-id",
]);
/** Of one call, these may not be set either: they belong to the whole connection. */
const CREDENTIALS = new Set(["authorization", "dpop"]);

const CONTENT: HeaderFields = [
  ["content-type", JSON_MEDIA_TYPE],
  ["accept", `${JSON_MEDIA_TYPE}, ${STREAM_MEDIA_TYPE}`],
];

type Given = Readonly<Record<string, string>> | undefined;

/** Header fields from the outside, in the form in which they are sealed, without those that the transport sets. */
export function givenFields(given: Given): HeaderFields {
  return Object.entries(given ?? {})
    .map(([name, value]): [string, string] => [name.toLowerCase(), value.trim()])
    .filter(([name]) => !OWN.has(name));
}

/** What every request of a connection carries. */
export interface ConnectionFields {
  /** Given by the user for every request; see `givenFields`. */
  readonly given: HeaderFields;
  readonly sessionId: string | undefined;
  readonly protocolVersion: string | undefined;
}

/** Fields of a POST with `message`; `call` is what the SDK adds for this one (`Mcp-Param-*`). */
export function postFields(
  message: JSONRPCMessage,
  connection: ConnectionFields,
  call?: Given,
): HeaderFields {
  const own = bodyFields(message) ?? versionField(connection);
  const starts = "method" in message && message.method === "initialize";
  const session = starts ? [] : sessionField(connection);
  const more = givenFields(call).filter(([name]) => !CREDENTIALS.has(name));
  const given =
    more.length === 0
      ? connection.given
      : connection.given.filter(([name]) => !more.some(([other]) => other === name));
  return [...CONTENT, ...given, ...session, ...own, ...more];
}

/** Fields of the GET that opens or resumes a stream of events. */
export function getFields(connection: ConnectionFields, lastEventId: string | undefined): HeaderFields {
  const fields: [string, string][] = [["accept", STREAM_MEDIA_TYPE]];
  if (lastEventId !== undefined) fields.push(["last-event-id", lastEventId]);
  return [...fields, ...deleteFields(connection)];
}

export function deleteFields(connection: ConnectionFields): HeaderFields {
  return [...connection.given, ...sessionField(connection), ...versionField(connection)];
}

function sessionField({ sessionId }: ConnectionFields): HeaderFields {
  return sessionId === undefined ? [] : [["mcp-session-id", sessionId]];
}

function versionField({ protocolVersion }: ConnectionFields): HeaderFields {
  return protocolVersion === undefined ? [] : [["mcp-protocol-version", protocolVersion]];
}

/**
 * A request that names its revision in `_meta` (2026-07-28) says in header fields what it is, from the message
 * itself: version, method and name. Null: the message makes no such claim, and no such field may stand beside it.
 */
function bodyFields(message: JSONRPCMessage): HeaderFields | null {
  if (!("method" in message) || !("id" in message)) return null;
  const { params } = message;
  const version = params?._meta?.["io.modelcontextprotocol/protocolVersion"];
  if (typeof version !== "string") return null;
  const fields: [string, string][] = [
    ["mcp-protocol-version", version],
    ["mcp-method", message.method],
  ];
  const member = NAMED_BY.get(message.method);
  const name = member === undefined ? undefined : params?.[member];
  if (typeof name === "string") fields.push(["mcp-name", fieldValue(name)]);
  return fields;
}

/** The value as it is where HTTP lets it pass unharmed, else `=?base64?…?=` (2026-07-28, "Value encoding"). */
function fieldValue(value: string): string {
  const plain = /^[\t -~]+$/.test(value) && value === value.trim();
  const looksEncoded = value.startsWith("=?base64?") && value.endsWith("?=");
  if (plain && !looksEncoded) return value;
  return `=?base64?${btoa(Array.from(utf8(value), (byte) => String.fromCharCode(byte)).join(""))}?=`;
}
