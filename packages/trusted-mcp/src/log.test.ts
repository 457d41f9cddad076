import { PassThrough, Writable } from "node:stream";
import { expect, test } from "vitest";
import { createLog, type LogFormat, type LogLevel } from "./log.ts";
import { painter } from "./terminal.ts";

function logged(
  format: LogFormat,
  level: LogLevel,
  write: (log: ReturnType<typeof createLog>) => void,
): string {
  let text = "";
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      text += String(chunk);
      done();
    },
  });
  write(createLog({ stream, format, level, now: () => new Date(0) }));
  return text;
}

test("text: one line per entry, quoted where needed", () => {
  expect(
    logged("text", "info", (log) => log.info("hello", { a: 1, b: "two words", c: undefined, d: "plain" })),
  ).toBe('trusted-mcp: info: hello a=1 b="two words" d=plain\n');
});

test("JSON: one object per line, and a field cannot pass itself off as the level", () => {
  const line = logged("json", "info", (log) => log.warn("hello", { level: "info", time: "never", n: 1 }));
  expect(JSON.parse(line)).toEqual({
    n: 1,
    time: "1970-01-01T00:00:00.000Z",
    level: "warn",
    message: "hello",
  });
});

test.each(["text", "json"] as const)(
  "%s: a value from a peer neither breaks the line nor drives the terminal",
  (format) => {
    const line = logged(format, "info", (log) =>
      log.error("x\ny", { name: 'a\ntrusted-mcp: info: all is well\u001b[2J\u202e"' }),
    );
    expect(line.trimEnd().split("\n")).toHaveLength(1);
    for (const char of ["\u001b", "\u202e"]) expect(line).not.toContain(char);
  },
);

test("below its level a log is silent", () => {
  const all = (log: ReturnType<typeof createLog>): void => {
    for (const level of ["debug", "info", "warn", "error"] as const) log[level](level);
  };
  expect(logged("text", "debug", all).split("\n")).toHaveLength(5);
  expect(logged("text", "warn", all)).toBe("trusted-mcp: warn: warn\ntrusted-mcp: error: error\n");
  expect(logged("text", "silent", all)).toBe("");
});

test("colours: on a terminal only, and not with NO_COLOR", () => {
  const terminal = Object.assign(new PassThrough(), { isTTY: true });
  expect(painter(terminal, {})("red", "x")).toBe("\u001b[31mx\u001b[39m");
  expect(painter(terminal, { NO_COLOR: "1" })("red", "x")).toBe("x");
  expect(painter(terminal, { TERM: "dumb" })("red", "x")).toBe("x");
  expect(painter(new PassThrough(), {})("red", "x")).toBe("x");
});
