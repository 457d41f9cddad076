import {
  encodePart,
  encodeRecordResponse,
  encodeRefusal,
  encodeRequestHead,
  encodeResponseHead,
  parseRequestHeader,
  type Answer,
  type InitiatorExchange,
} from "@trusted-mcp/channel";
import { concat, utf8, utf8Decode } from "@trusted-mcp/primitives/bytes";
import { TrustedMcpError } from "@trusted-mcp/primitives/error";
import { channelWorld, type Connected } from "@trusted-mcp/testkit";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { codeOf } from "../../test/refusal.ts";
import type { OuterAnswer } from "./sender.ts";
import { openAnswer, type OpenedAnswer } from "./sealed-answer.ts";

let connected: Connected;
beforeAll(async () => {
  connected = await channelWorld().connect();
});

/** A request under way, and what seals its answer. */
function exchange(): { sent: InitiatorExchange; answer: Answer } {
  const { client, server } = connected;
  const sent = client.seal([encodeRequestHead({ method: "POST", headers: [] }), utf8("{}")]);
  const opened = server.open(sent.header, parseRequestHeader(sent.header), concat(...sent.chunks));
  return { sent, answer: opened.answer };
}

function outer(contentType: string | undefined, pieces: readonly Uint8Array[]): OuterAnswer {
  return {
    status: 200,
    contentType,
    body: (async function* () {
      yield* pieces;
    })(),
    bytes: () => Promise.resolve(Buffer.concat(pieces)),
    cancel: () => undefined,
  };
}

/** One that says how long it is, as whole answers do: there is nothing in it to read part by part. */
const short = (body: Uint8Array): OuterAnswer => ({
  ...outer("application/trusted-mcp", []),
  bytes: () => Promise.resolve(body),
  length: body.length,
});
const binary = (pieces: readonly Uint8Array[]): OuterAnswer => outer("application/trusted-mcp", pieces);
const HEAD = encodeResponseHead({ status: 200, headers: [["content-type", "application/json"]] });
const STREAM = encodeResponseHead({ status: 200, headers: [["content-type", "text/event-stream"]] });

async function textOf({ body }: OpenedAnswer): Promise<string> {
  if (body instanceof Uint8Array) return utf8Decode(body);
  let text = "";
  for await (const part of body) text += utf8Decode(part);
  return text;
}

