/** Bytes that really went between the Python package and our halves (test/interop-python/record.mjs). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { hasAcceptance, hasOffer, isFields } from "./capability.ts";
import { encodeRequest, parseAnswer, parseRequest } from "./envelope.ts";
import { ExchangeKey } from "./exchange.ts";
import { LineReader, splitLine } from "./sse-lines.ts";

interface Exchange {
  readonly method: string;
  readonly sealed: boolean;
  readonly request: string;
  readonly aesKey?: string;
  readonly status: number;
  readonly answerSealed: boolean;
  readonly answerContentType: string | null;
  readonly answer: string;
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");

/** The JSON-RPC messages of an answer, opened. */
function messagesOf(exchange: Exchange, key: ExchangeKey): string[] {
  const open = (value: string) => (exchange.answerSealed ? text(key.open(parseAnswer(value))) : value);
  if (exchange.answerContentType?.startsWith("text/event-stream") !== true)
    return exchange.answer === "" ? [] : [open(exchange.answer)];
  return new LineReader(1_000_000)
    .push(Buffer.from(exchange.answer))
    .map(splitLine)
    .filter(({ field }) => field === "data")
    .map(({ value }) => open(value));
}

describe.each([
  "python-client-our-server-json",
  "python-client-our-server-events",
  "our-client-python-server-json",
  "our-client-python-server-events",
])("%s", (name) => {
  const file: { exchanges: Exchange[] } = JSON.parse(
    readFileSync(new URL(`../../vectors/${name}.json`, import.meta.url), "utf8"),
  );

  it("every request and every answer opens, byte for byte", () => {
    const methods: string[] = [];
    for (const exchange of file.exchanges) {
      const key = new ExchangeKey(Buffer.from(exchange.aesKey ?? "", "base64"));
      if (!exchange.sealed) {
        const message: unknown = JSON.parse(exchange.request);
        expect(isFields(message) && message["method"] === "initialize" && hasOffer(message)).toBe(true);
        const [answer = ""] = messagesOf(exchange, key);
        const fields: unknown = JSON.parse(answer);
        expect(isFields(fields) && hasAcceptance(fields)).toBe(true);
        methods.push("initialize, plain");
        continue;
      }
      const envelope = parseRequest(exchange.request);
      expect(encodeRequest(envelope)).toBe(exchange.request);
      const body = text(key.open(envelope));
      const answers = messagesOf(exchange, key);
      const message: unknown = body === "" ? {} : JSON.parse(body);
      const called = isFields(message) ? message : {};
      methods.push(body === "" ? exchange.method : String(called["method"]));
      if (called["id"] === undefined) continue;
      expect(answers.some((answer) => JSON.parse(answer)["id"] === called["id"])).toBe(true);
    }
    expect(new Set(methods)).toEqual(
      new Set([
        ...(name.startsWith("our") ? ["initialize"] : []),
        ...["initialize, plain", "notifications/initialized", "tools/list", "tools/call", "GET", "DELETE"],
      ]),
    );
  });
});
