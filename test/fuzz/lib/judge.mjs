import { Finding } from "./finding.mjs";
import { weigh } from "./weigh.mjs";

/** No parser may take longer for one input, on a quiet machine. */
export const SLOW_MS = 50;

/** A result may weigh this many times its input, and a constant: objects have a price of their own. */
const FACTOR = 16;
const CONSTANT = 16_384;

/**
 * Runs a target on one input and holds it to its promises.
 *
 * @returns the code of the refusal, or undefined when the input was accepted; a Finding is thrown.
 */
export function judge(target, input, clock) {
  const copy = Uint8Array.from(input);
  const started = performance.now();
  let result;
  try {
    result = target.run(copy);
  } catch (error) {
    clock.ms = performance.now() - started;
    return refused(target, input, error);
  }
  if (!(result instanceof Promise)) {
    clock.ms = performance.now() - started;
    return accepted(target, input, result);
  }
  return result.then(
    (value) => {
      clock.ms = performance.now() - started;
      return accepted(target, input, value);
    },
    (error) => {
      clock.ms = performance.now() - started;
      return refused(target, input, error);
    },
  );
}

function refused(target, input, error) {
  if (error instanceof Finding) throw error;
  if (!target.errors.some((type) => error instanceof type) || !/^ERR_[A-Z0-9_]+$/.test(error.code)) {
    throw new Finding("uncoded", `threw ${error?.name ?? typeof error}: ${error?.message}`, error);
  }
  target.refused?.(input, error);
  return novelty(error);
}

/** Whether a refusal is of a new sort: its code, and what it and its cause say, numbers aside. */
function novelty(error) {
  const why = error.cause instanceof Error ? error.cause.message : "";
  const text = `${error.code} ${error.message} ${why}`;
  return { code: error.code, sort: text.slice(0, 400).replace(/"[^"]*"|[0-9]+/g, "#") };
}

function accepted(target, input, value) {
  const weight = weigh(value);
  if (weight > input.length * (target.factor ?? FACTOR) + CONSTANT)
    throw new Finding("memory", `returned ${weight} bytes for ${input.length}`);
  target.check?.(input, value);
  return { code: undefined, sort: `accepted ${target.sort?.(value) ?? ""}` };
}
