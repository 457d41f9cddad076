import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { utf8 } from "@trusted-mcp/primitives/bytes";
import { refusalOf } from "@trusted-mcp/testkit";
import { expect, test } from "vitest";
import { rsaKeys } from "../../test/platform/keys.ts";
import { rsaPrivateKey, rsaPublicKey } from "./rsa-key.ts";

/** The public half of demo/myPublicKey.pem in the Python SDK's repository, whose private half lies beside it. */
const PUBLISHED =
  "3Z00varxClu9Un0L-AcsL0WdYa4BO5ggl_z6S8wGUVps7WvLAuyTqbO1t06BFJCOB0JZhc-bIU5ABifhRvUMVkM0budhuSppLJd5sLcEPKoXHUbtsOl-0uUe8fvuotWCeOowYbChKTk6aHIqSyCH4S4CIbmmUzoExjhJhdCNYGL4tX1ivNc9frfdjRikokofAb9VJNe9LMzokRxceIjj_TMpDZKOQvz1hDIXY2Qm4sAZkjd2iWlcBM_rPyu_8DCjwHGYcmkpWP1G0beAt2fWKaeqC3lTf92w_b-EAP05zz19vNGTILj8P91IV5jJ9LyWP_Xlj5OEJa6llxtTvKqE9HunOOBbrj34hfNwSUQqZvkEm7aN1xZYRZGfX2mm_6zDgcnckq2zXpprtx1nmKyBFajHh_WpmMhND88DVQ6DqRr5kfmVNUDbhTa7LVxuUaaVpu_IqqVzaZM1lHxccBdJbx0MumrRT5ZFLIHW9iCk36KEHSYhEB59NKvCuBpcBVdYh200oY864CwnWIIJSIfOV43BtF40ZOnSMbIty94gfzn47dKUyL5kxYECNbZoRTAJ7o14IGYjrSARLnQzND_5u21ox0L5mXmnqlB0R0lxiB7ZWF9CZEkVGqljyw-69uxMOu6IYTnpFunMXIXxeD91ainXoLbdTC_i_6DKVoG2CWc";

test("[W40] the key pair that the Python SDK's repository publishes is refused, whatever its form", async () => {
  const key = createPublicKey({ key: { kty: "RSA", n: PUBLISHED, e: "AQAB" }, format: "jwk" });
  for (const type of ["spki", "pkcs1"] as const) {
    const pem = String(key.export({ type, format: "pem" }));
    const error = await Promise.resolve()
      .then(() => rsaPublicKey(pem, "The key", "ERR_CONFIG_UNSAFE"))
      .catch((each: unknown) => each);
    expect(error).toMatchObject({ code: "ERR_CONFIG_UNSAFE" });
    expect(String(error)).toContain("everybody has its private half");
  }
});

test("RSA of 3072 bits passes, weaker and other keys do not, private or public", async () => {
  const good = rsaKeys();
  expect(rsaPublicKey(good.publicPem, "The key", "ERR_HELPER_KEY").equals(good.publicKey)).toBe(true);
  for (const type of ["pkcs8", "pkcs1"] as const) {
    const pem = utf8(String(good.privateKey.export({ type, format: "pem" })));
    expect(rsaPrivateKey(pem, "The key", "ERR_HELPER_KEY").equals(good.privateKey)).toBe(true);
  }
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const bad = [
    rsaKeys(2048).publicPem,
    String(ec.publicKey.export({ type: "spki", format: "pem" })),
    "",
    "key",
  ];
  for (const pem of bad)
    expect(await refusalOf(() => rsaPublicKey(pem, "The key", "ERR_HELPER_KEY"))).toBe("ERR_HELPER_KEY");
  const ecPrivate = utf8(String(ec.privateKey.export({ type: "pkcs8", format: "pem" })));
  for (const pem of [ecPrivate, utf8(good.publicPem), utf8("")])
    expect(await refusalOf(() => rsaPrivateKey(pem, "The key", "ERR_KEY_SERVICE_KEY"))).toBe(
      "ERR_KEY_SERVICE_KEY",
    );
});

test("[W38] a private key where a public one belongs is refused, and nothing of it is repeated", async () => {
  const pem = String(rsaKeys().privateKey.export({ type: "pkcs8", format: "pem" }));
  const error = await Promise.resolve()
    .then(() => rsaPublicKey(pem, "The key", "ERR_CONFIG_UNSAFE"))
    .catch((each: unknown) => each);
  expect(error).toMatchObject({ code: "ERR_CONFIG_UNSAFE" });
  expect(`${String(error)}${String((error as Error).cause)}`).not.toContain(pem.slice(100, 140));
});
