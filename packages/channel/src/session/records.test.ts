import { concat, random, utf8Decode } from "@trusted-mcp/primitives/bytes";
import { channelWorld, refusalOf, withFlippedBit, type Connected } from "@trusted-mcp/testkit";
import { describe, expect, it } from "vitest";
import {
  answerUnder,
  content,
  handled,
  open,
  openAnswer,
  openMessage,
  sent,
  splitAnswer,
  type Sent,
} from "../../test/records.ts";
import { KIND, parseResponseHead } from "../record/head.ts";
import { RECORD_REQUEST } from "../record/header.ts";

const connected = (): Promise<Connected> => channelWorld().connect();
const text = (bytes: Uint8Array): string => utf8Decode(bytes.subarray(1));
const openAll = (answer: Sent, exchange: ReturnType<Connected["client"]["seal"]>): string =>
  text(openAnswer(exchange, answer));

/** One answered request. */
function roundTrip({ client, server }: Connected, request = "ping", reply = "pong"): Sent {
  const exchange = client.seal(content(request));
  const opened = openMessage(server, sent(exchange));
  expect(text(opened.content)).toBe(request);
  const answer = {
    header: opened.answer.header,
    chunks: concat(...opened.answer.seal(content(reply), true)),
  };
  expect(openAll(answer, exchange)).toBe(reply);
  return answer;
}

describe("a request record (spec §5.2)", () => {
  it("reaches the other end, and its answer comes back", async () => {
    const channel = await connected();
    for (let count = 0; count < 50; count += 1) roundTrip(channel, `ping ${count}`, `pong ${count}`);
  });

  it("each bit of each byte is authenticated, and the content is not released [REQ-MITM-FLIP, REQ-MALLEABLE, W17]", async () => {
    const { client, server } = await connected();
    const { header, chunks } = sent(client.seal(content("delete everything")));
    for (let bit = 0; bit < header.length * 8; bit += 1) {
      const changed = withFlippedBit(header, bit);
      const code = await refusalOf(() => open(server, { header: changed, chunks }));
      expect(code).toMatch(/^ERR_(MALFORMED|EPOCH|RECORD_AUTH)$/);
    }
    for (let bit = 0; bit < chunks.length * 8; bit += 5) {
      const code = await refusalOf(() => open(server, { header, chunks: withFlippedBit(chunks, bit) }));
      expect(code).toMatch(/^ERR_(MALFORMED|RECORD_AUTH|RECORD_TRUNCATED|RECORD_TRAILING)$/);
    }
    // None of the forgeries moved the window: the true record still passes.
    expect(text(openMessage(server, { header, chunks }).content)).toBe("delete everything");
  });

  it("cut at any length it is refused, and did not run [REQ-MITM-TRUNCATE]", async () => {
    const { client, server } = await connected();
    const { header, chunks } = sent(client.seal([random(40_000)]));
    for (let length = 0; length < chunks.length; length += 97)
      expect(await refusalOf(() => open(server, { header, chunks: chunks.subarray(0, length) }))).toBe(
        "ERR_RECORD_TRUNCATED",
      );
    const longer = concat(chunks, Uint8Array.of(0));
    expect(await refusalOf(() => open(server, { header, chunks: longer }))).toBe("ERR_RECORD_TRAILING");
  });

  it("a replay gives no content again: the answer is a sealed refusal [REQ-MITM-REPLAY, REQ-REPLAY-WINDOW, W13]", async () => {
    const { client, server } = await connected();
    const exchange = client.seal(content("pay once"));
    const request = sent(exchange);
    openMessage(server, request);
    for (let count = 0; count < 3; count += 1) {
      const opened = open(server, request);
      expect(opened.kind).toBe("handled");
      expect(opened).not.toHaveProperty("content");
    }
    const answer = openAnswer(exchange, splitAnswer(handled(server, request)));
    expect(parseResponseHead(answer)).toEqual({ kind: "refusal", code: 1 });
  });

  it("a record older than the window is refused like a replay", async () => {
    const { client, server } = await connected();
    const late = sent(client.seal(content("late")));
    const inTime = sent(client.seal(content("in time")));
    for (let count = 0; count < 2047; count += 1) openMessage(server, sent(client.seal(content("x"))));
    expect(text(openMessage(server, inTime).content)).toBe("in time");
    expect(open(server, late).kind).toBe("handled");
  });

  it("records may overtake each other", async () => {
    const { client, server } = await connected();
    const requests = Array.from({ length: 20 }, (_, index) => sent(client.seal(content(`${index}`))));
    for (const [index, request] of [...requests.entries()].toReversed())
      expect(text(openMessage(server, request).content)).toBe(`${index}`);
  });

  it("a forged record does not move the window: authentication comes before it", async () => {
    const { client, server } = await connected();
    const { header, chunks } = sent(client.seal(content("x")));
    const far = Uint8Array.from(header);
    far[22] = 1;
    expect(await refusalOf(() => open(server, { header: far, chunks }))).toBe("ERR_RECORD_AUTH");
    openMessage(server, { header, chunks });
  });

  it("of another session is refused, also under this session's id [W17]", async () => {
    const world = channelWorld();
    const [mine, other] = [await world.connect(), await world.connect()];
    const { header, chunks } = sent(other.client.seal(content("x")));
    expect(await refusalOf(() => open(mine.server, { header, chunks }))).toBe("ERR_RECORD_AUTH");
    const grafted = Uint8Array.from(header);
    grafted.set(mine.client.seal([]).header.subarray(1, 17), 1);
    expect(await refusalOf(() => open(mine.server, { header: grafted, chunks }))).toBe("ERR_RECORD_AUTH");
  });

  it("an unknown kind and an empty content are refused inside, where the client can read it", async () => {
    const { client, server } = await connected();
    for (const parts of [[], [Uint8Array.of(0)], [Uint8Array.of(KIND.refusal, 1)], [Uint8Array.of(99)]]) {
      const exchange = client.seal(parts);
      const answer = openAnswer(exchange, splitAnswer(handled(server, sent(exchange))));
      expect(parseResponseHead(answer)).toEqual({ kind: "refusal", code: 3 });
    }
  });

  it("its length shows no more than its padded length [REQ-PADDING]", async () => {
    const { client } = await connected();
    const sizes = new Set(
      ["", "a", "a".repeat(250)].map((body) => sent(client.seal(content(body))).chunks.length),
    );
    expect(sizes.size).toBe(1);
  });

  it("too large for the server it never leaves the client; from a client that does not care it is refused [W30, REQ-MITM-OVERSIZE]", async () => {
    const world = channelWorld({ server: { limits: { maxMessageBytes: 10_000 } } });
    const { client, server } = await world.connect();
    expect(client.maxMessageBytes).toBe(10_000);
    expect(await refusalOf(() => client.seal([new Uint8Array(10_001)]))).toBe("ERR_RECORD_TOO_LARGE");
    const exchange = client.seal([new Uint8Array(10_000)]);
    const oversized = concat(sent(exchange).chunks, new Uint8Array(20_000));
    const request = { header: exchange.header, chunks: oversized };
    expect(await refusalOf(() => open(server, request))).toBe("ERR_RECORD_TOO_LARGE");
  });
});

