import { attackProxy, flightType, FLIGHT_TYPE, type AttackProxy, type Recorded } from "@trusted-mcp/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { callTool, codeOf, fetchTo, send } from "./support/client.ts";
import { onRecords, resend } from "./support/raw.ts";
import { KINDS, startServer, type TestServer } from "./support/server.ts";

const isRecord = ({ request }: Recorded): boolean => flightType(request.body) === 0;
const ofType =
  (type: number) =>
  ({ request }: Recorded): boolean =>
    flightType(request.body) === type;

describe.each(KINDS)("captured traffic sent again (%s)", (kind) => {
  let server: TestServer;
  let proxy: AttackProxy;
  beforeAll(async () => {
    server = await startServer({ kind });
  });
  beforeEach(async () => {
    proxy = await attackProxy(server.url);
  });
  afterEach(() => proxy.close());
  afterAll(() => server.close());

  test("a request sent again a hundred times runs once [REQ-MITM-REPLAY, REQ-REPLAY-WINDOW, W13]", async () => {
    const fetch = fetchTo(server, proxy.url);
    expect(await callTool(fetch, proxy.url, "mark", { nonce: "replayed" })).toBe("marked replayed");
    const captured = proxy.seen.findLast(isRecord);
    if (captured === undefined) throw new Error("no record was seen");
    const answers = await Promise.all(Array.from({ length: 100 }, () => resend(server.url, captured)));
    // A sealed refusal: gateways that repeat requests see nothing that they could act on.
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ body }) => body.toString("latin1"))).size).toBe(100);
    expect(server.ledger.runs("replayed")).toBe(1);
    await fetch.close();
  });

  test("the sealed refusal of a replay, given to the caller instead of the answer: outcome unknown [REQ-MITM-REPLAY]", async () => {
    const fetch = fetchTo(server, proxy.url);
    await fetch.session();
    proxy.attackNext(async (passage) => {
      await (await passage.forward()).bytes();
      await passage.deliver(await passage.forward());
    });
    expect(await codeOf(callTool(fetch, proxy.url, "mark", { nonce: "doubled" }))).toBe(
      "ERR_OUTCOME_UNKNOWN",
    );
    expect(server.ledger.runs("doubled")).toBe(1);
    await fetch.close();
  });

  test("an old answer given to a new request is refused [REQ-MITM-REPLAY, W13]", async () => {
    const fetch = fetchTo(server, proxy.url);
    await callTool(fetch, proxy.url, "mark", { nonce: "old" });
    const old = proxy.seen.findLast(isRecord)?.answers[0];
    if (old === undefined) throw new Error("no answer was seen");
    proxy.attackNext(async (passage) => {
      await (await passage.forward()).bytes();
      await passage.reply({ headers: { "content-type": old.headers["content-type"] }, body: old.body });
    });
    expect(await codeOf(callTool(fetch, proxy.url, "mark", { nonce: "new" }))).toBe("ERR_RECORD_AUTH");
    expect(server.ledger.runs("new")).toBe(1);
    await fetch.close();
  });

  test("a whole captured session sent again, before and after the client reconnects, runs nothing [REQ-MITM-REPLAY, REQ-MITM-FLIGHT]", async () => {
    const fetch = fetchTo(server, proxy.url);
    for (const nonce of ["s1", "s2", "s3"]) await callTool(fetch, proxy.url, "mark", { nonce });
    await fetch.close();
    const captured = [...proxy.seen];
    const replayAll = async (): Promise<void> => {
      for (const each of captured) await resend(server.url, each);
    };
    await replayAll();
    const again = fetchTo(server, proxy.url);
    await callTool(again, proxy.url, "mark", { nonce: "s4" });
    await replayAll();
    for (const nonce of ["s1", "s2", "s3", "s4"]) expect(server.ledger.runs(nonce)).toBe(1);
    expect(captured.filter(isRecord).length).toBeGreaterThanOrEqual(4);
    await again.close();
  });

  test("a connection that breaks before the answer: identical bytes go again, and the tool runs once [REQ-REPLAY-WINDOW]", async () => {
    const fetch = fetchTo(server, proxy.url);
    await fetch.session();
    for (const nonce of ["reset 1", "reset 2", "reset 3"]) {
      const from = proxy.seen.length;
      proxy.attackNext(async (passage) => {
        await (await passage.forward()).bytes();
        passage.cut();
      });
      expect(await codeOf(callTool(fetch, proxy.url, "mark", { nonce }))).toBe("ERR_OUTCOME_UNKNOWN");
      expect(server.ledger.runs(nonce)).toBe(1);
      const bodies = proxy.seen
        .slice(from)
        .map(({ request }) => Buffer.from(request.body).toString("latin1"));
      expect(new Set(bodies).size).toBe(1);
    }
    await fetch.close();
  });

  test("a connection cut in the middle of the answer: a code, and the tool ran once [REQ-MITM-CUT]", async () => {
    const fetch = fetchTo(server, proxy.url);
    await fetch.session();
    for (const keep of [0, 1, 16, 17, 40, 200]) {
      proxy.attackNext(async (passage) => {
        const answer = await passage.forward();
        const body = await answer.bytes();
        await passage.reply({
          headers: { "content-type": answer.headers["content-type"] },
          body: (async function* () {
            yield body.subarray(0, keep);
            await new Promise((resolve) => setTimeout(resolve, 5));
            throw new Error("cut");
          })(),
        });
      });
      const code = await codeOf(callTool(fetch, proxy.url, "mark", { nonce: `middle ${keep}` }));
      expect(code).toBe("ERR_OUTCOME_UNKNOWN");
      expect(server.ledger.runs(`middle ${keep}`)).toBe(1);
    }
    await fetch.close();
  });

  test("a delayed and doubled request that arrives after its answer is not run again [REQ-MITM-REPLAY]", async () => {
    const fetch = fetchTo(server, proxy.url);
    await fetch.session();
    const late: Promise<unknown>[] = [];
    proxy.attack(
      onRecords(async (passage) => {
        await passage.pass();
        late.push(
          new Promise((resolve) => setTimeout(resolve, 20))
            .then(() => passage.forward())
            .then((a) => a.bytes()),
        );
      }),
    );
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        callTool(fetch, proxy.url, "mark", { nonce: `late ${index}` }),
      ),
    );
    proxy.attack(null);
    await Promise.all(late);
    expect(late.length).toBe(20);
    expect(server.ledger.most).toBe(1);
    await fetch.close();
  });
});

