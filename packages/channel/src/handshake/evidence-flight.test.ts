import {
  channelWorld,
  refusalOf,
  SAMPLE_EVIDENCE,
  sampleTee,
  testIdentity,
  type ChannelWorld,
  type SampleAppraiser,
  type SampleTee,
} from "@trusted-mcp/testkit";
import { describe, expect, it } from "vitest";
import { rogueClient } from "../../test/rogue-client.ts";
import { rogueServer } from "../../test/rogue-server.ts";
import { reportData, serverBinder, type ReportDataInput } from "../evidence.ts";
import * as schedule from "../key-schedule.ts";
import type { Evidence, EvidenceProvider } from "../ports.ts";
import { hashItems } from "../transcript.ts";
import { initiate } from "./initiator.ts";
import * as message from "./message.ts";
import { openFlight, sealFlight } from "./secrets.ts";
import * as sealed from "./sealed.ts";

interface Attested extends ChannelWorld {
  readonly serverTee: SampleTee;
  readonly clientTee: SampleTee;
  readonly serverAppraiser: SampleAppraiser;
  readonly clientAppraiser: SampleAppraiser;
}

function attested(sides: "server" | "client" | "both", change: AttestedChange = {}): Attested {
  const [serverTee, clientTee] = [sampleTee(), sampleTee()];
  // The one that a side runs judges the other's TEE.
  const serverAppraiser = clientTee.appraiser();
  const clientAppraiser = serverTee.appraiser();
  const world = channelWorld({
    server: {
      ...(sides !== "client" && { evidence: serverTee }),
      ...(sides !== "server" && { appraiser: serverAppraiser }),
      ...change.server,
    },
    client: {
      ...(sides !== "server" && { evidence: clientTee }),
      ...(sides !== "client" && { appraiser: clientAppraiser }),
      ...change.client,
    },
  });
  return { ...world, serverTee, clientTee, serverAppraiser, clientAppraiser };
}

interface AttestedChange {
  readonly server?: NonNullable<Parameters<typeof channelWorld>[0]>["server"];
  readonly client?: NonNullable<Parameters<typeof channelWorld>[0]>["client"];
}

/** Everything that a server's evidence is bound to. */
interface Bound extends Omit<ReportDataInput, "binder"> {
  readonly master: Uint8Array;
  readonly th3: Uint8Array;
  readonly nonceS2: Uint8Array;
  readonly context: Uint8Array;
}

const names = ({ wire }: { wire: readonly { name: string }[] }): string[] => wire.map(({ name }) => name);

/** Gives evidence whatever it is asked, as a relay or a broken provider would. */
const giving = (evidence: Evidence): EvidenceProvider => ({
  types: [SAMPLE_EVIDENCE],
  collect: () => Promise.resolve(evidence),
});

