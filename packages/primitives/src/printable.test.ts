import { expect, test } from "vitest";
import { escaped, printable } from "./printable.ts";

test("printable shows control, bidirectional and zero-width characters instead of sending them", () => {
  expect(printable("a\u001b]52;c;x\u0007\u009b\u202e\u200b\nb")).toBe(
    "a\\x1b]52;c;x\\x07\\x9b\\u202e\\u200b\\x0ab",
  );
  expect(printable("a\n\tb\r", true)).toBe("a\n\tb\\x0d");
  expect(printable("Zürich 北京 🙂")).toBe("Zürich 北京 🙂");
});

test("escaped JSON is the same JSON, with nothing in it that a terminal obeys", () => {
  const text = "a\u009b2J\u202e\u200b\u001b\n";
  const json = escaped(JSON.stringify(text));
  expect(json).toMatch(/^[ -~]*$/);
  expect(JSON.parse(json)).toBe(text);
});
