import { readFileSync } from "node:fs";
import { parseLine, PushSession, type Pushed } from "@trusted-mcp/channel";
import { refusalOf } from "@trusted-mcp/testkit";
import { describe, expect, test } from "vitest";

interface Step {
  readonly name: string;
  readonly sender: "client" | "server";
  readonly content?: string | null;
  readonly lines: readonly string[];
}

interface PipeVector {
  readonly name: string;
  readonly session_id: string;
  readonly app_root: string;
  readonly max_message_bytes: number;
  readonly steps?: readonly Step[];
  readonly accepted?: number;
  readonly receives?: readonly string[];
  readonly expect?: string;
}

const file = new URL("../../vectors/pipe.json", import.meta.url);
const { vectors } = JSON.parse(readFileSync(file, "utf8")) as { vectors: readonly PipeVector[] };

function end(vector: PipeVector, role: "client" | "server"): PushSession {
  return new PushSession({
    role,
    id: Buffer.from(vector.session_id, "hex"),
    root: Uint8Array.from(Buffer.from(vector.app_root, "hex")),
    peer: null,
    audience: "stdio:vectors",
    appraisal: null,
    notAfter: 86_400_000,
    maxSendBytes: Infinity,
    maxReceiveBytes: vector.max_message_bytes,
    clock: { now: () => 0, monotonic: () => 0 },
  });
}

function take(session: PushSession, line: string): Pushed | null {
  const frame = parseLine(JSON.parse(line));
  if (frame.kind !== "push") throw new Error(`not a record but ${frame.kind}`);
  return session.open(frame.header, frame.chunk);
}

describe("vectors/pipe.json", () => {
  test.each(vectors.filter(({ steps }) => steps !== undefined))(
    "$name: opens to what it should",
    (vector) => {
      const ends = { client: end(vector, "server"), server: end(vector, "client") };
      // The rest depends on keys that both ends draw anew.
      const steps =
        vector.steps?.slice(
          0,
          vector.steps.findIndex(({ name }) => name === "rekey"),
        ) ?? [];
      expect(steps.length).toBeGreaterThan(4);
      for (const { name, sender, content, lines } of steps) {
        const pushed = lines.map((line) => take(ends[sender], line)).at(-1);
        if (pushed?.kind !== "message") throw new Error(name);
        if (typeof content === "string" && content.length < 8192)
          expect(`01${Buffer.from(pushed.json).toString("hex")}`).toBe(content);
      }
    },
  );

  test.each(vectors.filter(({ receives }) => receives !== undefined))(
    "$name: $expect [REQ-STDIO-PIPE]",
    async (vector) => {
      const server = end(vector, "server");
      const { receives = [], accepted = 0 } = vector;
      for (const line of receives.slice(0, accepted)) take(server, line);
      const rest = (): void => {
        for (const line of receives.slice(accepted)) take(server, line);
      };
      expect(await refusalOf(rest)).toBe(vector.expect);
    },
  );
});