describe("the evidence flight (spec §3.8, §7.1)", () => {
  it("server only: no extra round trip", async () => {
    const world = attested("server");
    const connected = await world.connect();
    expect(names(connected)).toEqual(["F1", "S1", "F2", "S2"]);
    expect(connected.client.appraisal).toEqual({ status: "affirming" });
    expect(connected.server.appraisal).toBeNull();
    expect(world.serverTee.collected).toEqual(world.clientAppraiser.expected);
  });

  it("client only: F3 and S3, before any record passes [REQ-EVIDENCE-GATE]", async () => {
    const world = attested("client");
    const connected = await world.connect(({ name, bytes }) => {
      if (name === "F3") expect(world.responder.sessions.size).toBe(0);
      return bytes;
    });
    expect(names(connected)).toEqual(["F1", "S1", "F2", "S2", "F3", "S3"]);
    expect(connected.server.appraisal).toEqual({ status: "affirming" });
    expect(connected.client.appraisal).toBeNull();
  });

  it("both, the server first: the client shows its hardware only to an accepted server [REQ-EVIDENCE-GATE]", async () => {
    const world = attested("both");
    const connected = await world.connect();
    expect([connected.client.appraisal?.status, connected.server.appraisal?.status]).toEqual([
      "affirming",
      "affirming",
    ]);
    const impostor = attested("both", { client: { appraiser: sampleTee().appraiser() } });
    expect(await refusalOf(() => impostor.connect())).toBe("ERR_EVIDENCE_REFUSED");
    expect(impostor.clientTee.collected).toEqual([]);
    expect(impostor.responder.sessions.size).toBe(0);
  });

  it("a warning opens the session and is there to be read", async () => {
    const tee = sampleTee();
    const world = channelWorld({
      server: { evidence: tee },
      client: { appraiser: tee.appraiser({ status: "warning", claims: { debug: true } }) },
    });
    const { client } = await world.connect();
    expect(client.appraisal).toEqual({ status: "warning", claims: { debug: true } });
  });

  it("the end of the evidence ends the session, on both ends [REQ-LIFETIME]", async () => {
    const soon = Date.UTC(2026, 0, 1) + 600_000;
    const tee = sampleTee();
    const server = channelWorld({
      server: { evidence: tee },
      client: { appraiser: tee.appraiser({ notAfter: soon }) },
    });
    expect((await server.connect()).client.notAfter).toBe(soon);
    // The server judged the client; S3 tells the client how long it has.
    const client = channelWorld({
      server: { appraiser: tee.appraiser({ notAfter: soon }) },
      client: { evidence: tee },
    });
    const connected = await client.connect();
    expect([connected.server.notAfter, connected.client.notAfter]).toEqual([soon, soon]);
  });

  it.each([Date.UTC(2026, 0, 1), Number.NaN])(
    "evidence that is over (%s) opens nothing [W35]",
    async (notAfter) => {
      const tee = sampleTee();
      const server = channelWorld({
        server: { evidence: tee },
        client: { appraiser: tee.appraiser({ notAfter }) },
      });
      expect(await refusalOf(() => server.connect())).toBe("ERR_EXPIRED");
      const client = channelWorld({
        server: { appraiser: tee.appraiser({ notAfter }) },
        client: { evidence: tee },
      });
      expect(await refusalOf(() => client.connect())).toBe("ERR_REFUSED_BY_PEER");
      expect(client.events).toMatchObject([{ code: "ERR_EXPIRED" }]);
      expect(client.responder.sessions.size).toBe(0);
    },
  );
});

describe("evidence that has to be renewed (spec §5.5)", () => {
  it("its session ends on time even if new evidence fails; nobody retries in silence [W09]", async () => {
    const soon = Date.UTC(2026, 0, 1) + 60_000;
    const tee = sampleTee();
    const world = channelWorld({
      server: { evidence: tee },
      client: { appraiser: tee.appraiser({ notAfter: soon }) },
    });
    const { client } = await world.connect();
    world.clock.advance(60_000);
    const attempt = world.connect(undefined, { appraiser: tee.appraiser({ status: "contraindicated" }) });
    expect(await refusalOf(() => attempt)).toBe("ERR_EVIDENCE_REFUSED");
    expect(tee.collected).toHaveLength(2);
    expect(client.usable).toBe(false);
    expect(await refusalOf(() => client.seal([]))).toBe("ERR_SESSION_EXPIRED");
  });
});

