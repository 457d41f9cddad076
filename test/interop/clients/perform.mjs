import { setTimeout as sleep } from "node:timers/promises";

// What both lines of the SDK have in common: the walk through the steps, and a user who answers.

/**
 * @typedef {import("../servers/steps.mjs").Request} Request
 * @typedef {{ ok: true, value: unknown } | { ok: false, code: unknown, message: string }} Outcome as the program
 *   that uses the client sees it
 * @typedef {{ onprogress?: (progress: unknown) => void, signal?: AbortSignal }} Options
 * @typedef {(method: string, params: Record<string, unknown> | undefined, options: Options) => Promise<any>} Ask
 */

export const CLIENT_INFO = { name: "interop", version: "1.0.0" };

export const CAPABILITIES = {
  roots: { listChanged: true },
  sampling: {},
  elicitation: { form: {}, url: {} },
};

/** The user's answers to the server's questions, by method; `asked` learns of each. @param {string} root @param {Asked} asked */
export function answers(root, asked) {
  return {
    "roots/list": () => {
      asked.note("roots/list");
      return { roots: [{ uri: root, name: "interop" }] };
    },
    "sampling/createMessage": (/** @type {any} */ params) => ({
      model: "interop-model",
      role: "assistant",
      stopReason: "endTurn",
      content: { type: "text", text: `You said: ${JSON.stringify(params?.messages)}` },
    }),
    "elicitation/create": (/** @type {any} */ params) => {
      if (params?.mode === "url") return { action: "accept" };
      const content = params?.requestedSchema?.properties?.interpretation
        ? { interpretation: "snake" }
        : { name: "Ada Lovelace", check: true, email: "ada@example.com", integer: 7, number: 2.5 };
      return { action: "accept", content };
    },
  };
}

/** What the server has asked so far. */
export class Asked {
  /** @type {Set<string>} */
  #methods = new Set();

  /** @param {string} method */
  note(method) {
    this.#methods.add(method);
  }

  /** @param {string} method */
  async until(method) {
    const end = Date.now() + 5000;
    while (!this.#methods.has(method) && Date.now() < end) await sleep(10);
    // The answer goes out after the handler returns, and on HTTP on a connection of its own.
    await sleep(50);
  }
}

/**
 * @param {readonly import("../servers/steps.mjs").Step[]} steps
 * @param {Ask} ask
 * @param {Asked} asked
 * @returns {Promise<Outcome[]>}
 */
export async function performAll(steps, ask, asked) {
  /** @type {Outcome[]} */
  const outcomes = [];
  /** @type {Map<string, any>} */
  const done = new Map();
  for (const step of steps) {
    if ("untilAsked" in step) await asked.until(step.untilAsked);
    else if ("together" in step) {
      outcomes.push(...(await Promise.all(step.together.map((request) => perform(request, ask, done)))));
    } else outcomes.push(await perform(step, ask, done));
  }
  return outcomes;
}

/** @param {Request} request @param {Ask} ask @param {Map<string, any>} done @returns {Promise<Outcome>} */
async function perform(request, ask, done) {
  const { method, as } = request;
  const params = typeof request.params === "function" ? request.params(done) : request.params;
  const stop = new AbortController();
  /** @type {Options} */
  const options = {};
  if (request.progress) options.onprogress = () => request.cancel && stop.abort(new Error("changed my mind"));
  if (request.cancel) options.signal = stop.signal;
  try {
    const value = await ask(method, params, options);
    if (as !== undefined) done.set(as, value);
    return { ok: true, value };
  } catch (error) {
    const { code, message } = /** @type {{ code?: unknown, message: string }} */ (error);
    return { ok: false, code, message };
  }
}

/** The steps that this kind of client has what it takes for. @param {readonly import("../servers/steps.mjs").Step[]} steps @param {string} kind */
export function stepsFor(steps, kind) {
  return steps.filter((step) => !("method" in step) || step.only === undefined || step.only === kind);
}
