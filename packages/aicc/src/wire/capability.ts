/** `trustProtocol` under `capabilities.experimental`: an announcement, never a reason to trust. */
const TRUST_PROTOCOL = { name: "AICC", version: "0.1" };

type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The client's `initialize` with the offer in its params. */
export function withOffer(initialize: Fields): Fields {
  return { ...initialize, params: withFlag(fieldsOf(initialize["params"])) };
}

export function hasOffer(initialize: Fields): boolean {
  return hasFlag(fieldsOf(initialize["params"]));
}

/** The server's answer with the acceptance where it belongs; an error answer stays as it is. */
export function withAcceptance(answer: Fields): Fields {
  return isFields(answer["result"]) ? { ...answer, result: withFlag(answer["result"]) } : answer;
}

/** The Python server writes it to `result.capabilities` in JSON, and one level too deep on event streams. */
export function hasAcceptance(answer: Fields): boolean {
  const result = fieldsOf(answer["result"]);
  return hasFlag(result) || hasFlag(fieldsOf(result["result"]));
}

function withFlag(holder: Fields): Fields {
  const capabilities = fieldsOf(holder["capabilities"]);
  const experimental = { ...fieldsOf(capabilities["experimental"]), trustProtocol: { ...TRUST_PROTOCOL } };
  return { ...holder, capabilities: { ...capabilities, experimental } };
}

function hasFlag(holder: Fields): boolean {
  const experimental = fieldsOf(fieldsOf(holder["capabilities"])["experimental"]);
  const flag = fieldsOf(experimental["trustProtocol"]);
  return flag["name"] === TRUST_PROTOCOL.name && flag["version"] === TRUST_PROTOCOL.version;
}

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}