describe("evidence that is refused (spec §7.3) [REQ-EVIDENCE-GATE]", () => {
  it("the server gives none", async () => {
    const world = channelWorld({ client: { appraiser: sampleTee().appraiser() } });
    expect(await refusalOf(() => world.connect())).toBe("ERR_EVIDENCE_MISSING");
  });

  it("the server makes other types than those asked for", async () => {
    const tee = sampleTee();
    const appraiser = { ...tee.appraiser(), types: ["tdx"] };
    const world = channelWorld({ server: { evidence: tee }, client: { appraiser } });
    expect(await refusalOf(() => world.connect())).toBe("ERR_EVIDENCE_MISSING");
    expect(tee.collected).toEqual([]);
  });

  it("the server gives another type than asked for, and the appraiser is not even asked [W08]", async () => {
    const tee = sampleTee();
    const appraiser = tee.appraiser({ status: "affirming" });
    const world = channelWorld({ client: { appraiser } });
    const exchange = rogueServer({
      identity: world.tools,
      evidence: () => Promise.resolve({ type: "trust-me", bytes: new Uint8Array(1) }),
    });
    expect(await refusalOf(() => initiate(world.initiator, exchange))).toBe("ERR_EVIDENCE_REFUSED");
    expect(appraiser.expected).toEqual([]);
  });

  it("the client cannot make what the server asks for", async () => {
    const none = channelWorld({ server: { appraiser: sampleTee().appraiser() } });
    expect(await refusalOf(() => none.connect())).toBe("ERR_EVIDENCE_UNAVAILABLE");
    const other = attested("client", {
      server: { appraiser: { ...sampleTee().appraiser(), types: ["tdx"] } },
    });
    expect(await refusalOf(() => other.connect())).toBe("ERR_EVIDENCE_UNAVAILABLE");
    expect(other.clientTee.collected).toEqual([]);
  });

  it("the client gives empty evidence: the server refuses and says so, sealed [W06, W07]", async () => {
    const world = attested("client", {
      client: { evidence: giving({ type: SAMPLE_EVIDENCE, bytes: new Uint8Array(0) }) },
    });
    await expect(world.connect()).rejects.toMatchObject({
      code: "ERR_REFUSED_BY_PEER",
      message: expect.stringContaining("evidence"),
    });
    expect(world.events).toMatchObject([{ code: "ERR_EVIDENCE_REFUSED" }]);
    expect(world.responder.sessions.size).toBe(0);
  });

  it("the client seals that it has none: the server refuses [W06]", async () => {
    const world = attested("client");
    const { f3, alert } = await rogueF3(world, null);
    expect(alert(await world.responder.handle(f3, "x"))).toBe(4);
    expect(world.events).toMatchObject([{ code: "ERR_EVIDENCE_MISSING" }]);
    expect(world.responder.sessions.size).toBe(0);
  });

  it.each(["contraindicated", "none", "", "AFFIRMING", "undefined"])(
    "the verifier says %j: only affirming and warning open [W07, W08]",
    async (status) => {
      const odd = { status } as unknown as { status: "contraindicated" };
      const tee = sampleTee();
      const server = channelWorld({ server: { evidence: tee }, client: { appraiser: tee.appraiser(odd) } });
      expect(await refusalOf(() => server.connect())).toBe("ERR_EVIDENCE_REFUSED");
      const client = channelWorld({ server: { appraiser: tee.appraiser(odd) }, client: { evidence: tee } });
      expect(await refusalOf(() => client.connect())).toBe("ERR_REFUSED_BY_PEER");
      expect(client.events).toMatchObject([{ code: "ERR_EVIDENCE_REFUSED" }]);
      expect(client.responder.sessions.size).toBe(0);
    },
  );

  it("the verifier itself fails", async () => {
    const failing = { types: [SAMPLE_EVIDENCE], appraise: () => Promise.reject(new Error("no network")) };
    const tee = sampleTee();
    const server = channelWorld({ server: { evidence: tee }, client: { appraiser: failing } });
    await expect(server.connect()).rejects.toThrow("no network");
    const client = channelWorld({ server: { appraiser: failing }, client: { evidence: tee } });
    expect(await refusalOf(() => client.connect())).toBe("ERR_REFUSED_BY_PEER");
    expect(client.responder.sessions.size).toBe(0);
  });

  it("the provider itself fails, or gives what was not asked for or is too large", async () => {
    const providers: EvidenceProvider[] = [
      { types: [SAMPLE_EVIDENCE], collect: () => Promise.reject(new Error("no device")) },
      giving({ type: "tdx", bytes: new Uint8Array(1) }),
      giving({ type: SAMPLE_EVIDENCE, bytes: new Uint8Array(1_048_577) }),
    ];
    for (const evidence of providers) {
      const world = attested("server", { server: { evidence } });
      expect(await refusalOf(() => world.connect())).toBe("ERR_REFUSED_BY_PEER");
      expect(world.responder.sessions.size).toBe(0);
    }
    const world = attested("client", { client: { evidence: providers[1]! } });
    expect(await refusalOf(() => world.connect())).toBe("ERR_EVIDENCE_UNAVAILABLE");
  });

  it("a client removed from the list while evidence is made opens nothing", async () => {
    const server = attested("server");
    const tee = server.serverTee;
    const slow = channelWorld({
      alice: server.alice,
      tools: server.tools,
      client: { appraiser: tee.appraiser() },
      server: {
        evidence: {
          types: tee.types,
          collect: (...args) => (slow.clients.revoke(slow.alice), tee.collect(...args)),
        },
      },
    });
    expect(await refusalOf(() => slow.connect())).toBe("ERR_REFUSED_BY_PEER");
    const client = attested("client");
    const attempt = client.connect(({ name, bytes }) => {
      if (name === "F3") client.clients.revoke(client.alice);
      return bytes;
    });
    expect(await refusalOf(() => attempt)).toBe("ERR_REFUSED_BY_PEER");
    expect(slow.responder.sessions.size + client.responder.sessions.size).toBe(0);
  });

  it("a client may not skip F3: its session does not exist before", async () => {
    const world = attested("client");
    let id = "";
    const attempt = world.connect(({ name, bytes }) => {
      if (name !== "F3") return bytes;
      id = Buffer.from(message.parseFlight(message.TYPE.F3, bytes).id).toString("base64url");
      throw new Error("skipped");
    });
    await expect(attempt).rejects.toThrow("skipped");
    expect(await refusalOf(() => world.responder.sessions.get(id))).toBe("ERR_SESSION_UNKNOWN");
  });
});

