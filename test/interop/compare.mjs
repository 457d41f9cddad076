// Equality up to what a server itself says differently each time. That is learnt from runs without us, never
// listed by hand. No I/O.

/**
 * A mask says, for each place in a JSON value, what direct runs do not agree on: some words of a string, the whole
 * `value` (its type stays compared), or whether it is there at all.
 * @typedef {Map<string, Set<number> | "value" | "presence">} Mask
 */

const WORD = /[\p{L}\p{N}]+/gu;

/** @param {readonly unknown[]} values one per direct run @returns {Mask} */
export function learn(values) {
  /** @type {Mask} */
  const mask = new Map();
  const [first, ...others] = values;
  for (const other of others) note(first, other, "", mask);
  return mask;
}

/** @param {unknown} a @param {unknown} b @param {string} path @param {Mask} mask */
function note(a, b, path, mask) {
  if (Object.is(a, b) || typeof mask.get(path) === "string") return;
  if (a === undefined || b === undefined) return void mask.set(path, "presence");
  if (typeof a === "string" && typeof b === "string") return noteText(a, b, path, mask);
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) {
    return a.forEach((element, index) => note(element, b[index], `${path}/${index}`, mask));
  }
  if (isObject(a) && isObject(b)) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      note(a[key], b[key], step(path, key), mask);
    }
    return;
  }
  mask.set(path, "value");
}

/** @param {string} a @param {string} b @param {string} path @param {Mask} mask */
function noteText(a, b, path, mask) {
  const words = a.match(WORD) ?? [];
  const others = b.match(WORD) ?? [];
  // A notification that differs is another one, and a third may have nothing in common with both.
  const whole = path.startsWith("/wire/heard/") || a.replace(WORD, "x") !== b.replace(WORD, "x");
  if (whole) return void mask.set(path, "value");
  const known = mask.get(path);
  const differing = known instanceof Set ? known : new Set();
  words.forEach((word, index) => {
    if (word !== others[index]) differing.add(index);
  });
  mask.set(path, differing);
}

/**
 * Canonical JSON (RFC 8785 but for number formatting, which one program does alike on both sides) of a value with
 * the masked places blanked out.
 * @param {unknown} value @param {Mask} [mask] @param {string} [path]
 * @returns {string}
 */
export function canonical(value, mask = new Map(), path = "") {
  const blank = mask.get(path);
  if (blank === "value") return `<${Array.isArray(value) ? "array" : typeof value}>`;
  if (Array.isArray(value)) {
    return `[${value.map((element, index) => canonical(element, mask, `${path}/${index}`)).join(",")}]`;
  }
  if (isObject(value)) {
    const members = Object.keys(value)
      .filter((key) => value[key] !== undefined && mask.get(step(path, key)) !== "presence")
      .sort()
      .map((key) => `${JSON.stringify(key)}:${canonical(value[key], mask, step(path, key))}`);
    return `{${members.join(",")}}`;
  }
  if (typeof value === "string" && blank instanceof Set) {
    let index = 0;
    return JSON.stringify(value.replace(WORD, (word) => (blank.has(index++) ? "?" : word)));
  }
  return JSON.stringify(value) ?? "null";
}

/**
 * Each place where two values differ under a mask, as deep as both have the same shape.
 * @param {unknown} a @param {unknown} b @param {Mask} mask @param {string} [path]
 * @returns {{ path: string, direct: string, channel: string }[]}
 */
export function differences(a, b, mask, path = "") {
  const known = mask.get(path);
  if (known === "presence") return [];
  if (known === undefined && Array.isArray(a) && Array.isArray(b) && a.length === b.length) {
    return a.flatMap((element, index) => differences(element, b[index], mask, `${path}/${index}`));
  }
  if (known === undefined && isObject(a) && isObject(b)) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].flatMap((key) => differences(a[key], b[key], mask, step(path, key)));
  }
  const direct = canonical(a, mask, path);
  const channel = canonical(b, mask, path);
  return direct === channel ? [] : [{ path, direct, channel }];
}

/** RFC 6901 §3. @param {string} path @param {string} key */
export function step(path, key) {
  return `${path}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