describe("an answer (spec §5.2) [W15, W27]", () => {
  it("each bit of each byte is authenticated [REQ-MITM-FLIP, W21]", async () => {
    const { client, server } = await connected();
    const exchange = client.seal(content("x"));
    const opened = openMessage(server, sent(exchange));
    const { header } = opened.answer;
    const chunks = concat(...opened.answer.seal(content("true"), true));
    // An exchange opens one answer, so each forgery gets an exchange of its own with the same keys.
    const openers = Array.from({ length: header.length + chunks.length }, () => client.seal(content("x")));
    for (let at = 0; at < header.length + chunks.length; at += 1) {
      const changed = withFlippedBit(concat(header, chunks), at * 8 + (at % 8));
      const code = await refusalOf(() => openAll(splitAnswer(changed), openers[at]!));
      expect(code).toMatch(/^ERR_(MALFORMED|RECORD_AUTH|RECORD_TRUNCATED|RECORD_TRAILING)$/);
    }
    const changed = withFlippedBit(chunks, 100);
    expect(await refusalOf(() => openAll({ header, chunks: changed }, exchange))).toBe("ERR_RECORD_AUTH");
  });

  it("to another request of the session is refused [REQ-MITM-SWAP]", async () => {
    const { client, server } = await connected();
    const [first, second] = [client.seal(content("balance of A")), client.seal(content("balance of B"))];
    const answers = [first, second].map((exchange) => {
      const { answer } = openMessage(server, sent(exchange));
      return { header: answer.header, chunks: concat(...answer.seal(content("1"), true)) };
    });
    expect(await refusalOf(() => openAll(answers[1]!, first))).toBe("ERR_RECORD_AUTH");
    expect(await refusalOf(() => openAll(answers[0]!, second))).toBe("ERR_RECORD_AUTH");
  });

  it("of another session or another server is refused [REQ-MITM-SWAP]", async () => {
    const world = channelWorld();
    const channels = [await world.connect(), await world.connect(), await channelWorld().connect()];
    const exchanges = channels.map(({ client }) => client.seal(content("x")));
    const answers = channels.map(({ server }, index) => {
      const { answer } = openMessage(server, sent(exchanges[index]!));
      return { header: answer.header, chunks: concat(...answer.seal(content("y"), true)) };
    });
    for (const [index, exchange] of exchanges.entries())
      expect(await refusalOf(() => openAll(answers[(index + 1) % 3]!, exchange))).toBe("ERR_RECORD_AUTH");
  });

  it("a second one to the same request is refused [W16]", async () => {
    const { client, server } = await connected();
    const exchange = client.seal(content("x"));
    const { answer } = openMessage(server, sent(exchange));
    const wire = { header: answer.header, chunks: concat(...answer.seal(content("y"), true)) };
    expect(openAll(wire, exchange)).toBe("y");
    expect(await refusalOf(() => openAll(wire, exchange))).toBe("ERR_REPLAY");
  });

  it("the request sent back is not an answer, and an answer is not a request [REQ-MITM-REFLECT]", async () => {
    const { client, server } = await connected();
    const exchange = client.seal(content("x"));
    const request = sent(exchange);
    expect(await refusalOf(() => exchange.openResponse(request.header))).toBe("ERR_MALFORMED");
    // Reshaped to look like an answer: the keys of the two directions differ.
    const other = client.seal(content("x"));
    const shaped = concat(Uint8Array.of(0x11), sent(other).header.subarray(29));
    expect(await refusalOf(() => openAll({ header: shaped, chunks: sent(other).chunks }, other))).toBe(
      "ERR_RECORD_AUTH",
    );
    const { answer } = openMessage(server, request);
    const chunks = concat(...answer.seal(content("y"), true));
    expect(await refusalOf(() => open(server, { header: answer.header, chunks }))).toBe("ERR_MALFORMED");
    const header = Uint8Array.from(client.seal([]).header);
    expect(header[0]).toBe(RECORD_REQUEST);
    header.set(answer.header.subarray(1), 29);
    expect(await refusalOf(() => open(server, { header, chunks }))).toBe("ERR_RECORD_AUTH");
  });

  it("two answers to one request never share a key, also when the request was replayed [REQ-EXCHANGE-KEYS]", async () => {
    const { client, server } = await connected();
    const request = sent(client.seal(content("x")));
    openMessage(server, request);
    const [a, b] = [splitAnswer(handled(server, request)), splitAnswer(handled(server, request))];
    expect(a.header).not.toEqual(b.header);
    // Both say the same; under one key and IV the ciphertexts would be equal in every byte.
    expect(a.chunks).toHaveLength(b.chunks.length);
    const equal = a.chunks.subarray(3, 259).filter((byte, at) => byte === b.chunks[at + 3]).length;
    expect(equal).toBeLessThan(20);
  });

  it("two requests with the same content never share a key [REQ-EXCHANGE-KEYS]", async () => {
    const { client } = await connected();
    const seen = new Set(
      Array.from({ length: 200 }, () =>
        Buffer.from(sent(client.seal(content("x"))).chunks).toString("base64"),
      ),
    );
    expect(seen.size).toBe(200);
  });

  it("a stream: every part in order, its end authentic; cut, it is an error [REQ-FINAL-FLAG, W16]", async () => {
    const { client, server } = await connected();
    for (const cut of [false, true]) {
      const exchange = client.seal(content("subscribe"));
      const { answer } = openMessage(server, sent(exchange));
      const opener = exchange.openResponse(answer.header);
      const events: string[] = [];
      for (let index = 0; index < 500; index += 1) {
        const wire = concat(...answer.seal(content(`event ${index}`), false));
        for (const part of opener.push(wire)) events.push(text(part));
      }
      expect(events).toEqual(Array.from({ length: 500 }, (_, index) => `event ${index}`));
      if (cut) expect(await refusalOf(() => opener.end())).toBe("ERR_RECORD_TRUNCATED");
      else {
        opener.push(concat(...answer.seal([], true)));
        opener.end();
      }
    }
  });

  it("parts of two streams of one session do not mix [REQ-MITM-SSE, W19]", async () => {
    const { client, server } = await connected();
    const streams = [0, 1].map(() => {
      const exchange = client.seal(content("subscribe"));
      const { answer } = openMessage(server, sent(exchange));
      return { answer, opener: exchange.openResponse(answer.header) };
    });
    const wire = concat(...streams[0]!.answer.seal(content("for 0"), false));
    expect(await refusalOf(() => streams[1]!.opener.push(wire))).toBe("ERR_RECORD_AUTH");
  });
});

