import type { AuthInfo } from "@trusted-mcp/http/web-handler";
import type { Definitions } from "./definitions.ts";
import type { LaneMessage } from "./lane-message.ts";
import { Lane } from "./lane.ts";

/** The lanes of one caller: at most one for each era, made anew when the definitions have changed. */
export class Lanes {
  readonly #definitions: Definitions;
  readonly #authInfo: AuthInfo | undefined;
  #version: number;
  #open = new Map<string, Promise<Lane>>();

  constructor(definitions: Definitions, authInfo: AuthInfo | undefined) {
    this.#definitions = definitions;
    this.#authInfo = authInfo;
    this.#version = definitions.version;
  }

  for({ classification }: LaneMessage): Promise<Lane> {
    if (this.#version !== this.#definitions.version) {
      this.#version = this.#definitions.version;
      this.#open = new Map();
    }
    const era = classification?.revision ?? "legacy";
    const open = this.#open.get(era) ?? this.#opened(classification);
    this.#open.set(era, open);
    return open;
  }

  async #opened(classification: LaneMessage["classification"]): Promise<Lane> {
    const lane = new Lane(this.#authInfo, classification);
    await lane.connect(this.#definitions.server(classification?.revision));
    return lane;
  }
}
