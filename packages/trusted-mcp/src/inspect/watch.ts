import type { TrustedFetch } from "@trusted-mcp/sdk/client";
import { isRecord } from "../bridge/json-rpc.ts";
import type { Observer } from "../client/link-to.ts";
import { type CapturedExchange, Wiretap } from "./wiretap.ts";

const ASKED = "tools/list";

/** One harmless exchange, `tools/list`, from both sides: what was said inside, and the bytes on the wire. */
export class Watch implements Observer {
  readonly inside = { request: "", response: "" };
  readonly #tap = new Wiretap();
  #wire: CapturedExchange | undefined;
  #id: unknown;

  get wire(): CapturedExchange {
    return this.#wire ?? this.#tap.stop();
  }

  readonly onWire: Wiretap["onWire"] = this.#tap.onWire;

  /** Over a pipe, whose messages come one by one. */
  readonly onMessage = (direction: "sent" | "received", json: string): void => {
    if (this.#wire !== undefined) return;
    const message: unknown = JSON.parse(json);
    if (!isRecord(message)) return;
    if (direction === "sent" && message["method"] === ASKED) {
      this.#id = message["id"];
      this.#asked(json);
    } else if (direction === "received" && this.#id !== undefined && message["id"] === this.#id) {
      this.#answered(json);
    }
  };

  /** Over HTTP, where one request has one answer. */
  readonly over = (channel: TrustedFetch): TrustedFetch =>
    Object.assign(
      async (target: string | URL | Request, init?: RequestInit): Promise<Response> => {
        if (typeof init?.body !== "string" || !init.body.includes(`"${ASKED}"`)) return channel(target, init);
        this.#asked(init.body);
        const response = await channel(target, init);
        // The whole body, so that the last byte has passed the tap.
        const text = await response.text();
        this.#answered(text);
        return new Response(text, { status: response.status, headers: response.headers });
      },
      { session: () => channel.session(), close: () => channel.close() },
    );

  #asked(text: string): void {
    this.inside.request ||= text;
    this.#tap.start();
  }

  #answered(text: string): void {
    this.#wire ??= this.#tap.stop();
    this.inside.response ||= text;
  }
}