describe("evidence of another session (spec §7.2) [REQ-EVIDENCE-BOUND]", () => {
  it("report data differs from handshake to handshake and from role to role, and is made inside only [W11]", async () => {
    const world = attested("both");
    await world.connect();
    await world.connect();
    const all = [...world.serverTee.collected, ...world.clientTee.collected];
    expect(all.map((data) => data.length)).toEqual([64, 64, 64, 64]);
    expect(new Set(all.map((data) => Buffer.from(data).toString("hex"))).size).toBe(4);
    expect(world.serverTee.collected).toEqual(world.clientAppraiser.expected);
    expect(world.clientTee.collected).toEqual(world.serverAppraiser.expected);
  });

  it("a server's evidence from an earlier handshake is refused [W06]", async () => {
    const world = attested("server");
    const [recorded] = await record(world);
    const replaying = attested("server", {
      server: { evidence: giving(recorded!) },
      client: { appraiser: world.serverTee.appraiser() },
    });
    expect(await refusalOf(() => replaying.connect())).toBe("ERR_EVIDENCE_REFUSED");
  });

  it("relay: an authenticated server cannot pass on an attested server's evidence as its own", async () => {
    // Mallory is a server that alice accepts, and a client of the honest attested server.
    const honest = attested("server");
    const mallory = testIdentity("mallory");
    honest.clients.accept(mallory);
    const relayed: Evidence[] = [];
    const spying = {
      types: [SAMPLE_EVIDENCE],
      appraise: (evidence: Evidence) => {
        relayed.push(evidence);
        return Promise.resolve({ status: "affirming" } as const);
      },
    };
    const front = channelWorld({
      tools: mallory,
      client: { appraiser: honest.serverTee.appraiser() },
      server: {
        evidence: {
          types: [SAMPLE_EVIDENCE],
          collect: async () => {
            await honest.connect(undefined, { identity: mallory, appraiser: spying });
            return relayed[0]!;
          },
        },
      },
    });
    expect(await refusalOf(() => front.connect())).toBe("ERR_EVIDENCE_REFUSED");
    expect(relayed).toHaveLength(1);
  });

  it("diversion: the same server key on another machine cannot use the evidence of the first", async () => {
    // Both hold the key of `tools`, only one runs in the TEE, and the other one relays to it.
    const honest = attested("server");
    const relayed: Evidence[] = [];
    const spying = {
      types: [SAMPLE_EVIDENCE],
      appraise: (evidence: Evidence) => (
        relayed.push(evidence),
        Promise.resolve({ status: "affirming" } as const)
      ),
    };
    const stolen = channelWorld({
      alice: honest.alice,
      tools: honest.tools,
      client: { appraiser: honest.serverTee.appraiser() },
      server: {
        evidence: {
          types: [SAMPLE_EVIDENCE],
          collect: async () => {
            await honest.connect(undefined, { appraiser: spying });
            return relayed[0]!;
          },
        },
      },
    });
    expect(await refusalOf(() => stolen.connect())).toBe("ERR_EVIDENCE_REFUSED");
  });

  it("reflection: a server cannot give the client's evidence back as its own [W15]", async () => {
    // One TEE image on both sides, so that only the binding tells them apart.
    const tee = sampleTee();
    const seen: Evidence[] = [];
    const world = channelWorld({
      server: {
        evidence: {
          types: tee.types,
          collect: () => Promise.resolve(seen[0] ?? { type: SAMPLE_EVIDENCE, bytes: new Uint8Array(1) }),
        },
        appraiser: {
          types: tee.types,
          appraise: (evidence) => (seen.push(evidence), Promise.resolve({ status: "affirming" })),
        },
      },
      client: { evidence: tee },
    });
    await world.connect();
    const attempt = world.connect(undefined, { appraiser: tee.appraiser() });
    expect(seen).toHaveLength(1);
    expect(await refusalOf(() => attempt)).toBe("ERR_EVIDENCE_REFUSED");
  });

  const other = new Uint8Array(48).fill(1);
  it.each<[string, (right: Bound) => Partial<Bound>, string | null]>([
    ["exactly this session is accepted", () => ({}), null],
    ["another question of the client", () => ({ context: other }), "ERR_EVIDENCE_REFUSED"],
    ["another S2", () => ({ nonceS2: other }), "ERR_EVIDENCE_REFUSED"],
    ["another transcript", () => ({ th3: other }), "ERR_EVIDENCE_REFUSED"],
    ["another key schedule", () => ({ master: other }), "ERR_EVIDENCE_REFUSED"],
    ["the other role", () => ({ role: "client" }), "ERR_EVIDENCE_REFUSED"],
    ["another signing key", () => ({ signingSpki: other }), "ERR_EVIDENCE_REFUSED"],
    ["no signing key", () => ({ signingSpki: null }), "ERR_EVIDENCE_REFUSED"],
    ["another server credential", () => ({ ownCredential: other }), "ERR_EVIDENCE_REFUSED"],
    ["another client", () => ({ peerCredential: other }), "ERR_EVIDENCE_REFUSED"],
    ["an anonymous client", () => ({ peerCredential: null }), "ERR_EVIDENCE_REFUSED"],
    ["another audience", () => ({ audience: "https://other.example" }), "ERR_EVIDENCE_REFUSED"],
    [
      "credentials the wrong way round",
      (right) => ({ ownCredential: right.peerCredential, peerCredential: right.ownCredential }),
      "ERR_EVIDENCE_REFUSED",
    ],
  ])("genuine evidence for %s", async (_what, change, code) => {
    const tee = sampleTee();
    const world = channelWorld({ client: { appraiser: tee.appraiser() } });
    const exchange = rogueServer({
      identity: world.tools,
      grant: { ticketId: new Uint8Array(16) },
      evidence: ({ master, th3, f1, clientCredential }, nonceS2) => {
        const right: Bound = {
          role: "server",
          master,
          th3,
          nonceS2,
          context: f1.evidenceRequest!.context,
          signingSpki: world.tools.credential.spki,
          ownCredential: world.tools.credential.bytes,
          peerCredential: clientCredential,
          audience: f1.audience,
        };
        const bound = { ...right, ...change(right) };
        const binder = serverBinder(bound.master, bound.th3, bound.nonceS2, bound.context);
        return tee.collect(reportData({ ...bound, binder }), { types: [SAMPLE_EVIDENCE] });
      },
    });
    const attempt = initiate(world.initiator, exchange);
    // An attested session takes no ticket, even if one is offered (spec §5.5).
    if (code === null)
      expect(await attempt).toMatchObject({ appraisal: { status: "affirming" }, ticket: null });
    else expect(await refusalOf(() => attempt)).toBe(code);
  });

  it("a client's evidence from another session is refused by the server", async () => {
    const world = attested("client");
    const seen: Evidence[] = [];
    const evidence = {
      types: world.clientTee.types,
      collect: async (...args: Parameters<EvidenceProvider["collect"]>) => {
        const made = await world.clientTee.collect(...args);
        seen.push(made);
        return made;
      },
    };
    await world.connect(undefined, { evidence });
    expect(await refusalOf(() => world.connect(undefined, { evidence: giving(seen[0]!) }))).toBe(
      "ERR_REFUSED_BY_PEER",
    );
    expect(world.events.at(-1)).toMatchObject({ code: "ERR_EVIDENCE_REFUSED" });
  });

  it("an anonymous client's evidence is bound to the session as well", async () => {
    const world = attested("client", { server: { clientAuth: "optional" } });
    const { identity: _, ...anonymous } = world.initiator;
    const client = await initiate(anonymous, (bytes) => world.responder.handle(bytes, "x"));
    expect(world.responder.sessions.get(client.id)).toMatchObject({
      peer: null,
      appraisal: { status: "affirming" },
    });
  });
});

