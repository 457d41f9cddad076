import { refusalOf } from "@trusted-mcp/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseWrittenHead } from "./written-head.ts";

const head = (text: string): Buffer => Buffer.from(text, "latin1");

describe("the head that Node wrote", () => {
  test("is read with repeated fields in order, in lower case, and what follows it is the body", () => {
    const bytes = head(
      "HTTP/1.1 207 Multi\r\nSet-Cookie: a\r\nSet-Cookie: b:c\r\nX-\u00e9: \u00e9\r\nX-Empty: \r\n\r\n\r\n\r\nrest",
    );
    const parsed = parseWrittenHead(bytes);
    expect(parsed.head.status).toBe(207);
    expect(parsed.head.headers).toEqual([
      ["set-cookie", "a"],
      ["set-cookie", "b:c"],
      ["x-\u00e9", "\u00e9"],
      ["x-empty", ""],
    ]);
    expect(parsed.rest.toString()).toBe("\r\n\r\nrest");
  });

  test("loses what describes a connection", () => {
    const fields = [
      "Connection: close",
      "Content-Length: 1",
      "Transfer-Encoding: chunked",
      "Keep-Alive: 1",
      "Date: now",
    ];
    const parsed = parseWrittenHead(
      head(`HTTP/1.1 200 OK\r\n${fields.join("\r\n")}\r\nTrailer: x\r\nUpgrade: y\r\n\r\n`),
    );
    expect(parsed.head.headers).toEqual([]);
  });

  test.each([
    ["nothing", ""],
    ["no end", "HTTP/1.1 200 OK\r\nx-a: 1\r\n"],
    ["another protocol", "HTTP/1.0 200 OK\r\n\r\n"],
    ["an interim answer", "HTTP/1.1 101 Switching Protocols\r\n\r\n"],
    ["a status too high", "HTTP/1.1 600 No\r\n\r\n"],
    ["a longer status", "HTTP/1.1 2000 No\r\n\r\n"],
    ["a line without a name", "HTTP/1.1 200 OK\r\n: x\r\n\r\n"],
    ["a line without a colon", "HTTP/1.1 200 OK\r\nx\r\n\r\n"],
  ])("that is none is refused: %s", async (_, text) => {
    expect(await refusalOf(() => parseWrittenHead(head(text)))).toBe("ERR_HEAD");
  });

  test("of any bytes is refused with a code or read, and no more [REQ-PARSERS]", async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
      fc
        .array(fc.constantFrom("HTTP/1.1 200 OK", "\r\n", ":", "a", "\r", "\n", "\0"))
        .map((parts) => head(parts.join(""))),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (input) => {
        expect([null, "ERR_HEAD"]).toContain(
          await refusalOf(() => parseWrittenHead(input)).catch(() => null),
        );
      }),
    );
  });
});
