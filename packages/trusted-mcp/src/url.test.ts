import { expect, test } from "vitest";
import { hostCheck } from "./serve/host-check.ts";
import { parseUrl } from "./url.ts";

// Found by fuzzing, after 19,000 inputs: an optimised `URL.canParse` took this for a URL, and the exception of
// `new URL` ended the program, for which one Origin header was enough.
const NO_URL = "http:/\u00c4\u0080";

test("what is no URL stays none, however often it is asked", () => {
  for (let turn = 0; turn < 20_000; turn++) expect(parseUrl(NO_URL) === undefined).toBe(true);
  expect(parseUrl("https://tools.example/mcp")?.hostname).toBe("tools.example");
});

test("an Origin that is no URL is refused, however often it comes", () => {
  const check = hostCheck(["https://tools.example/mcp"]);
  for (let turn = 0; turn < 20_000; turn++) {
    if (check({ host: "localhost:1", origin: NO_URL }) === undefined) throw new Error("it was let through");
  }
  expect(check({ host: "localhost:1", origin: "http://localhost:1" })).toBeUndefined();
});