describe("the end of a session (spec §5.5) [REQ-LIFETIME, W35]", () => {
  it("comes with its time on both ends, by the clock that does not jump", async () => {
    const world = channelWorld({ server: { lifetimeMs: 600_000 } });
    const { client, server } = await world.connect();
    const early = sent(client.seal(content("x")));
    world.clock.advance(599_999);
    expect(server.live).toBe(true);
    const late = sent(client.seal(content("x")));
    openMessage(server, early);
    world.clock.advance(1);
    expect([server.live, client.usable]).toEqual([false, false]);
    expect(await refusalOf(() => open(server, late))).toBe("ERR_SESSION_EXPIRED");
    expect(await refusalOf(() => client.seal(content("x")))).toBe("ERR_SESSION_EXPIRED");
    expect(await refusalOf(() => world.responder.sessions.get(client.id))).toBe("ERR_SESSION_UNKNOWN");
  });

  it.each([-1, 1])("a wall clock that jumps by %i years neither extends nor ends it", async (years) => {
    const world = channelWorld({ server: { lifetimeMs: 600_000 } });
    const { client, server } = await world.connect();
    world.clock.jump(years * 365 * 86_400_000);
    expect([server.live, client.usable]).toEqual([true, true]);
    world.clock.advance(600_000);
    expect([server.live, client.usable]).toEqual([false, false]);
  });

  it("the client stops a second earlier, and before the server may forget an idle session", async () => {
    const world = channelWorld({ server: { lifetimeMs: 600_000, limits: { idleMs: 100_000 } } });
    const { client } = await world.connect();
    world.clock.advance(89_999);
    expect(client.usable).toBe(true);
    world.clock.advance(1);
    expect(client.usable).toBe(false);
    client.seal(content("still sealed when the caller insists"));
    expect(client.usable).toBe(true);
    world.clock.advance(80_000);
    client.seal([]);
    for (let at = 0; at < 5; at += 1) {
      world.clock.advance(80_000);
      client.seal([]);
    }
    world.clock.advance(29_000);
    expect(client.usable).toBe(false);
  });

  it("comes with a sealed goodbye, answered once; nothing is sealed or opened after it", async () => {
    const world = channelWorld();
    const { client, server } = await world.connect();
    const pending = sent(client.seal(content("on its way")));
    const goodbye = client.close()!;
    const opened = open(server, sent(goodbye));
    expect(opened.kind).toBe("closed");
    if (opened.kind !== "closed") return;
    const reply = openAnswer(goodbye, { header: opened.answer.header, chunks: concat(...opened.reply) });
    expect(reply[0]).toBe(KIND.close);
    expect(await refusalOf(() => open(server, pending))).toBe("ERR_SESSION_EXPIRED");
    expect(await refusalOf(() => client.seal(content("x")))).toBe("ERR_SESSION_EXPIRED");
    expect(client.close()).toBeNull();
    expect(client.usable).toBe(false);
    expect(await refusalOf(() => world.responder.sessions.get(client.id))).toBe("ERR_SESSION_UNKNOWN");
  });

  it("cannot be forged or replayed from another session", async () => {
    const world = channelWorld();
    const [mine, other] = [await world.connect(), await world.connect()];
    const goodbye = sent(other.client.close()!);
    expect(await refusalOf(() => open(mine.server, goodbye))).toBe("ERR_RECORD_AUTH");
    expect(mine.server.live).toBe(true);
  });

  it("an expired session says no goodbye", async () => {
    const world = channelWorld({ server: { lifetimeMs: 2000 } });
    const { client } = await world.connect();
    world.clock.advance(2000);
    expect(client.close()).toBeNull();
  });

  it("no answer opens under wiped keys: zeros are no secret [W27]", async () => {
    const { client } = await connected();
    const exchange = client.seal(content("transfer"));
    client.destroy();
    const zeros = new Uint8Array(48);
    const epoch = { number: 0, root: zeros, clientToServer: zeros, serverToClient: zeros };
    const forged = splitAnswer(answerUnder(epoch, exchange, content("done")));
    expect(await refusalOf(() => openAll(forged, exchange))).toBe("ERR_SESSION_EXPIRED");
    expect(await refusalOf(() => client.seal([]))).toBe("ERR_SESSION_EXPIRED");
  });

  it("no record opens in a session that was ended here", async () => {
    const { client, server } = await connected();
    const request = sent(client.seal(content("x")));
    server.destroy();
    server.destroy();
    expect(server.live).toBe(false);
    expect(await refusalOf(() => open(server, request))).toBe("ERR_SESSION_EXPIRED");
  });
});