describe("messages sent back to where they came from", () => {
  let server: TestServer;
  let proxy: AttackProxy;
  beforeAll(async () => {
    server = await startServer();
  });
  beforeEach(async () => {
    proxy = await attackProxy(server.url);
  });
  afterEach(() => proxy.close());
  afterAll(() => server.close());

  test("the client's own request as its answer [REQ-MITM-REFLECT, W15]", async () => {
    const fetch = fetchTo(server, proxy.url);
    await fetch.session();
    proxy.attackNext((passage) =>
      passage.reply({
        headers: { "content-type": passage.request.headers["content-type"] },
        body: passage.request.body,
      }),
    );
    expect(await codeOf(callTool(fetch, proxy.url, "mark", { nonce: "echoed" }))).toBe("ERR_MALFORMED");
    // Dressed as an answer: response type byte, the request's own random, the request's own chunks.
    proxy.attackNext((passage) => {
      const { body } = passage.request;
      const dressed = Buffer.concat([Buffer.of(0x11), body.subarray(29, 45), body.subarray(45)]);
      return passage.reply({ headers: { "content-type": "application/trusted-mcp" }, body: dressed });
    });
    expect(await codeOf(callTool(fetch, proxy.url, "mark", { nonce: "dressed" }))).toBe("ERR_RECORD_AUTH");
    expect(server.ledger.total).toBe(0);
    await fetch.close();
  });

  test("the server's answer as a request [REQ-MITM-REFLECT, W15]", async () => {
    const fetch = fetchTo(server, proxy.url);
    await callTool(fetch, proxy.url, "mark", { nonce: "answered" });
    const captured = proxy.seen.findLast(isRecord);
    const answer = captured?.answers[0]?.body;
    if (captured === undefined || answer === undefined) throw new Error("nothing was seen");
    const { body } = captured.request;
    const shapes = [
      answer,
      // The request's header, so that the session is found, and the answer's chunks behind it.
      Buffer.concat([body.subarray(0, 45), answer.subarray(17)]),
      Buffer.concat([body.subarray(0, 29), answer.subarray(1, 17), answer.subarray(17)]),
    ];
    const handled = server.ledger.handled;
    for (const shape of shapes) expect((await resend(server.url, captured, shape)).status).toBe(422);
    expect(server.ledger.handled).toBe(handled);
    await fetch.close();
  });

  test.each([
    { name: "F1 as S1", type: FLIGHT_TYPE.F1 },
    { name: "F2 as S2", type: FLIGHT_TYPE.F2 },
  ])("a handshake flight as its own answer: $name [REQ-MITM-REFLECT]", async ({ type }) => {
    proxy.attack(async (passage) => {
      if (flightType(passage.request.body) !== type) return await passage.pass();
      const text = Buffer.from(passage.request.body)
        .toString()
        .replace(/"method":"[^"]*","params"/, '"result"');
      await passage.reply({ headers: { "content-type": "application/json" }, body: text });
    });
    const fetch = fetchTo(server, proxy.url);
    expect(await codeOf(fetch.session())).toBe("ERR_MALFORMED");
    await fetch.close();
  });
});

