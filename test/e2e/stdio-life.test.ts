import { Writable } from "node:stream";
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import { pinnedPeers, pinnedServer } from "@trusted-mcp/identity";
import {
  handshakeLine,
  initiatePipe,
  parseLine,
  pushLine,
  type CredentialSource,
  type CredentialVerifier,
  type LineMessage,
} from "@trusted-mcp/channel";
import { trustedServerTransport, type Carrier } from "@trusted-mcp/sdk/stdio";
import { describe, expect, test } from "vitest";
import { codeOf, connected, mark, PIPE_AUDIENCE, pipeWorld, type PipeWorld } from "./support/pipe.ts";
import { person } from "./support/people.ts";

const sessions = ({ clientEnd, serverEnd }: PipeWorld): (string | undefined)[] => [
  clientEnd.channel?.session,
  serverEnd.channel?.session,
];

// They wait more than they work, and wait together.
describe.concurrent("a pipe that lives long [REQ-STDIO-LIFE]", () => {
  test("keys are renewed under way, with calls in flight", async ({ expect }) => {
    const world = pipeWorld({ client: { rekeyAfterMs: 0 } });
    const client = await connected(world);
    const calls = Array.from({ length: 50 }, (_, at) => mark(client, `call ${at}`));
    await Promise.all(calls);
    expect(world.ledger.total).toBe(50);
    expect(world.ledger.most).toBe(1);
    expect(world.errors).toEqual({ client: [], server: [] });
    await client.close();
  });

  test("a session is followed by the next on the same pipe; calls in flight are answered", async ({
    expect,
  }) => {
    const world = pipeWorld({ server: { lifetimeMs: 1500 } });
    const client = await connected(world);
    const [first] = sessions(world);
    const long = client.callTool({
      name: "steps",
      arguments: { nonce: "long", steps: 25, pauseMs: 100, bytes: 10 },
    });
    const seen = new Set<unknown>([first]);
    let at = 0;
    while (seen.size < 3) {
      await mark(client, `call ${(at += 1)}`);
      seen.add(sessions(world)[0]);
    }
    expect(world.ledger.most).toBe(1);
    expect(await long).toMatchObject({ content: [{ text: "x".repeat(10) }] });
    await expect.poll(() => new Set(sessions(world)).size).toBe(1);
    expect(world.errors).toEqual({ client: [], server: [] });
    expect(world.wire.of("up").filter((line) => line.includes("/handshake"))).toHaveLength(2);
    await client.close();
    await expect.poll(() => world.closed).toEqual({ client: true, server: true });
  });

  test("an idle pipe is renewed as well", async ({ expect }) => {
    const world = pipeWorld({ server: { lifetimeMs: 1200 } });
    const client = await connected(world);
    const [first] = sessions(world);
    await expect.poll(() => sessions(world)[0]).not.toBe(first);
    await mark(client, "after");
    expect(world.errors).toEqual({ client: [], server: [] });
    await client.close();
  });

  test("a client that is no longer accepted keeps its session to its end, and gets no other", async ({
    expect,
  }) => {
    const alice = person("alice");
    const clients = pinnedPeers([{ name: "alice", key: alice.publicKey }]);
    const world = pipeWorld({ alice, server: { lifetimeMs: 1200, clients } });
    const client = await connected(world);
    clients.replace([]);
    await mark(client, "still");
    await expect.poll(() => world.closed).toEqual({ client: true, server: true });
    expect(world.errors.client.at(-1)).toBe("ERR_REFUSED_BY_PEER");
    expect(await mark(client, "late").catch(() => "failed")).toBe("failed");
    expect(world.ledger.runs("late")).toBe(0);
  });

  test("a key that is taken off ends its open pipe at once, and its calls [REQ-STDIO-LIFE]", async ({
    expect,
  }) => {
    const alice = person("alice");
    const clients = pinnedPeers([{ name: "alice", key: alice.publicKey }]);
    const world = pipeWorld({ alice, server: { clients } });
    const client = await connected(world);
    const waiting = client.callTool({ name: "waits", arguments: { nonce: "cut" } });
    waiting.catch(() => undefined);
    await expect.poll(() => world.ledger.runs("cut")).toBe(1);
    const { keyId } = world.serverEnd.channel!.peer!;
    clients.replace([]);
    expect(world.serverEnd.revoke("another key")).toBe(false);
    await mark(client, "still");
    const said = world.wire.of("down").length;
    expect(world.serverEnd.revoke(keyId)).toBe(true);
    await expect.poll(() => world.closed).toEqual({ client: true, server: true });
    await expect(waiting).rejects.toThrow();
    await expect.poll(() => world.ledger.cancelled).toContain("cut");
    expect(world.wire.of("down")).toHaveLength(said);
    expect(world.errors).toEqual({ client: ["ERR_PIPE_CUT"], server: ["ERR_CLOSED"] });
    expect(world.serverEnd.revoke(keyId)).toBe(false);
    expect(await mark(client, "late").catch(() => "failed")).toBe("failed");
    expect(world.ledger.runs("late")).toBe(0);
  });

  test("a key that is taken off while its handshake is under way opens no pipe", async ({ expect }) => {
    const alice = person("alice");
    const list = pinnedPeers([{ name: "alice", key: alice.publicKey }]);
    let taken: boolean | undefined;
    const clients: CredentialVerifier = {
      types: list.types,
      verify: async (bytes, context) => {
        const verified = await list.verify(bytes, context);
        // Accepted already: from here on the list alone would not stop it.
        taken = world.serverEnd.revoke(verified.peer.keyId);
        return verified;
      },
    };
    const world = pipeWorld({ alice, server: { clients } });
    await expect(connected(world)).rejects.toThrow();
    expect(taken).toBe(false);
    await expect.poll(() => world.closed).toEqual({ client: true, server: true });
    expect(world.errors.server).toEqual(["ERR_CLOSED"]);
    expect(world.serverEnd.channel).toBe(null);
  });

  test("a server that cannot renew now is asked again; the session goes on meanwhile", async ({ expect }) => {
    const tools = person("tools");
    let asked = 0;
    const identity: CredentialSource = {
      types: tools.identity.types,
      current: (...given) => {
        asked += 1;
        if (asked === 2) throw new Error("the key is elsewhere just now");
        return tools.identity.current(...given);
      },
    };
    const world = pipeWorld({ tools, server: { identity, lifetimeMs: 4000 } });
    const client = await connected(world);
    const [first] = sessions(world);
    await expect.poll(() => asked).toBe(2);
    await mark(client, "between");
    expect(world.errors.client).toEqual(["ERR_RENEWAL"]);
    await expect.poll(() => sessions(world)[0]).not.toBe(first);
    await mark(client, "after");
    expect(world.ledger.total).toBe(2);
    await client.close();
  });

  test.for(["client", "server"] as const)(
    "another %s cannot take over in a renewal",
    async (who, { expect }) => {
      const [alice, tools, other] = [person("alice"), person("tools"), person("other")];
      let asked = 0;
      const first = who === "client" ? alice : tools;
      const identity: CredentialSource = {
        types: first.identity.types,
        current: (...given) => (asked++ === 0 ? first : other).identity.current(...given),
      };
      const world = pipeWorld({
        alice,
        tools,
        client: {
          ...(who === "client" && { identity }),
          // Trusted as well, but not the one that this pipe began with.
          server: pinnedPeers([tools, other].map(({ name, publicKey }) => ({ name, key: publicKey }))),
        },
        server: {
          ...(who === "server" && { identity }),
          clients: pinnedPeers([alice, other].map(({ name, publicKey }) => ({ name, key: publicKey }))),
          lifetimeMs: 1200,
        },
      });
      await connected(world);
      await expect.poll(() => world.closed).toEqual({ client: true, server: true });
      expect(world.errors[who === "client" ? "server" : "client"]).toEqual(["ERR_PEER_CHANGED"]);
    },
  );
});

