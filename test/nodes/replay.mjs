// Gives captured requests to nodes, one after the other, as somebody in between could.
import { Agent, request } from "node:http";

const agent = new Agent({ keepAlive: true, maxSockets: 24 });

/** The outer status, or 0 when there was no answer. */
export function give({ type, bytes }, port) {
  return new Promise((resolve) => {
    const outgoing = request(
      { host: "127.0.0.1", port, path: "/mcp", method: "POST", agent, headers: { "content-type": type } },
      (incoming) => {
        incoming.resume();
        incoming.once("close", () => resolve(incoming.statusCode ?? 0));
      },
    );
    outgoing.setTimeout(10_000, () => outgoing.destroy());
    outgoing.once("error", () => resolve(0));
    outgoing.end(bytes);
  });
}

/** All of them, to each node; how many got which status. */
export async function giveAll(captured, ports) {
  const statuses = new Map();
  const queue = ports.flatMap((port) => captured.map((each) => ({ each, port })));
  const work = async () => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const status = await give(next.each, next.port);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 24 }, work));
  return statuses;
}

export function closeAgent() {
  agent.destroy();
}
