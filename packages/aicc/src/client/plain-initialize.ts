import { JSON_MEDIA_TYPE, mediaType, STREAM_MEDIA_TYPE } from "@trusted-mcp/http/media-type";
import { utf8 } from "@trusted-mcp/primitives/bytes";
import { AiccError } from "../error.ts";
import { hasAcceptance, isFields, withOffer } from "../wire/capability.ts";
import { LineReader, splitLine } from "../wire/sse-lines.ts";
import { keptHeaders, refuseRedirect } from "./answer.ts";
import type { HttpSender } from "./http.ts";

type Fields = Readonly<Record<string, unknown>>;

const MAX_ANSWER = 4_194_304;

/**
 * `initialize` as the Python client sends it: in clear, with the offer. Whoever is in between can write
 * the answer, so `instructions`, which models read, are taken out of it; and without the acceptance
 * this client goes no further instead of going on in plaintext.
 */
export async function plainInitialize(
  sender: HttpSender,
  message: Fields,
  headers: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<Response> {
  const answer = await sender.send("POST", headers, utf8(JSON.stringify(withOffer(message))), signal);
  refuseRedirect(answer);
  const kept = keptHeaders(answer);
  if (answer.status !== 200) {
    answer.cancel();
    kept.delete("content-type");
    return new Response(null, { status: answer.status, headers: kept });
  }
  const body = await answer.bytes(MAX_ANSWER);
  const streaming = mediaType(answer.headers["content-type"]) === STREAM_MEDIA_TYPE;
  const fields = parse(streaming ? firstMessage(body) : body.toString("utf8"));
  if (!isFields(fields["result"]) || !hasAcceptance(fields)) {
    throw new AiccError(
      "ERR_NOT_OFFERED",
      "The server does not accept AICC/0.1, or somebody took its acceptance away; nothing is sent in plaintext",
    );
  }
  // The Python server's misplaced flag is an object inside the result that no schema knows.
  const { instructions: _instructions, result: _misplaced, ...result } = fields["result"];
  kept.set("content-type", JSON_MEDIA_TYPE);
  return new Response(JSON.stringify({ ...fields, result }), { status: 200, headers: kept });
}

/** Event ids and retry times of this one answer are of no use: it is read whole. */
function firstMessage(body: Uint8Array): string {
  const reader = new LineReader(MAX_ANSWER);
  for (const line of reader.push(body)) {
    const { field, value } = splitLine(line);
    if (field === "data" && value !== "") return value;
  }
  return "";
}

function parse(text: string): Fields {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : {};
  } catch {
    return {};
  }
}
