import { InMemoryTransport } from "@modelcontextprotocol/server";
import { pinnedServer } from "@trusted-mcp/identity";
import { trustedServerTransport, trustedClientTransport } from "@trusted-mcp/sdk/stdio";
import { sampleTee } from "@trusted-mcp/testkit";
import { describe, expect, test } from "vitest";
import {
  codeOf,
  connected,
  mark,
  PIPE_AUDIENCE,
  pipeWorld,
  type Direction,
  type LineAttack,
  type PipeWorld,
} from "./support/pipe.ts";
import { person } from "./support/people.ts";
import { toolServer } from "./support/tools.ts";

const isPush = (line: string): boolean => line.includes("trusted-mcp/1/push");

/** Changes one character inside the base64url of a member, well away from its ends. */
function changed(line: string, member: string, at: number): string {
  const start = line.indexOf(`"${member}":"`) + member.length + 4;
  const position = start + at;
  const other = line[position] === "A" ? "B" : "A";
  return line.slice(0, position) + other + line.slice(position + 1);
}

/** One honest call, then one under attack from the next line of `direction` on; says how that ended. */
async function attacked(
  direction: Direction,
  make: (world: () => PipeWorld) => LineAttack,
): Promise<{ world: PipeWorld; outcome: string }> {
  let on = false;
  let attack: LineAttack | undefined;
  const world: PipeWorld = pipeWorld({
    attack: (line, way, at) => {
      if (!on || way !== direction) return undefined;
      attack ??= make(() => world);
      return attack(line, way, at);
    },
  });
  const client = await connected(world);
  await mark(client, "before");
  on = true;
  const outcome = await mark(client, "attacked").then(
    () => "answered",
    () => "failed",
  );
  await expect.poll(() => world.closed).toEqual({ client: true, server: true });
  return { world, outcome };
}

const once =
  (attack: (line: string) => readonly string[]): (() => LineAttack) =>
  () => {
    let done = false;
    return (line) => {
      if (done) return undefined;
      done = true;
      return attack(line);
    };
  };

