import { expect, test } from "vitest";
import { ChannelError } from "@trusted-mcp/channel";
import { codeOf } from "../../test/refusal.ts";
import { withCutNotice } from "./cut-notice.ts";

const REQUEST = '{"jsonrpc":"2.0","id":"seven","method":"tools/call","params":{}}';
const CUT = new ChannelError("ERR_RECORD_TRUNCATED", "cut");

async function* stream(parts: string[], error: Error | null): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
  if (error !== null) throw error;
}

/** What a reader got before the stream ended or failed. */
async function read(
  parts: string[],
  error: Error | null,
  request = REQUEST,
): Promise<{ text: string; end: string }> {
  let text = "";
  const all = (async () => {
    for await (const part of withCutNotice(stream(parts, error), request))
      text += Buffer.from(part).toString();
  })();
  const end = error === null ? (await all, "whole") : await codeOf(all);
  return { text, end };
}

test("a cut stream tells the waiting call why, then fails all the same [REQ-MITM-CUT]", async () => {
  const { text, end } = await read(["data: {}\n\n", 'data: {"half'], CUT);
  expect(end).toBe("ERR_RECORD_TRUNCATED");
  const notice = text.slice(text.lastIndexOf("data: ") + 6).trim();
  expect(text).toContain('{"half\n\nevent: message\n');
  expect(JSON.parse(notice)).toMatchObject({
    id: "seven",
    error: { code: -32090, data: { code: "ERR_RECORD_TRUNCATED" } },
  });
});

test("a whole stream is left as it is", async () => {
  expect(await read(["data: {}\n\n"], null)).toEqual({ text: "data: {}\n\n", end: "whole" });
});

test.each([
  ["a stream with event ids, which will be asked for again", ["id: 1\ndata: {}\n\n"], REQUEST],
  ["a later event id", ["data: {}\n\n", "event: message\nid: 2\ndata: {}\n\n"], REQUEST],
  [
    "a notification, which nobody waits for",
    ["data: {}\n\n"],
    '{"jsonrpc":"2.0","method":"notifications/initialized"}',
  ],
  ["a posted answer", ["data: {}\n\n"], '{"jsonrpc":"2.0","id":1,"result":{}}'],
  ["the GET stream, whose request has no body", ["data: {}\n\n"], ""],
])("no notice for %s", async (_, parts, request) => {
  const { text, end } = await read(parts, CUT, request);
  expect(text).toBe(parts.join(""));
  expect(end).toBe("ERR_RECORD_TRUNCATED");
});

test("text that only looks like an event id does not count as one", async () => {
  const { text } = await read(['data: {"id":1,"text":"\\nid: 5"}\n\n'], CUT);
  expect(text).toContain("-32090");
});

test("an error of somebody else is passed on without words of ours", async () => {
  await expect(
    (async () => {
      for await (const _ of withCutNotice(stream(["data: {}\n\n"], new Error("other")), REQUEST));
    })(),
  ).rejects.toThrow("other");
});
