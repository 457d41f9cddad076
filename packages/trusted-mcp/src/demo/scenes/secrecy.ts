import { grouped } from "../print.ts";
import { occurrences } from "../search.ts";
import { DIARY } from "./calls.ts";
import type { Play, Scene } from "./scene.ts";

/** Compares what was said with what an eavesdropper has of it. */
export const secrecy: Scene = (play) => {
  const { host, proxy } = play.stage;
  const { show, recorded } = play;
  const body = recorded?.exchange?.request.body ?? Buffer.alloc(0);
  show.scene(
    "What an eavesdropper saw of it",
    "One of these messages, as it was said and as it was on the way:",
  );
  show.fact("said", recorded?.message ?? "");
  show.fact("on the way", `${body.length} bytes, which begin like this:`);
  show.bytes("", body);

  const terms = telling(play);
  const recording = proxy.recording();
  const found = Object.fromEntries(terms.map((term) => [term, occurrences(term, recording)]));
  show.check(
    "nothing-readable",
    body.length > 0 && Object.values(found).every((times) => times === 0),
    `The eavesdropper has ${proxy.exchanges.length} requests and their answers, ${grouped(recording.length)} bytes in ` +
      "all. The secret, the file's name, the tools' names, the server's name: found 0 times, also when looked for as " +
      "base64, hexadecimal or UTF-16.",
    { exchanges: proxy.exchanges.length, bytes: recording.length, found },
  );

  const said = Buffer.from(host.said.join("\n"));
  const disguises = [said, Buffer.from(said.toString("base64url")), Buffer.from(said.toString("hex"))];
  const control = Object.fromEntries(
    terms.map((term) => [term, disguises.map((bytes) => occurrences(term, bytes))]),
  );
  show.check(
    "search-works",
    Object.values(control).every((times) => times.every((each) => each > 0)),
    "A search that never finds anything would show nothing: in what the host itself said and heard, the same search " +
      "finds every one of them.",
    { control },
  );
  return Promise.resolve();
};

/** What would tell an eavesdropper something. */
function telling({ stage, secrets }: Play): string[] {
  const { host, shared } = stage;
  const codes = secrets.map((text) => text.slice(text.lastIndexOf(" ") + 1));
  const server = host.client.getServerVersion()?.name ?? "";
  const names = ["tools/list", "tools/call", "write_file", "read_text_file", "Successfully wrote"];
  return [...secrets, ...codes, DIARY, shared, server, ...names];
}