/** What the server's TEE gave in one handshake. */
async function record(world: Attested): Promise<Evidence[]> {
  const seen: Evidence[] = [];
  const appraiser = world.serverTee.appraiser();
  await world.connect(undefined, {
    appraiser: {
      types: appraiser.types,
      appraise: async (evidence, context) => (
        seen.push(evidence),
        await appraiser.appraise(evidence, context)
      ),
    },
  });
  return seen;
}

/** A client that does everything right up to F3, and then seals what it likes. */
async function rogueF3(
  world: Attested,
  evidence: Evidence | null,
): Promise<{ f3: Uint8Array; alert: (answer: Uint8Array) => number | undefined }> {
  const { answer, th3, master } = await rogueClient(world.responder, { identity: world.alice });
  const s2 = message.parseFlight(message.TYPE.S2, answer);
  const s2Key = schedule.trafficKey(master, "s2", [th3, s2.id]);
  const grant = sealed.parseGrant(openFlight(s2Key, s2.clear, s2.sealed, "S2"));
  const th4 = hashItems(th3, answer);
  const clear = message.encodeFlightClear(message.TYPE.F3, grant.sessionId);
  const key = schedule.trafficKey(master, "f3", [th4]);
  return {
    f3: message.encodeFlight(clear, sealFlight(key, clear, sealed.encodeEvidenceSealed(evidence))),
    alert: (bytes) => {
      const flight = message.parseFlight(message.TYPE.ALERT, bytes);
      const alertKey = schedule.trafficKey(master, "alert", [th4]);
      return openFlight(alertKey, flight.clear, flight.sealed, "alert")[0];
    },
  };
}