describe("an opened answer (spec §5.6, §6)", () => {
  test.each([
    [1, "ERR_OUTCOME_UNKNOWN"],
    [2, "ERR_REQUEST_REFUSED"],
    [3, "ERR_REQUEST_REFUSED"],
    [4, "ERR_REQUEST_REFUSED"],
    [5, "ERR_OUTCOME_UNKNOWN"],
    [9, "ERR_OUTCOME_UNKNOWN"],
  ])("the server's sealed refusal %i becomes %s", async (refusal, code) => {
    const { sent, answer } = exchange();
    const body = concat(answer.header, ...answer.seal([encodeRefusal(refusal as 1)], true));
    expect(await codeOf(openAnswer(binary([body]), sent, 1000))).toBe(code);
  });

  test("opens however the network cuts it, in every framing", async () => {
    for (const size of [1, 2, 16, 17, 18, 100, 10_000]) {
      const { sent, answer } = exchange();
      const body = concat(answer.header, ...answer.seal([HEAD, utf8("hello")], true));
      const pieces = Array.from({ length: Math.ceil(body.length / size) }, (_, i) =>
        body.subarray(i * size, (i + 1) * size),
      );
      expect(await textOf(await openAnswer(binary(pieces), sent, 1000))).toBe("hello");
    }
    const { sent, answer } = exchange();
    const text = encodeRecordResponse('"x"', answer.header, answer.seal([HEAD, utf8("hello")], true));
    expect(
      await textOf(await openAnswer(outer("application/json; charset=utf-8", [utf8(text)]), sent, 1000)),
    ).toBe("hello");
  });

  test("a short answer that says its length is read at once, and is all the same", async () => {
    const opened = async (make: (answer: Answer) => Uint8Array[], change = (body: Uint8Array) => body) => {
      const { sent, answer } = exchange();
      const body = change(concat(answer.header, ...make(answer)));
      const read = openAnswer(short(body), sent, 1000).then(textOf);
      return await read.catch((error: unknown) => (error instanceof TrustedMcpError ? error.code : error));
    };
    const hello = (answer: Answer): Uint8Array[] => answer.seal([HEAD, utf8("hello")], true);
    expect(await opened(hello)).toBe("hello");
    for (const head of [HEAD, STREAM]) {
      const parts = (a: Answer): Uint8Array[] => [
        ...a.seal([head, utf8("hel")], false),
        ...a.seal([utf8("lo")], true),
      ];
      expect(await opened(parts)).toBe("hello");
      expect(await opened(parts, (body) => body.subarray(0, -1))).toBe("ERR_RECORD_TRUNCATED");
    }
    expect(await opened((a) => a.seal([encodeRefusal(4)], true))).toBe("ERR_REQUEST_REFUSED");
    expect(await opened(hello, (body) => body.subarray(0, 16))).toBe("ERR_RECORD_TRUNCATED");
    expect(await opened(hello, (body) => body.subarray(0, 17))).toBe("ERR_RECORD_TRUNCATED");
    expect(await opened(hello, (body) => body.subarray(1))).toBe("ERR_MALFORMED");
    expect(await opened(hello, (body) => concat(body, Uint8Array.of(0)))).toBe("ERR_RECORD_TRAILING");
    expect(await opened(hello, (body) => body.with(30, (body[30] ?? 0) ^ 1))).toBe("ERR_RECORD_AUTH");
  });

  test("a large answer that is no stream is put together, up to the limit", async () => {
    const large = new Uint8Array(300_000).fill(0x61);
    for (const [limit, expected] of [
      [400_000, 300_000],
      [299_999, "ERR_RESPONSE_TOO_LARGE"],
    ] as const) {
      const { sent, answer } = exchange();
      const body = concat(answer.header, ...answer.seal([HEAD, large], true));
      const opened = openAnswer(binary([body]), sent, limit);
      if (typeof expected === "number") expect(await textOf(await opened)).toHaveLength(expected);
      else expect(await codeOf(opened)).toBe(expected);
    }
  });

  const event = (header: Uint8Array | null, chunks: Uint8Array[]): Uint8Array =>
    utf8(`data: ${encodePart(header, chunks)}\n\n`);

  test.each([
    [
      "an event stream whose first part has no header",
      (a: Answer) => [event(null, a.seal([STREAM], true))],
      "ERR_MALFORMED",
    ],
    [
      "a second header",
      (a: Answer) => [event(a.header, a.seal([STREAM], false)), event(a.header, a.seal([], true))],
      "ERR_RECORD_TRAILING",
    ],
    [
      "a header that is none",
      (a: Answer) => [event(a.header.subarray(1), a.seal([STREAM], true))],
      "ERR_MALFORMED",
    ],
    [
      "an end that does not come",
      (a: Answer) => [event(a.header, a.seal([STREAM], false))],
      "ERR_RECORD_TRUNCATED",
    ],
  ])("%s is refused", async (_, make, code) => {
    const { sent, answer } = exchange();
    const read = openAnswer(outer("text/event-stream", make(answer)), sent, 1000).then(textOf);
    expect(await codeOf(read)).toBe(code);
  });

  test.each([
    ["an unknown kind", Uint8Array.of(7)],
    ["a request's kind", Uint8Array.of(2)],
    ["nothing", new Uint8Array(0)],
    ["half a head", HEAD.subarray(0, 5)],
    ["status 100", Uint8Array.of(1, 0, 100, 0)],
    ["status 600", Uint8Array.of(1, 2, 88, 0)],
    ["a refusal with more behind it", Uint8Array.of(4, 1, 1)],
  ])("an authentic answer with a head that cannot be is given up: %s", async (_, content) => {
    const { sent, answer } = exchange();
    const body = concat(answer.header, ...answer.seal([content], true));
    expect(await codeOf(openAnswer(binary([body]), sent, 1000))).toBe("ERR_HEAD");
  });

  test("of two answers to one request the second does not open", async () => {
    const { sent, answer } = exchange();
    const body = concat(answer.header, ...answer.seal([HEAD, utf8("one")], true));
    await openAnswer(binary([body]), sent, 1000);
    expect(await codeOf(openAnswer(binary([body]), sent, 1000))).toBe("ERR_REPLAY");
  });

  test("whatever bytes come, there is a code [REQ-PARSERS]", async () => {
    const type = fc.constantFrom(
      "application/json",
      "application/trusted-mcp",
      "text/event-stream",
      "text/html",
      undefined,
    );
    const pieces = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(type, pieces, async (contentType, all) => {
        const { sent } = exchange();
        const error: unknown = await openAnswer(outer(contentType, all), sent, 1000).then(
          textOf,
          (e: unknown) => e,
        );
        expect(error).toBeInstanceOf(TrustedMcpError);
      }),
    );
  });
});
