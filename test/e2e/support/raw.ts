import * as http from "node:http";
import { connect } from "node:net";
import { flightType, type AttackProxy, type Passage, type Recorded } from "@trusted-mcp/testkit";
import type { TrustedFetch } from "@trusted-mcp/sdk/client";
import { callTool, codeOf } from "./client.ts";

export interface RawAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

/** Any HTTP request at all, straight at a server: what an attacker sends who needs no client. */
export function rawRequest(
  url: string,
  options: { method?: string; headers?: http.OutgoingHttpHeaders; body?: string | Uint8Array } = {},
): Promise<RawAnswer> {
  const { method = "POST", headers = {}, body = "" } = options;
  return new Promise((resolve, reject) => {
    const length = { "content-length": Buffer.byteLength(body) };
    const request = http.request(url, { method, agent, headers: { ...length, ...headers } }, (message) => {
      const parts: Buffer[] = [];
      message.on("data", (part: Buffer) => parts.push(part));
      message.once("error", reject);
      message.once("end", () =>
        resolve({ status: message.statusCode ?? 0, headers: message.headers, body: Buffer.concat(parts) }),
      );
    });
    request.once("error", reject);
    request.end(body);
  });
}

/** Sends a captured request again, changed or not. */
export function resend(url: string, captured: Recorded, body?: Uint8Array): Promise<RawAnswer> {
  const type = captured.request.headers["content-type"];
  return rawRequest(url, {
    headers: { ...(type && { "content-type": type }) },
    body: body ?? captured.request.body,
  });
}

/** Bytes over a bare socket; gives what came back until the server closed or `ms` passed. */
export function rawSocket(
  url: string,
  bytes: string | Uint8Array,
  ms = 1000,
): Promise<{ text: string; closed: boolean }> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(bytes));
    let text = "";
    const done = (closed: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, closed });
    };
    const timer = setTimeout(() => done(false), ms);
    socket.on("data", (part) => (text += part.toString("latin1")));
    socket.once("error", () => done(true));
    socket.once("close", () => done(true));
  });
}

/** A sealed, valid, never delivered `tools/call` of `mark`: the client was told 500, the attacker has the bytes. */
export async function captureUndelivered(
  proxy: AttackProxy,
  fetch: TrustedFetch,
  nonce: string,
): Promise<Recorded> {
  await fetch.session();
  let captured: Recorded | undefined;
  proxy.attackNext(async (passage) => {
    captured = passage.recorded;
    await passage.reply({ status: 500 });
  });
  await codeOf(callTool(fetch, proxy.url, "mark", { nonce }));
  if (captured === undefined) throw new Error("nothing was captured");
  return captured;
}

/** Runs `attack` on records and lets handshakes pass. */
export function onRecords(attack: (passage: Passage) => Promise<void>): (passage: Passage) => Promise<void> {
  return async (passage) => {
    if (flightType(passage.request.body) === 0) await attack(passage);
    else await passage.pass();
  };
}

/** Runs `act` on 0 … count-1, a few at a time. */
export async function sweep(count: number, act: (index: number) => Promise<void>, width = 8): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      await act(index);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
}
