import { join } from "node:path";
import { grouped } from "../print.ts";
import { occurrences } from "../search.ts";
import { DIARY } from "./calls.ts";
import type { Scene } from "./scene.ts";

/** What is left after the attacks: the work, and the secrets. */
export const after: Scene = async ({ stage, show, secrets }) => {
  const { host, proxy, shared } = stage;
  show.scene("After all that", "");
  const read = await host.call("read_text_file", { path: join(shared, DIARY) });
  const works = read.ok && read.text === secrets[0];
  show.check("still-working", works, "The first host goes on with its work: it can still read the diary.", {
    read,
  });
  const recording = proxy.recording();
  const found = secrets.map((text) => occurrences(text, recording));
  show.check(
    "still-secret",
    secrets.length === 3 && found.every((times) => times === 0),
    `In all the ${grouped(recording.length)} bytes that passed, none of the ${secrets.length} secrets can be found.`,
    { bytes: recording.length, found },
  );
};
