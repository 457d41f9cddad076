import { expect, it } from "vitest";
import { hasAcceptance, hasOffer, withAcceptance, withOffer } from "./capability.ts";

it("an offer is added beside what the client had, and found", () => {
  const message = {
    method: "initialize",
    params: { capabilities: { roots: {}, experimental: { other: {} } } },
  };
  const offered = withOffer(message);
  expect(offered).toEqual({
    method: "initialize",
    params: {
      capabilities: {
        roots: {},
        experimental: { other: {}, trustProtocol: { name: "AICC", version: "0.1" } },
      },
    },
  });
  expect([hasOffer(message), hasOffer(offered)]).toEqual([false, true]);
});

it.each([
  {},
  { params: null },
  { params: { capabilities: [] } },
  { params: { capabilities: { experimental: "x" } } },
])("anything may stand where capabilities should: %j offers nothing", (message) =>
  expect(hasOffer(message)).toBe(false),
);

it("an error answer accepts nothing", () => {
  const answer = { error: { code: -32600 } };
  expect(withAcceptance(answer)).toBe(answer);
  expect(hasAcceptance(answer)).toBe(false);
});

it("another version is another protocol", () => {
  const trustProtocol = { name: "AICC", version: "0.2" };
  expect(hasAcceptance({ result: { capabilities: { experimental: { trustProtocol } } } })).toBe(false);
});
