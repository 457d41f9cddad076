/**
 * What carries the lines: a transport of either MCP SDK, v1 or v2. Written down by shape, so that neither has to be
 * installed for the other to work.
 */
export interface Carrier {
  start(): Promise<void>;
  send(message: never): Promise<void>;
  close(): Promise<void>;
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: ((message: never, extra?: never) => void) | undefined;
  sessionId?: string | undefined;
  setProtocolVersion?: ((version: string) => void) | undefined;
}
