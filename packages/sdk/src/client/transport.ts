import type {
  JSONRPCMessage,
  MessageExtraInfo,
  RequestId,
  StreamableHTTPReconnectionOptions,
  Transport,
  TransportSendOptions,
} from "@modelcontextprotocol/client";
import type { HeaderFields } from "@trusted-mcp/channel";
import { utf8 } from "@trusted-mcp/primitives/bytes";
import { JSON_MEDIA_TYPE, mediaType, STREAM_MEDIA_TYPE } from "@trusted-mcp/http/media-type";
import { TrustedSdkError } from "../error.ts";
import { ChannelClient } from "./channel-client.ts";
import { infoOf, type ChannelInfo } from "./channel-info.ts";
import { cutMessage } from "./cut-message.ts";
import { EventReader, type StreamEvent } from "./event-reader.ts";
import { httpFailure, refusalOf, unexpectedContent, type Refusal } from "./http-failure.ts";
import { drop, fieldOf, isSuccess, textOf } from "./opened-answer.ts";
import type { TrustedClientOptions } from "./options.ts";
import { Reconnection } from "./reconnection.ts";
import { isRepeatableMessage } from "./repeatable.ts";
import { deleteFields, getFields, givenFields, postFields, type ConnectionFields } from "./request-fields.ts";
import { isAnswer, parseAnswer, parseMessage, requestId } from "./rpc-message.ts";
import type { OpenedAnswer } from "./sealed-answer.ts";

export interface TrustedTransportOptions extends Omit<TrustedClientOptions, "mode" | "fetch"> {
  /** Header fields of every MCP request, an access token for one. They travel sealed. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The MCP session to go on with, from another transport's `sessionId`. */
  readonly sessionId?: string;
  /** The MCP revision of that session. */
  readonly protocolVersion?: string;
  /** When broken streams are asked for again. Default: as the SDK's own transport. */
  readonly reconnectionOptions?: StreamableHTTPReconnectionOptions;
}

/**
 * The MCP SDK's `Transport`, straight over the channel: what `StreamableHTTPClientTransport` with `trustedFetch`
 * does, without the web's request, response and stream objects, which cost more than the channel.
 *
 * @example
 * ```ts
 * await client.connect(trustedTransport({ url, identity, server }));
 * ```
 * @throws TrustedSdkError ERR_CONFIGURATION for what only the `fetch` form can do.
 */
export function trustedTransport(options: TrustedTransportOptions): TrustedTransport {
  for (const name of ["authProvider", "fetch"]) if (name in options) throw onlyWithFetch(`\`${name}\``);
  if ("mode" in options && options.mode !== undefined && options.mode !== "require")
    throw onlyWithFetch("a mode other than `require`");
  return new TrustedTransport(options);
}

function onlyWithFetch(what: string): TrustedSdkError {
  const message = `trustedTransport does not take ${what}. Use new StreamableHTTPClientTransport(url, { fetch: trustedFetch(…) }), which does`;
  return new TrustedSdkError("ERR_CONFIGURATION", message, { action: "fix" });
}

/** A request that can be aborted, by its caller or by closing the transport. */
interface Running {
  readonly signal: AbortSignal;
  readonly end: () => void;
}

/** A stream of events: what its reader needs to know, also when it goes on in another request. */
interface Following {
  /** The call that waits for its answer on this stream. */
  readonly waiting: RequestId | null;
  /** The id under which the caller knows that call now, if it resumes one of an earlier connection. */
  readonly renamed: RequestId | undefined;
  readonly options: TransportSendOptions;
}

const NOTHING = new Uint8Array(0);

export class TrustedTransport implements Transport {
  /** Tells the SDK that aborting a request ends its stream, and that this is how a call is cancelled. */
  readonly hasPerRequestStream = true;
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: (<T extends JSONRPCMessage>(message: T, extra?: MessageExtraInfo) => void) | undefined;
  readonly #channel: ChannelClient;
  readonly #given: HeaderFields;
  readonly #maxEvent: number;
  readonly #reconnection: Reconnection;
  readonly #running = new Set<AbortController>();
  #sessionId: string | undefined;
  #protocolVersion: string | undefined;
  #state: "new" | "started" | "closed" = "new";

  constructor(options: TrustedTransportOptions) {
    this.#channel = new ChannelClient(options);
    this.#given = givenFields(options.headers);
    this.#maxEvent = options.maxResponseBytes ?? 64 * 1024 * 1024;
    this.#reconnection = new Reconnection(options.reconnectionOptions);
    this.#sessionId = options.sessionId;
    this.#protocolVersion = options.protocolVersion;
  }

  /** The MCP session's id, where the server keeps sessions. */
  get sessionId(): string | undefined {
    return this.#sessionId;
  }

  get protocolVersion(): string | undefined {
    return this.#protocolVersion;
  }