describe("much, and large, over a pipe", () => {
  test("a machine that slept past the end renews first; what waited is sent after [REQ-STDIO-LIFE]", async () => {
    const world = pipeWorld({ server: { lifetimeMs: 1200 } });
    const client = await connected(world);
    const slept = performance.now() + 1400;
    while (performance.now() < slept);
    const calls = ["one", "two"].map((nonce) => mark(client, nonce));
    await Promise.all(calls);
    expect([world.ledger.runs("one"), world.ledger.runs("two")]).toEqual([1, 1]);
    expect(world.errors).toEqual({ client: [], server: [] });
    await client.close();
  });

  test("1 MB and 8 MB, both ways", async () => {
    const maxMessageBytes = 16 * 1024 * 1024;
    const world = pipeWorld({ server: { maxMessageBytes } });
    const client = await connected(world);
    for (const bytes of [1_000_000, 8_000_000]) {
      const made = await client.callTool({ name: "make", arguments: { bytes } });
      expect(made).toMatchObject({ content: [{ text: "m".repeat(bytes) }] });
      const text = "e".repeat(bytes);
      expect(await client.callTool({ name: "echo", arguments: { text } })).toMatchObject({
        content: [{ text }],
      });
    }
    expect(Math.max(...world.wire.lines.map(({ line }) => line.length))).toBeLessThan(88_000);
    await client.close();
  });

  test("a message larger than the server takes is refused before it is sent; the pipe goes on", async () => {
    const world = pipeWorld({ server: { maxMessageBytes: 100_000 } });
    const client = await connected(world);
    const echo = client.callTool({ name: "echo", arguments: { text: "x".repeat(100_000) } });
    expect(codeOf(await echo.catch((error: unknown) => error))).toBe("ERR_RECORD_TOO_LARGE");
    await mark(client, "after");
    expect(world.ledger.runs("after")).toBe(1);
    await client.close();
  });

  test("an answer larger than the client takes ends the pipe with its code", async () => {
    const world = pipeWorld({ client: { maxMessageBytes: 100_000 } });
    const client = await connected(world);
    const make = client.callTool({ name: "make", arguments: { bytes: 200_000 } });
    expect(await make.catch(() => "failed")).toBe("failed");
    expect(world.errors.client).toEqual(["ERR_RECORD_TOO_LARGE"]);
  });

  test("10,000 messages, in order, each once", async () => {
    const world = pipeWorld();
    const client = await connected(world);
    for (let batch = 0; batch < 50; batch += 1) {
      const calls = Array.from({ length: 100 }, (_, at) => mark(client, `${batch}.${at}`));
      await Promise.all(calls);
    }
    expect([world.ledger.total, world.ledger.most]).toEqual([5000, 1]);
    expect(world.wire.lines.length).toBeGreaterThan(10_000);
    expect(world.errors).toEqual({ client: [], server: [] });
    await client.close();
  });

  test("a reader that does not read holds the sender up, and in the end costs it the pipe, not its memory", async () => {
    const alice = person("alice");
    const tools = person("tools");
    let stuck = false;
    // A server whose standard output nobody reads, once the handshake is done.
    const deaf = pipeWorld({ alice, tools });
    const into = new Writable({
      highWaterMark: 16_384,
      write: (chunk: Buffer, _encoding, done) => {
        deaf.wire.server.output.write(chunk);
        if (!stuck) done();
      },
    });
    const transport = trustedServerTransport(new StdioServerTransport(deaf.wire.server.input, into), {
      identity: tools.identity,
      clients: pinnedPeers([{ name: "alice", key: alice.publicKey }]),
      audience: PIPE_AUDIENCE,
      maxBacklogBytes: 1_000_000,
    });
    const errors: string[] = [];
    transport.onerror = (error) => void errors.push(codeOf(error));
    await transport.start();
    await deaf.clientEnd.start();
    stuck = true;
    const notify = (): Promise<void> =>
      transport.send({
        jsonrpc: "2.0",
        method: "notifications/message",
        params: { data: "x".repeat(50_000) },
      });
    const outcomes: Promise<string>[] = [];
    for (let sent = 0; sent < 40; sent += 1) outcomes.push(notify().then(() => "sent", codeOf));
    const seen = await Promise.all(outcomes);
    expect(seen.filter((outcome) => outcome === "ERR_BACKLOG").length).toBeGreaterThan(1);
    expect(new Set(seen.slice(1))).toEqual(new Set(["ERR_BACKLOG", "ERR_CLOSED"]));
    expect(errors).toEqual(["ERR_BACKLOG"]);
  });

  test("a client that asks for renewals and reads no answer is given up, too", async () => {
    const [alice, tools] = [person("alice"), person("tools")];
    const answers: ((message: Uint8Array) => void)[] = [];
    let started = false;
    const carrier: Carrier = {
      start: () => Promise.resolve(),
      close: () => Promise.resolve(),
      send: async (line: unknown) => {
        const frame = parseLine(line);
        if (frame.kind === "answer") answers.shift()?.(frame.message);
        if (started) await new Promise(() => undefined);
      },
    };
    const transport = trustedServerTransport(carrier, {
      identity: tools.identity,
      clients: pinnedPeers([{ name: "alice", key: alice.publicKey }]),
      audience: PIPE_AUDIENCE,
      maxBacklogBytes: 10_000,
    });
    const errors: string[] = [];
    transport.onerror = (error) => void errors.push(codeOf(error));
    await transport.start();
    const give = (line: LineMessage): void => carrier.onmessage?.(line as never);
    const verifier = pinnedServer(tools.publicKey);
    const session = await initiatePipe(
      { audience: PIPE_AUDIENCE, identity: alice.identity, verifier },
      (message) =>
        new Promise((resolve) => {
          answers.push(resolve);
          give(handshakeLine("x", message));
        }),
      65_536,
    );
    started = true;
    for (let asked = 0; asked < 100 && errors.length === 0; asked += 1) {
      const { header, chunks } = session.sealRenewal(Uint8Array.of(1));
      chunks.forEach((chunk, at) => give(pushLine(at === 0 ? header : null, chunk)));
      await new Promise(setImmediate);
    }
    expect(errors).toEqual(["ERR_BACKLOG"]);
  });
});