describe("handshake flights sent again", () => {
  let server: TestServer;
  let proxy: AttackProxy;
  beforeAll(async () => {
    server = await startServer();
  });
  beforeEach(async () => {
    proxy = await attackProxy(server.url);
  });
  afterEach(() => proxy.close());
  afterAll(() => server.close());

  test("F2 again opens no second session, also when both arrive at once [REQ-MITM-FLIGHT, REQ-CLAIM-ONCE]", async () => {
    const statuses: number[] = [];
    proxy.attack(async (passage) => {
      if (flightType(passage.request.body) !== FLIGHT_TYPE.F2) return await passage.pass();
      const answers = await Promise.all([
        passage.forward(),
        passage.forward(),
        passage.forward(),
        passage.forward(),
      ]);
      statuses.push(...answers.map(({ status }) => status));
      const first = answers.find(({ status }) => status === 200);
      await Promise.all(answers.map((answer) => answer.bytes()));
      if (first === undefined) return passage.cut();
      await passage.reply({ headers: { "content-type": "application/json" }, body: await first.bytes() });
    });
    const before = server.handler.sessions;
    const fetch = fetchTo(server, proxy.url);
    expect(await callTool(fetch, proxy.url, "mark", { nonce: "claimed" })).toBe("marked claimed");
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 422, 422, 422]);
    expect(server.handler.sessions).toBe(before + 1);
    const f2 = proxy.seen.find(ofType(FLIGHT_TYPE.F2));
    if (f2 === undefined) throw new Error("no F2 was seen");
    expect((await resend(server.url, f2)).status).toBe(422);
    expect(server.handler.sessions).toBe(before + 1);
    await fetch.close();
  });

  test("F1 again is answered with other keys, which the attacker cannot use [REQ-MITM-FLIGHT, REQ-EXCHANGE-KEYS]", async () => {
    const fetch = fetchTo(server, proxy.url);
    await fetch.session();
    const before = server.handler.sessions;
    const f1 = proxy.seen.find(ofType(FLIGHT_TYPE.F1));
    const f2 = proxy.seen.find(ofType(FLIGHT_TYPE.F2));
    if (f1 === undefined || f2 === undefined) throw new Error("no handshake was seen");
    const answers = [await resend(server.url, f1), await resend(server.url, f1)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers[0]?.body.equals(answers[1]?.body ?? Buffer.alloc(0))).toBe(false);
    expect((await resend(server.url, f2)).status).toBe(422);
    expect(server.handler.sessions).toBe(before);
    await fetch.close();
  });

  test("an old S1 or S2 given to a new handshake is refused [REQ-MITM-FLIGHT]", async () => {
    const first = fetchTo(server, proxy.url);
    await first.session();
    await first.close();
    for (const type of [FLIGHT_TYPE.F1, FLIGHT_TYPE.F2]) {
      const old = proxy.seen.find(ofType(type))?.answers[0]?.body ?? "";
      proxy.attack(async (passage) => {
        if (flightType(passage.request.body) !== type) return await passage.pass();
        await passage.reply({ headers: { "content-type": "application/json" }, body: old });
      });
      const fetch = fetchTo(server, proxy.url);
      expect(await codeOf(fetch.session())).toBe("ERR_HANDSHAKE_AUTH");
      await fetch.close();
    }
  });

  test("messages of two handshakes mixed are refused [REQ-MITM-SWAP]", async () => {
    // Each client gets the other's S1.
    const waiting: { body: Uint8Array; give: (body: Uint8Array) => void }[] = [];
    proxy.attack(async (passage) => {
      const body = await (await passage.forward()).bytes();
      const other = await new Promise<Uint8Array>((give) => {
        waiting.push({ body, give });
        const [one, two] = waiting;
        if (one !== undefined && two !== undefined) {
          one.give(two.body);
          two.give(one.body);
        }
      });
      await passage.reply({ headers: { "content-type": "application/json" }, body: other });
    });
    const [a, b] = [fetchTo(server, proxy.url), fetchTo(server, proxy.url, { as: server.bob })];
    expect(await Promise.all([codeOf(a.session()), codeOf(b.session())])).toEqual([
      "ERR_HANDSHAKE_AUTH",
      "ERR_HANDSHAKE_AUTH",
    ]);
  });

  test("a request moved to another session of the same client is refused [REQ-MITM-SWAP, W17]", async () => {
    const [a, b] = [fetchTo(server, proxy.url), fetchTo(server, proxy.url)];
    await callTool(a, proxy.url, "mark", { nonce: "a" });
    const fromA = proxy.seen.findLast(isRecord);
    await send(b, proxy.url, "tools/list").then((response) => response.text());
    const fromB = proxy.seen.findLast(isRecord);
    if (fromA === undefined || fromB === undefined) throw new Error("nothing was seen");
    const moved = Buffer.from(fromA.request.body);
    moved.set(fromB.request.body.subarray(1, 17), 1);
    expect((await resend(server.url, fromA, moved)).status).toBe(422);
    expect(server.ledger.runs("a")).toBe(1);
    await a.close();
    await b.close();
  });
});
