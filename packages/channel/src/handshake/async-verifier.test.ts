import { channelWorld, testIdentity, testVerifier } from "@trusted-mcp/testkit";
import { describe, expect, test } from "vitest";
import type { CredentialVerifier, VerifiedCredential } from "../ports.ts";

const [alice, tools] = [testIdentity("alice"), testIdentity("tools")];

type Verdict = (honest: boolean | Promise<boolean>) => unknown;

/** Answers about signatures as `verdict` says. */
function verifier(verdict: Verdict): CredentialVerifier {
  const inner = testVerifier(alice, tools);
  return {
    types: inner.types,
    verify: async (bytes, context) => {
      const verified = await inner.verify(bytes, context);
      const verify = (message: Uint8Array, signature: Uint8Array): unknown =>
        verdict(verified.verify(message, signature));
      return { ...verified, verify } as VerifiedCredential;
    },
  };
}

/** Where signatures are verified by WebCrypto the verdict is a promise (docs/design/0011). */
describe("a verdict about a signature", () => {
  test("may be a promise of true, at both ends", async () => {
    const verdict = (honest: boolean | Promise<boolean>): Promise<boolean> => Promise.resolve(honest);
    const world = channelWorld({ alice, tools, server: { clients: verifier(verdict) } });
    const { client } = await world.connect(undefined, { verifier: verifier(verdict) });
    expect(client.peer.name).toBe("tools");
  });

  test.each<[string, Verdict]>([
    ["a promise of false", () => Promise.resolve(false)],
    ["a promise of a promise of false", () => Promise.resolve(Promise.resolve(false))],
    ["an object", () => ({})],
    ["a number", () => 1],
    ["a text", () => "true"],
    ["nothing", () => undefined],
  ])("that is %s refuses, at both ends", async (_, verdict) => {
    const asClient = channelWorld({ alice, tools });
    await expect(asClient.connect(undefined, { verifier: verifier(verdict) })).rejects.toMatchObject({
      code: "ERR_SIGNATURE",
    });
    const asServer = channelWorld({ alice, tools, server: { clients: verifier(verdict) } });
    await expect(asServer.connect()).rejects.toMatchObject({ code: "ERR_REFUSED_BY_PEER" });
    expect(asServer.responder.sessions.size).toBe(0);
  });
});
