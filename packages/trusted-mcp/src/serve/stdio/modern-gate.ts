import type { Log } from "../../log.ts";
import { METHOD_NOT_FOUND, refuse } from "../answer.ts";
import type { PeerIdentity } from "../handler.ts";
import type { ServeLimits } from "../limits.ts";
import { ModernConnection, type PostOptions } from "./modern-connection.ts";
import { checkRules } from "./modern-rules.ts";
import { modernStatus } from "./modern-status.ts";
import type { ChildPool } from "./pool.ts";

/** How long the answer "I do not know server/discover" is remembered for a peer. */
const VERDICT_MS = 60_000;
const UNSUPPORTED_VERSION = -32022;
const INTERNAL = -32603;

interface Verdict {
  readonly code: number;
  readonly message: string;
  readonly data: unknown;
  readonly until: number;
}

export interface ModernGateOptions {
  readonly pool: ChildPool;
  readonly peer: PeerIdentity;
  readonly limits: ServeLimits;
  readonly log: Log;
}

/** One peer's way to the shared 2026-07-28 child: started when needed, started again when it has ended. */
export class ModernGate {
  readonly #options: ModernGateOptions;
  #connection: ModernConnection | undefined;
  #starting: Promise<ModernConnection | Response> | undefined;
  #verdict: Verdict | undefined;

  constructor(options: ModernGateOptions) {
    this.#options = options;
  }

  /** Nothing is running and nothing is remembered. */
  get idle(): boolean {
    const running =
      this.#starting !== undefined || (this.#connection !== undefined && !this.#connection.over);
    return !running && (this.#verdict === undefined || this.#verdict.until < performance.now());
  }

  async post(options: Omit<PostOptions, "onAnswer">): Promise<Response> {
    const { message } = options;
    if (message.method !== "server/discover") {
      const connection = await this.#connect();
      if (connection instanceof Response) return connection;
      return (await checkRules(connection, message, options.request.headers)) ?? connection.post(options);
    }
    const verdict = this.#verdict;
    if (verdict !== undefined && verdict.until > performance.now()) {
      return refuse(modernStatus(verdict.code), verdict.code, verdict.message, {
        id: message.id,
        data: verdict.data,
      });
    }
    const connection = await this.#connect();
    if (connection instanceof Response) return connection;
    return (
      (await checkRules(connection, message, options.request.headers)) ?? this.#discover(connection, options)
    );
  }

  async notify(text: string): Promise<void> {
    const connection = this.#connection;
    if (connection !== undefined && !connection.over) await connection.notify(text);
  }

  /**
   * Of 17 servers tried 16 know only earlier revisions. Each says so in its own way: with an error, which is
   * passed on; by ending; or by silence. SDK clients take any of these answers as the sign to fall back.
   */
  async #discover(connection: ModernConnection, options: PostOptions): Promise<Response> {
    const { limits } = this.#options;
    const silent = setTimeout(() => {
      this.#conclude(connection, METHOD_NOT_FOUND, NO_ANSWER, undefined);
      connection.settle(options.message, METHOD_NOT_FOUND, NO_ANSWER);
    }, limits.discoverTimeoutMs).unref();
    const onAnswer = (error: Readonly<Record<string, unknown>> | undefined): void => {
      clearTimeout(silent);
      if (error === undefined) return;
      const { code, message, data } = error;
      this.#conclude(connection, Number(code), typeof message === "string" ? message : "", data);
    };
    try {
      return await connection.post({ ...options, onAnswer });
    } finally {
      clearTimeout(silent);
    }
  }

  /** The server does not speak this era: remember it, and give the place of its child back. */
  #conclude(connection: ModernConnection, code: number, message: string, data: unknown): void {
    if (code === UNSUPPORTED_VERSION || !connection.probing) return;
    if (code !== INTERNAL) this.#verdict = { code, message, data, until: performance.now() + VERDICT_MS };
    this.#options.log.debug(
      "the server does not know server/discover; clients fall back to earlier revisions",
      { code },
    );
    setImmediate(() => {
      if (!connection.busy) void connection.stop("it speaks only earlier protocol revisions");
    });
  }

  async #connect(): Promise<ModernConnection | Response> {
    if (this.#connection !== undefined && !this.#connection.over) return this.#connection;
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined;
    });
    const started = await this.#starting;
    return started instanceof Response ? started.clone() : started;
  }

  async #start(): Promise<ModernConnection | Response> {
    const { pool, peer, limits, log } = this.#options;
    const connection = new ModernConnection({ limits, log });
    const child = await pool.start(peer, connection);
    if (child instanceof Response) return child;
    connection.start(child);
    this.#connection = connection;
    return connection;
  }
}

const NO_ANSWER =
  "The MCP server did not answer server/discover: it seems to speak only earlier protocol revisions";
