import { bodyOf, isHandshake, type Meddle, send, type WireRequest } from "./proxy.ts";

/** What the one in between can do. A test replaces them by honest ones: then the claims must fail. */
export interface Attacks {
  /** Flips one bit of the next sealed request. */
  changeRequest(): Meddle;
  /** Flips one bit of the answer to the next sealed request. */
  changeAnswer(): Meddle;
  /** Delivers the next sealed request twice and hands on the second answer. */
  repeat(): Meddle;
  /** Sends everything to another server than the one that was meant. */
  divert(to: URL): Meddle;
  /** Whose key a stranger uses who wants to be let in. */
  readonly stranger: "mallory" | "alice";
  /** What becomes of a plaintext request: here it reaches the server that was meant. */
  plaintext(elsewhere: URL): Meddle;
  /** Sends recorded requests again, as they were; returns the status of each answer. */
  sendAgain(requests: readonly WireRequest[], to: URL): Promise<readonly number[]>;
}

export const ATTACKS: Attacks = {
  changeRequest: () =>
    once((request, forward) => forward({ ...request, body: withFlippedBit(request.body) })),
  changeAnswer: () =>
    once(async (request, forward) => {
      const answer = await forward(request);
      return { ...answer, body: whole(withFlippedBit(await bodyOf(answer.body))) };
    }),
  repeat: () =>
    once(async (request, forward) => {
      await bodyOf((await forward(request)).body);
      return await forward(request);
    }),
  divert: (to) => (request, forward) => forward(request, to),
  stranger: "mallory",
  plaintext: () => (request, forward) => forward(request),
  sendAgain: (requests, to) => Promise.all(requests.map((request) => statusOf(request, to))),
};

/** For one sealed request; what comes before and after it passes untouched. */
function once(meddle: Meddle): Meddle {
  let done = false;
  return (request, forward) => {
    if (done || isHandshake(request)) return forward(request);
    done = true;
    return meddle(request, forward);
  };
}

/** In the middle, where the sealed text is. */
function withFlippedBit(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  const at = changed.length >> 1;
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}

/** The server may keep an answer open for as long as it likes; two seconds are enough to see its status. */
async function statusOf(request: WireRequest, to: URL): Promise<number> {
  const signal = AbortSignal.timeout(2000);
  const answer = await send(request, to, signal);
  await bodyOf(answer.body).catch(() => undefined);
  return answer.status;
}

async function* whole(body: Buffer): AsyncGenerator<Buffer, void, undefined> {
  yield await Promise.resolve(body);
}
