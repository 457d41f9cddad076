// As much of vitest as test/e2e/vectors.test.ts uses, for the page.
const tests = [];

const named = (template, row) =>
  template.replace(/\$([a-z]+)/gi, (_, field) => String(row?.[field])).replace("%s", String(row));

export function describe(_name, body) {
  body();
}

export function it(name, body) {
  tests.push({ name, body });
}

it.each = (rows) => (name, body) => {
  for (const row of rows) tests.push({ name: named(name, row), body: () => body(row) });
};

const same = (a, b) => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((key) => [key, sorted(value[key])]),
  );
}

export function expect(value) {
  const matchers = (wanted) => {
    const check = (ok, what) => {
      if (ok !== wanted) throw new Error(`${JSON.stringify(value)} ${wanted ? "" : "not "}${what}`);
    };
    return {
      toBe: (other) => check(Object.is(value, other), `is ${String(other)}`),
      toEqual: (other) => check(same(value, other), `equals ${JSON.stringify(other)}`),
      toContain: (part) => check(value.includes(part), `contains ${String(part)}`),
      toBeDefined: () => check(value !== undefined, "is defined"),
    };
  };
  return { ...matchers(true), not: matchers(false) };
}

/** The one thing of Node's that the checks use. */
globalThis.Buffer = {
  concat: (parts) => Uint8Array.from(parts.flatMap((part) => [...part])),
};

globalThis.runVectors = async () => {
  const failed = [];
  for (const { name, body } of tests) {
    try {
      await body();
    } catch (error) {
      failed.push(`${name}: ${error}`);
    }
  }
  return { ran: tests.length, failed };
};