describe("an attacker on the pipe, after the handshake [W43, REQ-STDIO-PIPE]", () => {
  const cases: readonly [string, () => LineAttack, string][] = [
    ["changes a byte of a header", once((line) => [changed(line, "h", 40)]), "ERR_RECORD_AUTH"],
    ["changes a byte of content", once((line) => [changed(line, "c", 100)]), "ERR_RECORD_AUTH"],
    ["changes the sequence number", once((line) => [changed(line, "h", 37)]), "ERR_"],
    ["repeats a line", once((line) => [line, line]), "ERR_REPLAY"],
    ["cuts a line short", once((line) => [line.replace(/.{40}"\}\}$/, '"}}')]), "ERR_MALFORMED"],
    ["adds bytes to a line", once((line) => [line.replace(/"\}\}$/, 'AAAA"}}')]), "ERR_"],
    ["adds a member", once((line) => [line.replace('{"h"', '{"x":"","h"')]), "ERR_MALFORMED"],
  ];
  const directions: readonly Direction[] = ["up", "down"];
  test.each(directions.flatMap((way) => cases.map((entry) => [way, ...entry] as const)))(
    "%s: %s",
    async (way, _name, make, code) => {
      const { world, outcome } = await attacked(way, make);
      const seen = way === "up" ? world.errors.server : world.errors.client;
      expect(seen[0]).toMatch(code);
      // A repeated request runs once, and what is changed, never.
      const repeated = code === "ERR_REPLAY";
      expect(world.ledger.runs("attacked")).toBe(way === "down" || repeated ? 1 : 0);
      expect(outcome).toBe(repeated && way === "down" ? "answered" : "failed");
    },
  );

  test.each(directions)("%s: a dropped line shows at the next one", async (way) => {
    let dropped = 0;
    let on = false;
    const world = pipeWorld({
      attack: (_line, direction) => (on && direction === way && dropped++ === 0 ? [] : undefined),
    });
    const client = await connected(world);
    on = true;
    const lost = mark(client, "lost").catch(() => "failed");
    await expect.poll(() => dropped).toBe(1);
    const next = mark(client, "next").catch(() => "failed");
    expect(await Promise.all([lost, next])).toEqual(["failed", "failed"]);
    expect(world.errors[way === "up" ? "server" : "client"][0]).toBe("ERR_SEQUENCE");
    expect(world.ledger.runs("next")).toBe(way === "up" ? 0 : 1);
  });

  test.each(directions)("%s: two lines that change places", async (way) => {
    let held: string | undefined;
    let on = false;
    const world = pipeWorld({
      attack: (line, direction) => {
        if (!on || direction !== way) return undefined;
        if (held === undefined) {
          held = line;
          return [];
        }
        return [line, held];
      },
    });
    const client = await connected(world);
    on = true;
    const calls = ["one", "two"].map((nonce) => mark(client, nonce).catch(() => "failed"));
    expect(await Promise.all(calls)).toEqual(["failed", "failed"]);
    expect(world.errors[way === "up" ? "server" : "client"][0]).toBe("ERR_SEQUENCE");
    expect(world.ledger.total).toBe(way === "up" ? 0 : 2);
  });

  test.each(directions)("%s: a line sent back to its sender", async (way) => {
    const { world } = await attacked(way === "up" ? "down" : "up", (get) => {
      let done = false;
      return () => {
        if (done) return undefined;
        done = true;
        return [get().wire.of(way).filter(isPush)[0] ?? ""];
      };
    });
    expect(world.errors[way === "up" ? "client" : "server"][0]).toBe("ERR_MALFORMED");
  });

  test.each(directions)("%s: lines of two sessions swapped, between the same two ends", async (way) => {
    const [alice, tools] = [person("alice"), person("tools")];
    const other = pipeWorld({ alice, tools });
    await mark(await connected(other), "other");
    const { world } = await attacked(way, () => {
      const lines = other.wire.of(way).filter(isPush);
      return (_line, _way, at) => [lines[at - 2] ?? lines[0] ?? ""];
    });
    expect(world.errors[way === "up" ? "server" : "client"][0]).toBe("ERR_SESSION_UNKNOWN");
    expect(world.ledger.runs("attacked")).toBe(way === "up" ? 0 : 1);
  });

  test("everything recorded, sent again to a new process of the same server: nothing runs", async () => {
    const [alice, tools] = [person("alice"), person("tools")];
    const first = pipeWorld({ alice, tools });
    const client = await connected(first);
    await mark(client, "recorded");
    await client.close();
    const again = pipeWorld({ alice, tools });
    await toolServer(again.ledger).connect(again.serverEnd);
    for (const line of first.wire.of("up")) again.wire.inject("up", line);
    await expect.poll(() => again.closed.server).toBe(true);
    expect(again.ledger.total).toBe(0);
    // The old second flight came while the first was being answered, or after it: out of place either way.
    expect(again.errors.server).toHaveLength(1);
  });

  test("a pipe that is cut is no end: the call fails, with a code that says it may have run", async () => {
    const world = pipeWorld();
    const client = await connected(world);
    const call = client.callTool({ name: "waits", arguments: { nonce: "cut" } }).catch(() => "failed");
    await expect.poll(() => world.ledger.runs("cut")).toBe(1);
    world.wire.cut();
    expect(await call).toBe("failed");
    expect(world.errors).toEqual({ client: ["ERR_PIPE_CUT"], server: ["ERR_PIPE_CUT"] });
  });

  test("a goodbye is an end", async () => {
    const world = pipeWorld();
    const client = await connected(world);
    await client.close();
    await expect.poll(() => world.closed).toEqual({ client: true, server: true });
    expect(world.errors).toEqual({ client: [], server: [] });
  });

  test("nothing that is said, not even who says it, is on the wire", async () => {
    const world = pipeWorld();
    const client = await connected(world);
    await client.callTool({ name: "echo", arguments: { text: "SENTINEL".repeat(20) } });
    const all = world.wire.lines.map(({ line }) => line).join("\n");
    const decoded = [...all.matchAll(/"([\w-]{20,})"/g)].map(([, text]) =>
      Buffer.from(text!, "base64url").toString("latin1"),
    );
    for (const text of [all, ...decoded])
      expect(text).not.toMatch(/SENTINEL|tools\/call|initialize|alice|INSTRUCTIONS/);
    await client.close();
  });
});

describe("plain MCP on a trusted pipe [REQ-STDIO-PLAINTEXT]", () => {
  const call = JSON.stringify({
    jsonrpc: "2.0",
    id: 77,
    method: "tools/call",
    params: { name: "mark", arguments: { nonce: "plain" } },
  });

  test("to the server, before the handshake: refused with an answer, closed, nothing runs", async () => {
    const world = pipeWorld();
    await toolServer(world.ledger).connect(world.serverEnd);
    world.wire.inject("up", call);
    await expect.poll(() => world.closed.server).toBe(true);
    expect(world.errors.server).toEqual(["ERR_PLAINTEXT_REFUSED"]);
    expect(world.ledger.total).toBe(0);
    expect(world.wire.of("down").map((line) => JSON.parse(line))).toMatchObject([
      { jsonrpc: "2.0", id: 77, error: { code: -32090 } },
    ]);
  });

  test("to the server, after the handshake: refused, closed, nothing runs", async () => {
    const world = pipeWorld();
    await connected(world);
    world.wire.inject("up", call);
    await expect.poll(() => world.closed).toEqual({ client: true, server: true });
    expect(world.errors.server).toEqual(["ERR_PLAINTEXT_REFUSED"]);
    expect(world.ledger.total).toBe(0);
  });

  test("to the client, after the handshake: neither an answer nor a notification is passed on", async () => {
    for (const line of [
      '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"forged"}]}}',
      '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}',
      '{"jsonrpc":"2.0","id":"x","method":"sampling/createMessage","params":{"messages":[],"maxTokens":1}}',
    ]) {
      const world = pipeWorld();
      const client = await connected(world);
      const waits = client.callTool({ name: "waits", arguments: { nonce: "w" } }).catch(() => "failed");
      await expect.poll(() => world.ledger.runs("w")).toBe(1);
      world.wire.inject("down", line);
      expect(await waits).toBe("failed");
      expect(world.errors.client).toEqual(["ERR_PLAINTEXT_REFUSED"]);
    }
  });

  test("a server that answers the handshake in plain MCP: the client sends it nothing of MCP", async () => {
    for (const [line, code] of [
      [
        '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}',
        "ERR_PLAINTEXT_REFUSED",
      ],
      ['{"jsonrpc":"2.0","method":"notifications/message","params":{}}', "ERR_PLAINTEXT_REFUSED"],
      ['{"jsonrpc":"2.0","id":1,"error":{"code":-32090,"message":"no"}}', "ERR_NOT_TRUSTED"],
      ['{"jsonrpc":"2.0","id":1,"result":{"m":"AAAA"}}', "ERR_MALFORMED"],
      ['{"neither":"one"}', "ERR_NOT_TRUSTED"],
    ] as const) {
      const world = pipeWorld();
      const started = world.clientEnd.start().then(
        () => "open",
        (error: unknown) => codeOf(error),
      );
      await expect.poll(() => world.wire.of("up").length).toBe(1);
      world.wire.inject("down", line);
      expect(await started).toBe(code);
      expect(world.wire.of("up")).toHaveLength(1);
      expect(world.errors.client).toEqual([]);
    }
  });

  test("a greeting on standard output is named as what it is", async () => {
    // SDK v2 skips lines that are no JSON; v1 reports them.
    const world = pipeWorld({ carrier: "v1" });
    const started = world.clientEnd.start().catch((error: unknown) => error);
    await expect.poll(() => world.wire.of("up").length).toBe(1);
    world.wire.inject("down", "Welcome to tools.example! Last login: yesterday");
    expect(await started).toMatchObject({
      code: "ERR_NOT_TRUSTED",
      message: expect.stringContaining("greeting or a log") as string,
    });
  });
});

describe("handshakes on a pipe", () => {
  test("each line of the handshake, changed anywhere that counts: no session, and no tool runs", async () => {
    const lines = { up: 2, down: 2 };
    for (const way of ["up", "down"] as const) {
      for (let target = 0; target < lines[way]; target += 1) {
        for (const at of [0, 30, 300]) {
          const world = pipeWorld({
            attack: (line, direction, index) =>
              direction === way && index === target ? [changed(line, "m", at)] : undefined,
          });
          const outcome = await connected(world).then(
            () => "open",
            (error: unknown) => codeOf(error),
          );
          expect(`${way} ${target} ${at}: ${outcome}`).toMatch(/ERR_/);
          expect(world.ledger.total).toBe(0);
        }
      }
    }
  });

  test("who is not on the list, on either side, is refused before anything is said [REQ-STDIO-PEER]", async () => {
    const mallory = person("mallory");
    const asClient = pipeWorld({ client: { identity: mallory.identity } });
    expect(await connected(asClient).catch(codeOf)).toBe("ERR_REFUSED_BY_PEER");
    await expect.poll(() => asClient.errors.server).toEqual(["ERR_NOT_TRUSTED"]);
    const asServer = pipeWorld({ server: { identity: mallory.identity } });
    expect(await connected(asServer).catch(codeOf)).toBe("ERR_PEER_UNKNOWN");
    expect(asServer.wire.of("up")).toHaveLength(1);
  });

  test("another audience is refused; so is none", async () => {
    const world = pipeWorld({ client: { audience: "stdio:other" } });
    expect(await connected(world).catch(codeOf)).toBe("ERR_NOT_TRUSTED");
    expect(world.errors.server).toEqual(["ERR_AUDIENCE"]);
    expect(() => pipeWorld({ server: { audience: [] } })).toThrow("needs an audience");
  });

  test("a client without identity gets in only where that is allowed, and has no authInfo", async () => {
    const { identity: _none, ...anonymous } = { identity: 0, audience: PIPE_AUDIENCE };
    const make = (clientAuth: "required" | "optional"): PipeWorld => {
      const world = pipeWorld({ server: { clientAuth } });
      const [clientWire, serverWire] = InMemoryTransport.createLinkedPair();
      const server = pinnedServer(world.tools.publicKey, "tools");
      return {
        ...world,
        clientEnd: trustedClientTransport(clientWire, { ...anonymous, server }),
        serverEnd: trustedServerTransport(serverWire, {
          identity: world.tools.identity,
          clients: server,
          audience: PIPE_AUDIENCE,
          clientAuth,
        }),
      };
    };
    expect(await connected(make("required")).catch(codeOf)).toBe("ERR_CLIENT_AUTH_REQUIRED");
    const client = await connected(make("optional"));
    expect(await client.callTool({ name: "whoami" })).toMatchObject({ content: [{ text: "null" }] });
  });

  test("evidence is asked for and appraised, from either side", async () => {
    const tee = sampleTee();
    const both = { evidence: tee, appraiser: tee.appraiser() };
    const world = pipeWorld({ client: both, server: both });
    await mark(await connected(world), "attested");
    expect([world.clientEnd.channel?.appraisal?.status, world.serverEnd.channel?.appraisal?.status]).toEqual([
      "affirming",
      "affirming",
    ]);
    const refused = pipeWorld({ client: { appraiser: tee.appraiser() } });
    expect(await connected(refused).catch(codeOf)).toBe("ERR_EVIDENCE_MISSING");
    expect(refused.ledger.total).toBe(0);
  });

  test("a silent other end is given up in time", async () => {
    const world = pipeWorld({ client: { handshakeTimeoutMs: 50 } });
    expect(await world.clientEnd.start().catch(codeOf)).toBe("ERR_HANDSHAKE_TIMEOUT");
    expect(await world.clientEnd.send({}).catch(codeOf)).toBe("ERR_CLOSED");
  });

  test("an other end that ends before the handshake is done is named as such", async () => {
    const world = pipeWorld();
    const started = world.clientEnd.start().catch(codeOf);
    world.wire.cut();
    expect(await started).toBe("ERR_UNREACHABLE");
  });

  test("a second handshake on an open pipe, and one on top of another, end it", async () => {
    const world = pipeWorld();
    await connected(world);
    world.wire.inject("up", world.wire.of("up")[0]!);
    await expect.poll(() => world.errors.server).toEqual(["ERR_NOT_TRUSTED"]);
    const early = pipeWorld({
      attack: (line, way, at) => (way === "up" && at === 0 ? [line, line] : undefined),
    });
    expect(await connected(early).catch(codeOf)).toBe("ERR_UNREACHABLE");
    expect(early.errors.server).toEqual(["ERR_NOT_TRUSTED"]);
  });
});