  setProtocolVersion(version: string): void {
    this.#protocolVersion = version;
  }

  /** Opens the channel if need be and says who answered. */
  async session(): Promise<ChannelInfo> {
    return infoOf(await this.#channel.session());
  }

  start(): Promise<void> {
    if (this.#state !== "new") {
      const message =
        "This transport was started before; Client.connect starts it, and each connection needs its own";
      return Promise.reject(new TrustedSdkError("ERR_CLOSED", message, { action: "fix" }));
    }
    this.#state = "started";
    return Promise.resolve();
  }

  /** Ends everything that is under way, and the channel. The MCP session stays; see `terminateSession`. */
  async close(): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#reconnection.cancel();
    for (const controller of this.#running) controller.abort();
    try {
      this.onclose?.();
    } finally {
      await this.#channel.close();
    }
  }

  /**
   * @throws TrustedMcpError of the channel; the SDK's `SdkHttpError` for an authentic answer that is no success.
   */
  async send(message: JSONRPCMessage, options: TransportSendOptions = {}): Promise<void> {
    try {
      if (options.resumptionToken) this.#resume(requestId(message), options);
      else await this.#post(message, options);
    } catch (error) {
      if (options.requestSignal?.aborted !== true) this.#report(error);
      throw error;
    }
  }

  /** Asks the server to end the MCP session. Servers may refuse that (405), which is no error. */
  async terminateSession(): Promise<void> {
    if (this.#sessionId === undefined) return;
    const running = this.#begin();
    try {
      const head = { method: "DELETE", headers: deleteFields(this.#connection) };
      const answer = await this.#channel.request(head, NOTHING, true, running.signal);
      if (!isSuccess(answer) && answer.head.status !== 405)
        throw await httpFailure("terminate", await refusalOf(answer));
      drop(answer);
      this.#sessionId = undefined;
    } catch (error) {
      this.#report(error);
      throw error;
    } finally {
      running.end();
    }
  }

  /** Opens the stream of events that follow `lastEventId`. */
  async resumeStream(
    lastEventId: string,
    options: { readonly onresumptiontoken?: (token: string) => void } = {},
  ): Promise<void> {
    try {
      await this.#open({ waiting: null, renamed: undefined, options }, lastEventId);
    } catch (error) {
      this.#report(error);
      throw error;
    }
  }

  get #connection(): ConnectionFields {
    return { given: this.#given, sessionId: this.#sessionId, protocolVersion: this.#protocolVersion };
  }

  async #post(message: JSONRPCMessage, options: TransportSendOptions): Promise<void> {
    const running = this.#begin(options.requestSignal);
    let streams = false;
    try {
      const head = { method: "POST", headers: postFields(message, this.#connection, options.headers) };
      const body = utf8(JSON.stringify(message));
      const answer = await this.#channel.request(head, body, isRepeatableMessage(message), running.signal);
      if (!isSuccess(answer)) {
        await this.#refused(message, await refusalOf(answer));
        return;
      }
      const method = "method" in message ? message.method : undefined;
      if (method === "initialize") this.#sessionId = fieldOf(answer, "mcp-session-id") ?? undefined;
      const waiting = requestId(message);
      if (answer.head.status === 202 || waiting === null) {
        drop(answer);
        if (method === "notifications/initialized" && answer.head.status === 202) this.#listen();
        return;
      }
      const type = fieldOf(answer, "content-type");
      switch (mediaType(type)) {
        case JSON_MEDIA_TYPE:
          // Whole, and bounded where it was opened.
          for (const each of parseAnswer(await textOf(answer, Infinity))) await this.#deliver(each);
          return;
        case STREAM_MEDIA_TYPE:
          streams = true;
          void this.#follow(answer, running, { waiting, renamed: undefined, options }, false);
          return;
        default:
          drop(answer);
          throw await unexpectedContent(type);
      }
    } finally {
      if (!streams) running.end();
    }
  }

  /** A modern server says what is wrong with a request in a JSON-RPC error beside status 400. */
  async #refused(message: JSONRPCMessage, refusal: Refusal): Promise<void> {
    if (refusal.status === 400 && isModern(message)) {
      const answer = errorIn(refusal.text);
      if (answer !== null && "id" in answer && answer.id === requestId(message)) {
        this.onmessage?.(answer);
        return;
      }
    }
    throw await httpFailure("post", refusal);
  }

  /** The stream for what the server says unasked; servers need not have one. */
  #listen(): void {
    this.#open({ waiting: null, renamed: undefined, options: {} }, undefined).catch((error: unknown) =>
      this.#report(error),
    );
  }

  #resume(id: RequestId | null, options: TransportSendOptions): void {
    const following = { waiting: id, renamed: id ?? undefined, options };
    this.#open(following, options.resumptionToken).catch((error: unknown) => {
      this.#report(error);
      this.#ended(following, error);
    });
  }

  async #open(following: Following, lastEventId: string | undefined): Promise<void> {
    const running = this.#begin(following.options.requestSignal);
    let streams = false;
    try {
      const head = { method: "GET", headers: getFields(this.#connection, lastEventId) };
      const answer = await this.#channel.request(head, NOTHING, true, running.signal);
      if (answer.head.status === 405) {
        drop(answer);
        following.options.onRequestStreamEnd?.();
        return;
      }
      if (!isSuccess(answer)) throw await httpFailure("stream", await refusalOf(answer));
      streams = true;
      void this.#follow(answer, running, following, true, lastEventId);
    } catch (error) {
      if (!running.signal.aborted) throw error;
    } finally {
      if (!streams) running.end();
    }
  }

  /** Reads a stream to its end; one that can be resumed, and has not brought its answer, is asked for again. */
  async #follow(
    answer: OpenedAnswer,
    running: Running,
    following: Following,
    reopens: boolean,
    from?: string,
  ): Promise<void> {
    const events = new EventReader(this.#maxEvent);
    const seen = { lastEventId: from, resumable: reopens, answered: false };
    let failure: unknown = null;
    const take = async (part: Uint8Array): Promise<void> => {
      for (const event of events.push(part)) await this.#event(event, following, seen);
      this.#reconnection.retryMs = events.retryMs ?? this.#reconnection.retryMs;
    };
    try {
      if (answer.body instanceof Uint8Array) await take(answer.body);
      else for await (const part of answer.body) await take(part);
    } catch (error) {
      failure = error;
      if (!running.signal.aborted) this.#report(error);
    }
    running.end();
    if (running.signal.aborted || this.#state === "closed") return;
    if (seen.resumable && !seen.answered) this.#reopen(following, seen.lastEventId, 0);
    else this.#ended(following, failure !== null && !seen.answered ? failure : null);
  }

  async #event(
    event: StreamEvent,
    { renamed, options }: Following,
    seen: { lastEventId: string | undefined; resumable: boolean; answered: boolean },
  ): Promise<void> {
    if (event.id) {
      seen.lastEventId = event.id;
      seen.resumable = true;
      options.onresumptiontoken?.(event.id);
    }
    if (event.data === "" || event.type !== "message") return;
    try {
      const message = parseMessage(event.data);
      seen.answered ||= isAnswer(message);
      const renames = renamed !== undefined && isAnswer(message);
      await this.#deliver(renames ? { ...message, id: renamed } : message);
    } catch (error) {
      this.#report(error);
    }
  }

  /**
   * The SDK runs what listens to a notification one microtask later, and forgets a call's listeners as soon as its
   * answer is there: the two, come in one part, must not meet in one.
   */
  #deliver(message: JSONRPCMessage): Promise<void> | undefined {
    this.onmessage?.(message);
    return isAnswer(message) ? undefined : Promise.resolve();
  }

  #reopen(following: Following, lastEventId: string | undefined, attempt: number): void {
    const { maxRetries } = this.#reconnection;
    if (attempt >= maxRetries) {
      const error = new Error(`Maximum reconnection attempts (${maxRetries}) exceeded.`);
      this.#report(error);
      this.#ended(following, error);
      return;
    }
    this.#reconnection.schedule(attempt, () => {
      if (following.options.requestSignal?.aborted === true) return;
      this.#open(following, lastEventId).catch((error: unknown) => {
        this.#report(error);
        this.#reopen(following, lastEventId, attempt + 1);
      });
    });
  }

  /** @param failure - why the answer will not come; null: the server ended the stream. */
  #ended({ waiting, options }: Following, failure: unknown): void {
    if (failure !== null && waiting !== null) this.onmessage?.(cutMessage(waiting, failure));
    options.onRequestStreamEnd?.();
  }

  #begin(caller?: AbortSignal): Running {
    const controller = new AbortController();
    const abort = (): void => controller.abort(caller?.reason);
    if (caller?.aborted === true || this.#state === "closed") abort();
    else caller?.addEventListener("abort", abort, { once: true });
    this.#running.add(controller);
    return {
      signal: controller.signal,
      end: () => {
        this.#running.delete(controller);
        caller?.removeEventListener("abort", abort);
      },
    };
  }

  #report(error: unknown): void {
    if (this.#state !== "closed") this.onerror?.(error instanceof Error ? error : new Error(String(error)));
  }
}

/** A request that names a modern revision in `_meta`. */
function isModern(message: JSONRPCMessage): boolean {
  if (!("method" in message)) return false;
  const version = message.params?._meta?.["io.modelcontextprotocol/protocolVersion"];
  return typeof version === "string" && version >= "2026-07-28";
}

function errorIn(text: string): JSONRPCMessage | null {
  try {
    const message = parseMessage(text);
    return "error" in message ? message : null;
  } catch {
    return null;
  }
}
