import { credentials } from "./credentials.mjs";
import { framing } from "./framing.mjs";
import { handshakes } from "./handshake.mjs";
import { vectorFile } from "./json.mjs";
import { keySchedule } from "./key-schedule.mjs";
import { ed25519, recordedKeys } from "./keys.mjs";
import { messages } from "./messages.mjs";
import { negatives } from "./negative.mjs";
import { pipes } from "./pipe.mjs";
import { records } from "./records.mjs";

/** Every vector file: name to text. */
export async function makeAll(fresh) {
  const recorded = recordedKeys(fresh);
  const keys = {
    alice: ed25519("alice"),
    mallory: ed25519("mallory"),
    tools: ed25519("tools"),
    delegate: ed25519("delegate"),
    recorded,
  };
  const whole = await handshakes(keys);
  const sessions = await records();
  const files = new Map([
    ["key-schedule.json", vectorFile("Single steps of the key schedule, padding and the replay window.", keySchedule())],
    ["handshake.json", vectorFile("Whole handshakes, with everything that both ends drew, sent and derived.", whole)],
    ["records.json", vectorFile("Sessions from an app_root: every record, its key inputs and its content.", sessions)],
    ["pipe.json", vectorFile("Sessions over a pipe from an app_root: every line, and lines that are refused.", pipes())],
    ["framing.json", vectorFile("JSON frames: what they mean, or that they are refused.", framing())],
    ["messages.json", vectorFile("Encodings of single structures, accepted or refused; nothing is authenticated.", messages())],
    ["credentials.json", vectorFile("Credentials against pinned keys.", await credentials(keys))],
    ["negative.json", vectorFile("What an end must refuse, and why.", await negatives(keys, whole, sessions))],
  ]);
  return { files, save: recorded.save };
}
