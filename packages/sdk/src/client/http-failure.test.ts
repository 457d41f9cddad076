import { SdkHttpError } from "@modelcontextprotocol/client";
import { describe, expect, test } from "vitest";
import { httpFailure, refusalOf, unexpectedContent } from "./http-failure.ts";
import type { OpenedAnswer } from "./sealed-answer.ts";

// oxlint-disable-next-line no-control-regex -- control characters are what must not be there
const OBEYED = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/;

function answer(body: OpenedAnswer["body"]): OpenedAnswer {
  return { head: { status: 500, headers: [] }, body, cancel: () => undefined };
}

describe("what a server says when it refuses, in an error", () => {
  test.each(["whole", "streamed"])("%s, is cut; nothing of it drives a terminal", async (how) => {
    const bytes = Buffer.from(`\u001b[2J\u202e\u009b\n${"x".repeat(1_000_000)}`);
    let read = 0;
    async function* parts(): AsyncGenerator<Uint8Array, void, undefined> {
      for (; read < bytes.length; read += 10_000) yield bytes.subarray(read, read + 10_000);
    }
    const refusal = await refusalOf(answer(how === "whole" ? bytes : parts()));
    expect(Buffer.byteLength(refusal.text)).toBe(65_536);
    expect(read).toBeLessThan(100_000);
    const error = await httpFailure("post", refusal);
    expect(error).toBeInstanceOf(SdkHttpError);
    expect(error.message).toMatch(/^Error POSTing to endpoint: \\x1b\[2J\\u202e\\x9b\\x0ax{100,}…$/);
    expect(error.message.length).toBeLessThan(600);
    expect(error.message).not.toMatch(OBEYED);
    // As it was sent: the SDK reads in it which versions the server speaks.
    expect(error).toMatchObject({ data: { status: 500, text: refusal.text } });
  });

  test("a short one is quoted whole, an empty one by its status", async () => {
    const said = async (text: string): Promise<string> =>
      (await httpFailure("post", await refusalOf(answer(Buffer.from(text))))).message;
    expect(await said('{"error":"no"}')).toBe('Error POSTing to endpoint: {"error":"no"}');
    expect(await said("")).toBe("Error POSTing to endpoint: HTTP 500");
  });

  test("a content type is bounded and printable as well", async () => {
    const { message } = await unexpectedContent(`text/\u009bhtml${"x".repeat(16_000)}`);
    expect(message.length).toBeLessThan(600);
    expect(message).not.toMatch(OBEYED);
  });
});
