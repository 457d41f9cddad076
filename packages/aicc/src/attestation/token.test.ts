import { generateKeyPairSync } from "node:crypto";
import { ManualClock, refusalOf } from "@trusted-mcp/testkit";
import { SignJWT, UnsecuredJWT } from "jose";
import { describe, expect, test } from "vitest";
import { ISSUER, token, type TokenOptions } from "../../test/platform/attester.ts";
import { rsaKeys } from "../../test/platform/keys.ts";
import { verifyToken, type TokenCheck } from "./token.ts";

const clock = new ManualClock();
const issuer = rsaKeys(2048);
const stranger = rsaKeys(2048);
const REPORT = "00".repeat(64);
const check = (more: Partial<TokenCheck> = {}): TokenCheck => ({
  issuerKeys: [issuer.publicKey],
  clock,
  ...more,
});
const make = (options: Partial<TokenOptions> = {}, policies: unknown = ["policy"]) =>
  token(REPORT, policies, { key: issuer.privateKey, now: clock.now(), ...options });
const seconds = (ms: number): number => Math.floor((clock.now() + ms) / 1000);

test("a token of the pinned issuer gives its claims", async () => {
  expect(await verifyToken(await make(), check())).toMatchObject({
    reportData: REPORT,
    policiesMatched: ["policy"],
    expiresAt: seconds(7_200_000) * 1000,
  });
});

test("while the issuer changes its key, either key will do", async () => {
  const both = check({ issuerKeys: [stranger.publicKey, issuer.publicKey] });
  expect((await verifyToken(await make(), both)).reportData).toBe(REPORT);
});

describe("[W01, W02] keys that travel in a token count for nothing", () => {
  const jwk = stranger.publicKey.export({ format: "jwk" });
  test.each<[string, Partial<TokenOptions>]>([
    ["in the header", { header: { jwk } }],
    ["in a claim", { claims: { jwk } }],
    ["by address", { header: { jku: "https://evil.example/keys", kid: "1" } }],
    ["by certificate", { header: { x5c: ["AAAA"] } }],
    ["not at all", {}],
  ])("a forged token with its key %s is refused", async (_where, options) => {
    expect(
      await refusalOf(async () => verifyToken(await make({ key: stranger.privateKey, ...options }), check())),
    ).toBe("ERR_ATTESTATION_TOKEN");
  });

  test("a real token that carries some key is accepted by the pinned one", async () => {
    expect((await verifyToken(await make({ header: { jwk }, claims: { jwk } }), check())).reportData).toBe(
      REPORT,
    );
  });
});

describe("[W02] the algorithm is ours to say", () => {
  test("none, RS256, PS384 and HMAC with the public key are refused", async () => {
    const claims = {
      iss: ISSUER,
      exp: seconds(1000),
      tdx: { report_data: REPORT },
      policies_matched: ["policy"],
    };
    const others = [
      new UnsecuredJWT(claims).encode(),
      await make({ alg: "RS256" }),
      await make({ alg: "PS384" }),
      await new SignJWT(claims).setProtectedHeader({ alg: "HS384" }).sign(Buffer.from(issuer.publicPem)),
      await token(REPORT, ["policy"], {
        key: generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey,
        now: clock.now(),
        alg: "ES384",
      }),
    ];
    for (const other of others)
      expect(await refusalOf(() => verifyToken(other, check()))).toBe("ERR_ATTESTATION_TOKEN");
  });
});

describe("[W03] time, issuer and audience", () => {
  test.each<[string, Partial<TokenOptions>, string]>([
    ["no exp", { without: ["exp"] }, "ERR_ATTESTATION_TOKEN"],
    ["no iss", { without: ["iss"] }, "ERR_ATTESTATION_TOKEN"],
    ["another iss", { claims: { iss: `${ISSUER}x` } }, "ERR_ATTESTATION_TOKEN"],
    ["exp before the skew", { claims: { exp: seconds(-61_000) } }, "ERR_ATTESTATION_TIME"],
    ["nbf after the skew", { claims: { nbf: seconds(62_000) } }, "ERR_ATTESTATION_TIME"],
    ["iat after the skew", { claims: { iat: seconds(62_000) } }, "ERR_ATTESTATION_TIME"],
    ["exp that is text", { claims: { exp: "never" as never } }, "ERR_ATTESTATION_TOKEN"],
  ])("%s is refused", async (_name, options, code) => {
    expect(await refusalOf(async () => verifyToken(await make(options), check()))).toBe(code);
  });

  test("clocks may differ by the skew, which has a bound", async () => {
    const early = await make({ claims: { nbf: seconds(59_000), iat: seconds(59_000) } });
    expect((await verifyToken(early, check())).reportData).toBe(REPORT);
    expect(await refusalOf(() => verifyToken(early, check({ clockSkewSeconds: 10 })))).toBe(
      "ERR_ATTESTATION_TIME",
    );
    const old = await make({ claims: { exp: seconds(-301_000) } });
    expect(await refusalOf(() => verifyToken(old, check({ clockSkewSeconds: 1e9 })))).toBe(
      "ERR_ATTESTATION_TIME",
    );
  });

  test("where an audience is configured, the token must name it", async () => {
    const audience = "tools.example";
    expect(await refusalOf(async () => verifyToken(await make(), check({ audience })))).toBe(
      "ERR_ATTESTATION_TOKEN",
    );
    const other = await make({ claims: { aud: "other" } });
    expect(await refusalOf(() => verifyToken(other, check({ audience })))).toBe("ERR_ATTESTATION_TOKEN");
    const right = await make({ claims: { aud: ["other", audience] } });
    expect((await verifyToken(right, check({ audience }))).reportData).toBe(REPORT);
  });
});

test("a token with a changed character anywhere is refused", async () => {
  const good = await make();
  for (let at = 0; at < good.length - 2; at += 7) {
    const changed = `${good.slice(0, at)}${good[at] === "A" ? "B" : "A"}${good.slice(at + 1)}`;
    expect(await refusalOf(() => verifyToken(changed, check()))).toMatch(/^ERR_ATTESTATION_(TOKEN|TIME)$/);
  }
});

test.each<[string, Partial<TokenOptions>, unknown]>([
  ["no tdx", { without: ["tdx"] }, ["policy"]],
  ["report data that is no text", { claims: { tdx: { report_data: 1 } } }, ["policy"]],
  ["no list of policies", {}, "policy"],
  ["no policies at all", { without: ["policies_matched"] }, []],
])("%s is refused, also when the issuer has signed it", async (_name, options, policies) => {
  expect(await refusalOf(async () => verifyToken(await make(options, policies), check()))).toBe(
    "ERR_ATTESTATION_TOKEN",
  );
});

test.each(["", "a.b", "a.b.c", "a.b.c.d.e", "x".repeat(300_000)])("%.10s is no token", async (text) => {
  expect(await refusalOf(() => verifyToken(text, check()))).toBe("ERR_ATTESTATION_TOKEN");
});
