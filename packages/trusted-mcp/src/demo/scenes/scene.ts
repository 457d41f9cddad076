import { randomInt } from "node:crypto";
import type { Attacks } from "../attacks.ts";
import type { Exchange } from "../proxy.ts";
import type { Show } from "../show.ts";
import type { Stage } from "../stage.ts";

/** What the scenes share. */
export interface Play {
  readonly stage: Stage;
  readonly attacks: Attacks;
  readonly show: Show;
  /** Texts that were said inside the channel and must never be found outside. */
  readonly secrets: string[];
  /** The recorded exchange of one call, to show it. */
  recorded: { readonly message: string; readonly exchange: Exchange | undefined } | undefined;
}

export type Scene = (play: Play) => Promise<void>;

/** A new secret: no earlier message can hold it by chance. */
export function secret(play: Play, before: string): string {
  const digits = Array.from({ length: 3 }, () => randomInt(10_000).toString().padStart(4, "0"));
  const text = `${before} ${digits.join("-")}`;
  play.secrets.push(text);
  return text;
}

/** A key id as people compare it; the JSON output has it whole. */
export function short(keyId: string): string {
  return `${keyId.slice(0, 12)}…`;
}
