// Module hook for making vectors: randomness of the built implementation becomes reproducible, and the key
// schedule tells what it derived. Test only: it replaces modules while tools/vectors-make.mjs runs.
const SCHEDULE = "/packages/channel/dist/key-schedule.js";
let shims;

/** Addresses of the modules that stand in for others. */
export function initialize(data) {
  shims = data;
}

export async function resolve(specifier, context, next) {
  if (specifier === "@trusted-mcp/primitives/bytes") return { url: shims.bytes, shortCircuit: true };
  if (specifier === "@trusted-mcp/primitives/kem") return { url: shims.kem, shortCircuit: true };
  const resolved = await next(specifier, context);
  const recorded = resolved.url.endsWith(SCHEDULE) && context.parentURL !== shims.keySchedule;
  return recorded ? { url: shims.keySchedule, shortCircuit: true } : resolved;
}
