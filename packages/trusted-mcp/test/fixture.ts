export interface Fixture {
  readonly url: string;
  close(): Promise<void>;
}

/** The conformance suite's fixture: a plain MCP server of both eras. It is JavaScript without declarations. */
export async function startFixture(): Promise<Fixture> {
  const url = new URL("../../../test/conformance/fixture-server.mjs", import.meta.url).href;
  const module = (await import(/* @vite-ignore */ url)) as { startFixture(): Promise<Fixture> };
  return module.startFixture();
}
