import { describe, expect, it } from "vitest";
import { audiences, localUrl } from "./audience.ts";
import { channelLog } from "./channel-log.ts";
import { hostCheck } from "./host-check.ts";
import { expanded, namedHeaders, namedVariables } from "./settings.ts";
import { childEnvironment } from "./stdio/environment.ts";
import { memoryLog } from "../../test/serve/front.ts";

const usage = expect.objectContaining({ code: "ERR_USAGE", action: "fix" });

describe("--env", () => {
  it("hands a variable on, or sets one; a value may hold anything", () => {
    expect(namedVariables(["A", "B=x=y\nz", "C="], { A: "1", D: "2" })).toEqual({
      A: "1",
      B: "x=y\nz",
      C: "",
    });
  });
  it.each(["", "1A", "A B", "=x", "A-B=1", "MISSING"])("refuses %j", (spec) => {
    expect(() => namedVariables([spec], { A: "1" })).toThrow(usage);
  });
});

describe("what a server inherits", () => {
  it("is a short list, without shell functions", () => {
    const from = {
      PATH: "/bin",
      HOME: "/h",
      SHELL: "() { evil; }",
      AWS_SECRET_ACCESS_KEY: "s",
      LD_PRELOAD: "x",
      NODE_OPTIONS: "-r x",
      TRUSTED_MCP_KEY: "k",
    };
    expect(childEnvironment({ X: "1" }, from, "linux")).toEqual({ PATH: "/bin", HOME: "/h", X: "1" });
    expect(childEnvironment({}, { SYSTEMROOT: "C:", HOME: "h" }, "win32")).toEqual({ SYSTEMROOT: "C:" });
  });
});

describe("--upstream-header", () => {
  it("takes secrets from the environment, once and as they are", () => {
    const env = { TOKEN: "t${OTHER}", OTHER: "no" };
    expect(namedHeaders(["Authorization: Bearer ${TOKEN}", "X-A:b"], env)).toEqual({
      authorization: "Bearer t${OTHER}",
      "x-a": "b",
    });
  });
  it.each(["x", ": v", "a b: v", "a: ${MISSING}", "a: x\r\nb: y", "a: ü\u{1f600}"])("refuses %j", (spec) => {
    expect(() => namedHeaders([spec], {})).toThrow(usage);
  });
});

describe("--store and --sentinel", () => {
  it("take a password from the environment; one that is not there is a usage error", () => {
    expect(expanded("redis://:${PASSWORD}@mymaster", { PASSWORD: "${x}$&" }, "--store")).toBe(
      "redis://:${x}$&@mymaster",
    );
    expect(() => expanded("redis://:${PASSWORD}@mymaster", {}, "--store")).toThrow(usage);
  });
});

describe("the audience", () => {
  it("is what clients write: every spelling of this machine, one address, or what was configured", () => {
    expect(audiences([], "127.0.0.1", 80)).toEqual([
      "http://127.0.0.1:80/mcp",
      "http://[::1]:80/mcp",
      "http://localhost:80/mcp",
    ]);
    expect(audiences([], "192.0.2.1", 80)).toEqual(["http://192.0.2.1:80/mcp"]);
    expect(audiences(["https://tools.example/mcp"], "0.0.0.0", 80)).toEqual(["https://tools.example/mcp"]);
    expect(localUrl("::1", 1)).toBe("http://[::1]:1/mcp");
  });
  it.each(["", "0.0.0.0", "::"])("is not guessed when listening on %j", (host) => {
    expect(() => audiences([], host, 80)).toThrow(usage);
  });
  it.each(["tools.example", "ftp://a/", "https://user@a/", "https://a/#x"])("cannot be %s", (given) => {
    expect(() => audiences([given], "127.0.0.1", 80)).toThrow(usage);
  });
});

describe("the Host and Origin check of a loopback address (MCP §transports, security warning)", () => {
  const check = hostCheck(["https://tools.example:8443/mcp"]);
  it.each(["localhost", "127.0.0.1:80", "[::1]:80", "LOCALHOST", "tools.example", "tools.example:1"])(
    "lets %s pass",
    (host) => {
      expect(check({ host })).toBeUndefined();
      expect(check({ host: "localhost", origin: `http://${host}` })).toBeUndefined();
    },
  );
  it.each(["", "evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "a b", "tools.example.evil"])(
    "refuses %j",
    (host) => {
      expect(check({ host })).toBeDefined();
      expect(check({ host: "localhost", origin: `http://${host}` })).toBeDefined();
    },
  );
  it("lets pages of a named origin pass, and of no other [REQ-ORIGINS]", () => {
    const named = hostCheck([], ["https://app.example"]);
    expect(named({ host: "localhost", origin: "https://app.example" })).toBeUndefined();
    expect(named({ host: "app.example", origin: "https://app.example" })).toBeDefined();
    for (const origin of ["http://app.example", "https://app.example:1", "https://app.example.evil", "null"])
      expect(named({ host: "localhost", origin })).toBeDefined();
  });
  it("refuses requests without a Host and from a page without an origin", () => {
    expect(check({})).toBeDefined();
    expect(check({ host: "localhost", origin: "null" })).toBeDefined();
  });
});

describe("the log of refusals", () => {
  it("is bounded: strangers cannot fill a disk", () => {
    const log = memoryLog();
    let now = 0;
    const { onHandshake, onerror } = channelLog(log, () => now);
    for (let n = 0; n < 500; n++)
      onHandshake({ outcome: "refused", code: "ERR_X", reason: "r", source: "s" });
    expect(log.entries).toHaveLength(20);
    now = 60_000;
    onerror(new Error("holds a secret"));
    expect(log.entries.at(-2)).toMatchObject({ fields: { refusals: 480 } });
    expect(JSON.stringify(log.entries)).not.toContain("secret");
  });
});

describe("found by fuzzing", () => {
  it("a name that objects keep for themselves is refused instead of dropped", () => {
    expect(() => namedVariables(["__proto__=1"], {})).toThrow(usage);
    for (const name of ["__proto__", "__PROTO__"])
      expect(() => namedHeaders([`${name}: 1`], {})).toThrow(usage);
    expect(namedVariables(["__proto__x=1"], {})).toEqual({ __proto__x: "1" });
  });

  it.each([
    " https://a/mcp",
    "https://a/mcp\n",
    "ht\ntps://a/mcp",
    "https:a/mcp",
    "https://a/ b",
    "https://:p@a/",
  ])("an audience that is not what it looks like is refused: %j", (text) => {
    expect(() => audiences([text], "127.0.0.1", 1)).toThrow(usage);
  });

  it.each(["user@localhost", "localhost/x", "localhost?x", "localhost\\x", "localhost#x"])(
    "a Host that is no host is refused: %s",
    (host) => {
      expect(hostCheck([])({ host })).toBeDefined();
    },
  );
});
