import { usageError } from "../error.ts";
import { parseUrl } from "../url.ts";

export const ENDPOINT_PATH = "/mcp";
const LOOPBACK: ReadonlySet<string> = new Set(["127.0.0.1", "::1", "localhost"]);
const EVERY_ADDRESS: ReadonlySet<string> = new Set(["0.0.0.0", "::", ""]);

export function isLoopback(host: string): boolean {
  return LOOPBACK.has(host);
}

/** How clients write the address that this program listens on. */
export function localUrl(host: string, port: number): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}${ENDPOINT_PATH}`;
}

/**
 * The names under which clients may mean this server. A client proves which one it meant, so that what was
 * sealed for another server cannot be handed to this one: never guessed from a Host header, always configured.
 */
export function audiences(given: readonly string[], host: string, port: number): readonly string[] {
  if (given.length > 0) return given.map(checked);
  if (EVERY_ADDRESS.has(host)) {
    throw usageError(
      `with --host ${host === "" ? '""' : host} clients reach this server under names it cannot know: give --audience with the URL they use, such as https://tools.example/mcp`,
    );
  }
  return isLoopback(host) ? [...LOOPBACK].map((name) => localUrl(name, port)) : [localUrl(host, port)];
}

function checked(text: string): string {
  // Compared as text with what clients send, so it must be what it looks like: URL parsers drop white space.
  const url = /^https?:\/\/[!-~]+$/i.test(text) ? parseUrl(text) : undefined;
  if (url !== undefined && url.username === "" && url.password === "" && url.hash === "") return text;
  throw usageError(
    `--audience is the URL that clients use, such as https://tools.example/mcp; "${text}" is none`,
  );
}
