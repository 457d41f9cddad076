import { expect, test } from "vitest";
import { plainServiceUrl, serviceUrl } from "./service-url.ts";

// An optimised `URL.canParse` takes this for a URL on Node 20 and 22.
const NO_URL = "http://\u00c4\u0080";

test("an address that is no URL is refused with a code, however often it is asked", () => {
  for (let turn = 0; turn < 20_000; turn++) {
    let code: unknown;
    try {
      plainServiceUrl(NO_URL, "The service");
    } catch (error) {
      code = error instanceof Error && "code" in error ? error.code : error;
    }
    if (code !== "ERR_SERVICE_URL") throw new Error(String(code));
  }
  expect(() => serviceUrl(NO_URL, "The service")).toThrow(
    expect.objectContaining({ code: "ERR_SERVICE_URL" }),
  );
  expect(serviceUrl("tools.example", "The service").href).toBe("https://tools.example/");
});
