import { Readable } from "node:stream";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { errorAnswer, oneLine, sort } from "./json-rpc.ts";
import { lines } from "./lines.ts";
import {
  claimedVersion,
  headerValue,
  modernHeaders,
  paramHeaders,
  paramHeaderValues,
  ToolCatalogue,
} from "./mcp-headers.ts";
import { sseEvents, type SseState } from "./sse.ts";

/** The same bytes, cut at any places. */
function cut(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const places = [0, ...at.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}

const state = (): SseState => ({ lastEventId: "", retry: undefined });
async function* from(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield await Promise.resolve(part);
}
const events = (text: string, at: readonly number[] = []) =>
  collect(sseEvents(from(cut(Buffer.from(text), at)), state()));

describe("event streams (WHATWG HTML §9.2)", () => {
  test("data, event, id and comments", async () => {
    const text =
      "\ufeff: hello\nid: 7\nevent: message\ndata: a\ndata:b\n\ndata\n\nid\nevent: other\ndata:  c\n\nfoo: bar\n\n";
    expect(await events(text)).toEqual([
      { event: "message", data: "a\nb", id: "7" },
      { event: "message", data: "", id: "7" },
      { event: "other", data: " c", id: "" },
    ]);
  });

  test("retry is taken when it is a number, an id with NUL is not", async () => {
    const seen = state();
    await collect(sseEvents(from([Buffer.from("id: a\0b\nretry: 12\nretry: 1x\n\n")]), seen));
    expect(seen).toEqual({ lastEventId: "", retry: 12 });
  });

  test("an event without its blank line was cut, and is dropped", async () => {
    expect(await events('data: {"a":1}\n\ndata: {"b":')).toEqual([
      { event: "message", data: '{"a":1}', id: "" },
    ]);
    expect(await events("data: x\n")).toEqual([]);
  });

  test("chunks may be cut anywhere, and lines may end in LF, CRLF or CR", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.array(fc.string({ unit: fc.constantFrom("a", "é", "🙂", " ", ":", '"') }), {
            minLength: 1,
            maxLength: 3,
          }),
          { maxLength: 5 },
        ),
        fc.constantFrom("\n", "\r\n", "\r"),
        fc.array(fc.nat(), { maxLength: 20 }),
        async (messages, end, at) => {
          const text = messages
            .map((data) => data.map((line) => `data: ${line}${end}`).join("") + end)
            .join("");
          const seen = await events(text, at);
          expect(seen.map(({ data }) => data)).toEqual(messages.map((data) => data.join("\n")));
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("lines", () => {
  test("come out the same, however the bytes are cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: fc.constantFrom("a", "é", "🙂", "\t") }), { maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        async (texts, at) => {
          const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(""));
          expect(await collect(lines(Readable.from(cut(bytes, at)), 1000))).toEqual(texts);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("CR before LF goes, and the last line needs no end", async () => {
    expect(await collect(lines(Readable.from([Buffer.from("a\r\n\r\nb")]), 10))).toEqual(["a", "", "b"]);
  });

  test("one that is too long is undefined, however it arrives, and the next is whole", async () => {
    const parts = ["x".repeat(6), "x".repeat(6), "\nok\n", "y".repeat(11)].map((text) => Buffer.from(text));
    expect(await collect(lines(Readable.from(parts), 10))).toEqual([undefined, "ok", undefined]);
  });
});

describe("JSON-RPC", () => {
  test("messages are sorted by kind, batches too", () => {
    const text =
      '[{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":1}},{"jsonrpc":"2.0","method":"b"},{"jsonrpc":"2.0","id":"2","result":null},{"jsonrpc":"2.0","id":null,"error":{}}]';
    expect(sort(text)).toEqual({
      batch: true,
      requests: [{ id: 1, method: "a", params: { x: 1 } }],
      notifications: [{ method: "b", params: {} }],
      responses: [
        { id: "2", result: null },
        { id: null, error: {} },
      ],
    });
  });

  test.each([
    "",
    "x",
    "1",
    "null",
    "[]",
    "[1]",
    "{}",
    '{"jsonrpc":"1.0","id":1,"method":"a"}',
    '{"jsonrpc":"2.0","id":{},"method":"a"}',
    '{"jsonrpc":"2.0","id":null,"method":"a"}',
    '{"jsonrpc":"2.0","id":1}',
    '{"jsonrpc":"2.0","id":true,"result":1}',
  ])("%s is none", (text) => expect(sort(text)).toBeUndefined());

  test("any text is sorted or refused, never an exception", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void sort(text)));
  });

  test("a pretty-printed message becomes one line with the same meaning", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const line = oneLine(JSON.stringify(value, null, 2));
        expect(line).not.toMatch(/[\r\n]/);
        expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test("an error answer is one line", () => {
    expect(errorAnswer(null, { code: 1, message: "a\nb" })).toBe(
      '{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"a\\nb"}}',
    );
  });
});

describe("headers of the modern era (revision 2026-07-28)", () => {
  const decoded = (value: string): string => {
    const encoded = /^=\?base64\?(.*)\?=$/.exec(value)?.[1];
    return encoded === undefined ? value : Buffer.from(encoded, "base64").toString("utf8");
  };

  test("any value survives, and none can break out of its header", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.string()), (text) => {
        const value = headerValue(text);
        expect(value).toMatch(/^[\x20-\x7e\t]+$/);
        expect(new Headers({ "mcp-name": value }).get("mcp-name")).toBe(value);
        expect(decoded(value)).toBe(text.toWellFormed());
      }),
    );
  });

  test.each([
    ["tools/call", { name: "a", uri: "b" }, "a"],
    ["resources/read", { name: "a", uri: "b" }, "b"],
    ["tasks/get", { taskId: "c" }, "c"],
    ["tools/list", { name: "a" }, undefined],
    ["constructor", { name: "a" }, undefined],
    ["tools/call", { name: 1 }, undefined],
  ])("%s mirrors the right parameter", (method, params, name) => {
    expect(modernHeaders({ id: 1, method, params }, "2026-07-28")["mcp-name"]).toBe(name);
  });

  test("a message without an envelope is legacy", () => {
    expect(claimedVersion({ method: "x", params: {} })).toBeUndefined();
    expect(
      claimedVersion({ method: "x", params: { _meta: { "io.modelcontextprotocol/protocolVersion": 1 } } }),
    ).toBeUndefined();
  });

  const schema = {
    properties: {
      region: { type: "string", "x-mcp-header": "Region" },
      bad: { type: "string", "x-mcp-header": "a: b\r\nx" },
      nested: {
        properties: {
          n: { type: "integer", "x-mcp-header": "N" },
          b: { type: "boolean", "x-mcp-header": "B" },
        },
      },
      items: { items: { type: "string", "x-mcp-header": "Unreachable" } },
    },
  };

  test("arguments are mirrored as the schema declares, and only primitives", () => {
    const declared = paramHeaders(schema);
    expect(declared.map(({ name }) => name)).toEqual(["Region", "N", "B"]);
    const values = (args: unknown): object => paramHeaderValues(declared, args);
    expect(values({ region: "Zürich", nested: { n: 5, b: false } })).toEqual({
      "mcp-param-region": headerValue("Zürich"),
      "mcp-param-n": "5",
      "mcp-param-b": "false",
    });
    expect(values({ region: null, nested: { n: 2 ** 60, b: {} } })).toEqual({});
    expect(values("nothing")).toEqual({});
  });

  test("the catalogue follows tools/list, page by page", () => {
    const catalogue = new ToolCatalogue();
    const call = { id: 1, method: "tools/call", params: { name: "t", arguments: { region: "x" } } };
    const page = (cursor?: string) => ({
      id: 1,
      method: "tools/list",
      params: cursor === undefined ? {} : { cursor },
    });
    expect(catalogue.headers(call)).toEqual({});
    catalogue.learn(page(), { tools: [{ name: "t", inputSchema: schema }, 1, { name: 2 }] });
    catalogue.learn(page("2"), { tools: [{ name: "u", inputSchema: {} }] });
    expect(catalogue.headers(call)).toEqual({ "mcp-param-region": "x" });
    catalogue.learn(page(), { tools: [] });
    expect(catalogue.headers(call)).toEqual({});
  });
});

describe("found by fuzzing", () => {
  test("an id that JavaScript cannot hold is no id: 1e999 was answered as null, which nobody waits for", () => {
    expect(sort('{"jsonrpc":"2.0","id":1e999,"method":"ping"}')).toBeUndefined();
    expect(sort('{"jsonrpc":"2.0","id":-1e999,"result":{}}')).toBeUndefined();
  });

  test("an event of empty lines without end fills no memory (WHATWG HTML §9.2.6)", async () => {
    const piece = Buffer.from("data:\n".repeat(200_000));
    const endless = Array.from({ length: 25 }, () => piece);
    await expect(collect(sseEvents(from(endless), state()))).rejects.toMatchObject({
      code: "ERR_BAD_ANSWER",
    });
  });
});
