import type { Attacks } from "./attacks.ts";
import type { Filesystem } from "./filesystem.ts";
import { after } from "./scenes/after.ts";
import { calls } from "./scenes/calls.ts";
import { changedByte } from "./scenes/changed-byte.ts";
import { identity } from "./scenes/identity.ts";
import { impostor } from "./scenes/impostor.ts";
import { plaintext } from "./scenes/plaintext.ts";
import { replay } from "./scenes/replay.ts";
import type { Play, Scene } from "./scenes/scene.ts";
import { secrecy } from "./scenes/secrecy.ts";
import type { Show } from "./show.ts";
import { onStage } from "./stage.ts";

const SCENES: readonly Scene[] = [identity, calls, secrecy, changedByte, replay, impostor, plaintext, after];

/** Plays every scene on one stage; what they showed is in the ledger of `show`. */
export async function play(
  show: Show,
  attacks: Attacks,
  filesystem: Filesystem,
  signal: AbortSignal,
): Promise<void> {
  await onStage(filesystem, signal, async (stage) => {
    const shared: Play = { stage, attacks, show, secrets: [], recorded: undefined };
    for (const scene of SCENES) await scene(shared);
  });
}
