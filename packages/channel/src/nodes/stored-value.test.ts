import { random } from "@trusted-mcp/primitives/bytes";
import { ManualClock, refusalOf, withFlippedBit } from "@trusted-mcp/testkit";
import { describe, expect, it } from "vitest";
import { give, nodesOf, rekeyAt, sealed } from "../../test/nodes.ts";
import { MemoryStateStore, type StoredSession } from "../index.ts";

type Spoil = (value: Uint8Array) => Uint8Array;

/** What a store may give in place of what was put there; none of it opens. */
const SPOILED: [string, Spoil][] = [
  ["changed", (value) => withFlippedBit(value, value.length * 8 - 1)],
  ["cut", (value) => value.subarray(0, -1)],
  ["of an unknown key", (value) => withFlippedBit(value, 8)],
  ["of another form", (value) => withFlippedBit(value, 0)],
  ["noise", (value) => random(value.length)],
  ["too long", () => new Uint8Array(70_000)],
];

/** Spoils what one of its methods gives, when the test says so. */
class SpoiledStore extends MemoryStateStore {
  #spoil: { readonly from: string; readonly by: Spoil } | null = null;

  spoil(from: "get" | "take" | "session", by: Spoil): void {
    this.#spoil = { from, by };
  }

  mend(): void {
    this.#spoil = null;
  }

  override async get(key: string): Promise<Uint8Array | undefined> {
    const value = await super.get(key);
    return value && this.#given("get", value);
  }

  override async take(key: string): Promise<Uint8Array | undefined> {
    const value = await super.take(key);
    return value && this.#given("take", value);
  }

  override async session(key: string): Promise<StoredSession | undefined> {
    const stored = await super.session(key);
    return stored && { ...stored, value: this.#given("session", stored.value) };
  }

  #given(from: string, value: Uint8Array): Uint8Array {
    return this.#spoil?.from === from ? this.#spoil.by(value) : value;
  }
}

function spoiledNodes() {
  const store = new SpoiledStore(new ManualClock());
  return { ...nodesOf(2, { store: () => store }), store };
}

describe.each(SPOILED)("a stored value that is %s (spec §5.7) [REQ-NODES-SEALED]", (_, spoil) => {
  it("opens no handshake, and spoils none: F2 can come again", async () => {
    const { connect, nodes, store, through } = spoiledNodes();
    store.spoil("get", spoil);
    expect(await refusalOf(() => connect())).toBe("ERR_STORED_STATE");
    const F2 = 4;
    const client = await through(async (message) => {
      if (message[0] === F2)
        expect(await refusalOf(() => nodes[0]!.handle(message, "a"))).toBe("ERR_STORED_STATE");
      store.mend();
      const answer = await nodes[1]!.handle(message, "a");
      store.spoil("get", spoil);
      return answer;
    });
    expect((await give(nodes[0]!, sealed(client).record)).kind).toBe("message");
  });

  it("is no ticket: in F1 the outer refusal, in F2 the alert that tells the client to go on without it", async () => {
    const { connect, store } = spoiledNodes();
    const first = await connect();
    store.spoil("get", spoil);
    const { ticket } = first;
    expect(await refusalOf(() => connect(undefined, { ticket: ticket! }))).toBe("ERR_STORED_STATE");
    store.mend();
    const second = await connect();
    store.spoil("take", spoil);
    await expect(connect(undefined, { ticket: second.ticket! })).rejects.toMatchObject({
      code: "ERR_REFUSED_BY_PEER",
      action: "retry",
      message: expect.stringContaining("resumption ticket is no longer valid"),
    });
    expect((await connect()).resumed).toBe(false);
  });

  it("is no session for a node that meets it, and ends it nowhere", async () => {
    const { connect, nodes, store } = spoiledNodes();
    const client = await connect(() => 0);
    store.spoil("session", spoil);
    const { record } = sealed(client);
    expect(await refusalOf(() => give(nodes[1]!, record))).toBe("ERR_STORED_STATE");
    expect((await give(nodes[0]!, sealed(client).record)).kind).toBe("message");
    store.mend();
    expect((await give(nodes[1]!, record)).kind).toBe("message");
  });

  it("replaces no keys: what needs them is refused and never runs, and the node keeps its own window", async () => {
    const { connect, nodes, store } = spoiledNodes();
    const client = await connect();
    const ran = sealed(client).record;
    for (const node of nodes) await give(node, node === nodes[1] ? ran : sealed(client).record);
    const old = sealed(client).record;
    await rekeyAt(client, nodes[0]!);
    const next = sealed(client).record;
    store.spoil("session", spoil);
    // Its number is marked before the newer keys are missed: from then on no copy of it runs anywhere.
    for (const record of [old, next])
      expect(await refusalOf(() => give(nodes[1]!, record))).toBe("ERR_STORED_STATE");
    store.mend();
    for (const node of nodes)
      for (const record of [old, ran]) expect((await give(node, record)).kind).toBe("handled");
    expect((await give(nodes[1]!, next)).kind).toBe("message");
    expect((await give(nodes[1]!, sealed(client).record)).kind).toBe("message");
  });
});
