import { Mutator } from "./mutate.mjs";

/** How many inputs of a new sort are kept beside the seeds. */
const MAX_KEPT = 256;
const MAX_KEPT_BYTES = 8192;
/** Later inputs are not kept: what grows after that is the parser's. */
const LEARNING = 100_000;
const LARGE = 1 << 17;

/**
 * The inputs of one target, one after the other. The n-th depends only on the seed, the target and what the
 * parser did with those before it, never on time: the same run gives the same inputs.
 */
export class Inputs {
  #target;
  #random;
  #mutator;
  #seeds;
  #kept = [];
  #learnUntil;
  #sorts = new Set();

  constructor(target, random, inputs = Infinity) {
    this.#learnUntil = Math.min(LEARNING, inputs / 4);
    this.#target = target;
    this.#random = random;
    this.#mutator = new Mutator(random, { tokens: target.tokens, maxBytes: target.maxBytes });
    random.seed("seeds", target.name);
    this.#seeds = target.seeds(random);
  }

  next(seed, index) {
    const random = this.#random.seed(seed, this.#target.name, index);
    // Untouched seeds first: a harness whose seeds are refused would test little.
    if (index < this.#seeds.length) return this.#seeds[index];
    const base = this.#base();
    if (random.chance(64)) return base;
    if (random.chance(this.#target.inflateOneIn ?? 2000))
      return this.#mutator.inflate(base, Math.min(LARGE, this.#target.maxInflated ?? LARGE));
    return this.#mutator.mutate(base, this.#base());
  }

  /** An input of a new sort is a better start than another copy of a seed. */
  learn(sort, input, index) {
    if (index > this.#learnUntil) return;
    if (this.#sorts.has(sort) || this.#kept.length >= MAX_KEPT || input.length > MAX_KEPT_BYTES) return;
    this.#sorts.add(sort);
    this.#kept.push(input);
  }

  #base() {
    const random = this.#random;
    const dice = random.below(10);
    if (dice < 3 && this.#kept.length > 0) return random.pick(this.#kept);
    if (dice < 6 && this.#target.make !== undefined) return this.#target.make(random);
    return random.pick(this.#seeds);
  }
}
