import * as http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Passage, type Attack, type Recorded } from "./passage.ts";

/** An attacker who sits between client and server, sees everything and changes what it likes. */
export interface AttackProxy {
  /** What the client is made to believe is the server's address. */
  readonly url: string;
  /** Every request that came, in order, with the server's own answer to it: the captured traffic. */
  readonly seen: readonly Recorded[];
  /** From now on `attack` decides about each request; without one everything passes unchanged. */
  attack(attack: Attack | null): void;
  /** Attacks the next request only; the ones after it pass unchanged. */
  attackNext(attack: Attack): void;
  /** Sends everything elsewhere from now on, as if the server had been replaced. */
  retarget(url: string): void;
  /** Drops every open connection to clients, without an orderly end. */
  cutAll(): void;
  close(): Promise<void>;
}

/** Starts an attacking proxy on a free local port, in front of `target`. */
export async function attackProxy(target: string): Promise<AttackProxy> {
  const seen: Recorded[] = [];
  const sockets = new Set<Socket>();
  const agent = new http.Agent({ keepAlive: true });
  let destination = target;
  let always: Attack | null = null;
  const next: Attack[] = [];

  const server = http.createServer((request, response) => {
    const attack = next.shift() ?? always;
    void Passage.of(request, response, () => destination, agent).then(async (passage) => {
      seen.push(passage.recorded);
      try {
        if (attack === null) await passage.pass();
        else await attack(passage);
      } catch {
        passage.cut();
      }
    });
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const cutAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${port}${new URL(target).pathname}`,
    seen,
    attack: (attack) => {
      always = attack;
    },
    attackNext: (attack) => {
      next.push(attack);
    },
    retarget: (url) => {
      destination = url;
    },
    cutAll,
    close: async () => {
      cutAll();
      agent.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
