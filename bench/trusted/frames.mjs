/** Records in the two framings, for a client that is only a socket. */
import {
  BINARY_MEDIA_TYPE,
  encodeRecordRequest,
  FRAMING_BINARY,
  openWhole,
  parsePart,
  parseRecordResponse,
  RESPONSE_HEADER_BYTES,
} from "@trusted-mcp/channel";

const MAX_ANSWER_BYTES = 8 << 20;

export function contentType(framing) {
  return framing === FRAMING_BINARY ? BINARY_MEDIA_TYPE : "application/json";
}

export function encodeRequest(framing, id, { header, chunks }) {
  return framing === FRAMING_BINARY
    ? Buffer.concat([header, ...chunks])
    : encodeRecordRequest(id, header, chunks);
}

/** Opens an answer; throws unless it is whole and authentic. */
export function openAnswer(exchange, { head, body }) {
  const { header, bytes } = decode(/^content-type: *([^;\r]*)/im.exec(head)?.[1], body);
  return openWhole(exchange.openResponse(header), bytes, MAX_ANSWER_BYTES);
}

function decode(type, body) {
  if (type === BINARY_MEDIA_TYPE)
    return { header: body.subarray(0, RESPONSE_HEADER_BYTES), bytes: body.subarray(RESPONSE_HEADER_BYTES) };
  if (type === "text/event-stream") return joinParts(body.toString("latin1"));
  const { header, chunks } = parseRecordResponse(body.toString("utf8"));
  return { header, bytes: chunks };
}

function joinParts(events) {
  const parts = [...events.matchAll(/^data: (.*)$/gm)].map(([, data]) => parsePart(data));
  return { header: parts[0].header, bytes: Buffer.concat(parts.map(({ chunks }) => chunks)) };
}
