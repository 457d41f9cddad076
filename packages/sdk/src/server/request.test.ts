import type { ResponderSession } from "@trusted-mcp/channel";
import { Departure } from "@trusted-mcp/http/departure";
import { webRequest } from "@trusted-mcp/http/web-request";
import { expect, test } from "vitest";
import type { InnerRequest } from "./inner.ts";
import { addressed } from "./request.ts";

function inner(audience: string): InnerRequest {
  const session = { audience } as ResponderSession;
  return { method: "POST", headers: [], body: new Uint8Array(0), session, departure: new Departure() };
}

// An optimised `URL.canParse` takes this for a URL on Node 20 and 22, and `new Request` throws at it.
const NO_URL = "http:/\u00c4\u0080";

test("an audience that is no URL never reaches the handler as one, however often it is used", () => {
  const odd = inner(NO_URL);
  for (let turn = 0; turn < 20_000; turn++) {
    if (addressed(odd).url !== "http://localhost/mcp") throw new Error("it was taken for a URL");
  }
  expect(webRequest(addressed(odd)).url).toBe("http://localhost/mcp");
  expect(webRequest(addressed(inner("https://tools.example/mcp"))).url).toBe("https://tools.example/mcp");
});
