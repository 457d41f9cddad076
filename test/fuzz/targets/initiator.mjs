import { initiate } from "@trusted-mcp/channel";
import { TrustedMcpError } from "@trusted-mcp/primitives/error";
import { expect, sameBytes } from "../lib/finding.mjs";
import { aliceIdentity, AUDIENCE, StillClock, toolsIdentity, toolsOnly } from "../lib/fixed.mjs";
import { message, sealed, TalkativeServer } from "../lib/handshakes.mjs";

const clock = new StillClock();
const model = new TalkativeServer((_, bytes) => bytes);

/** What the first byte says is changed, in this order; the rest of the input stands in its place. */
const PARTS = ["params", "credential", "s1", "s2", "alert", "answer to F1", "answer to F2"];
const WHOLE = 5;

const genuine = {
  params: () => model.params(),
  credential: () => toolsIdentity.current().bytes,
  s2: () => model.grant(),
  alert: () => Uint8Array.of(1),
};

/**
 * A client and a server that holds the right key, yet sends anything: its plaintexts, or whole answers. The
 * client must end with a session that is what the server granted, or with a coded error.
 */
const initiator = {
  name: "initiator",
  errors: [TrustedMcpError],
  inflateOneIn: 500,
  seeds: (random) => [
    ...Object.entries(genuine).map(([part, make]) =>
      Buffer.concat([Uint8Array.of(PARTS.indexOf(part)), make()]),
    ),
    Buffer.concat([
      Uint8Array.of(2),
      sealed.encodeServerSealed(model.params(), {
        credential: null,
        signature: null,
        finished: random.bytes(48),
      }),
    ]),
    Buffer.concat([Uint8Array.of(5), message.encodeR(random.bytes(40))]),
    Buffer.concat([
      Uint8Array.of(6),
      message.encodeFlight(message.encodeFlightClear(8, new Uint8Array(0)), random.bytes(17)),
    ]),
  ],
  async run(input) {
    const which = (input[0] ?? 0) % PARTS.length;
    const rest = input.subarray(1);
    const server = new TalkativeServer((part, bytes) => (PARTS.indexOf(part) === which ? rest : bytes));
    const session = await initiate(
      { audience: AUDIENCE, identity: aliceIdentity, verifier: toolsOnly, clock, framings: [1] },
      async (bytes) => {
        const flight = bytes[0] === message.TYPE.F1 ? WHOLE : WHOLE + 1;
        if (flight === which) return rest;
        return flight === WHOLE ? await server.onF1(bytes) : server.onF2(bytes);
      },
    );
    session.destroy();
    return {
      id: session.id,
      notAfter: session.notAfter,
      peer: session.peer.name,
      max: session.maxMessageBytes,
    };
  },
  check(input, { id, notAfter, max, peer }) {
    const part = PARTS[input[0] % PARTS.length];
    const rest = input.subarray(1);
    expect(peer === "tools", "another peer was authenticated");
    expect(
      part === "params" || part === "credential" || part === "s2",
      "a session came out of changed bytes",
    );
    if (part === "credential") sameBytes(rest, genuine.credential(), "another credential was accepted");
    if (part === "params") {
      const { versions, suites } = sealed.parseParams(rest);
      expect(versions.includes(1) && suites.includes(1), "a downgraded choice was accepted");
    }
    if (part !== "s2") return;
    const grant = sealed.parseGrant(rest);
    expect(id === Buffer.from(grant.sessionId).toString("base64url"), "another session than granted");
    expect(max === grant.maxMessageBytes, "another limit than granted");
    const left = notAfter - clock.now();
    expect(
      left >= 1000 && left <= Math.min(grant.lifetimeSeconds, 86_400) * 1000,
      "lives longer than granted",
    );
  },
};

export const targets = [initiator];
