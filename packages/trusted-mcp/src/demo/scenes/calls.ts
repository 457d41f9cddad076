import { join } from "node:path";
import { honest } from "../proxy.ts";
import { textIn } from "../snapshot.ts";
import { type Scene, secret } from "./scene.ts";

export const DIARY = "diary-of-alice.txt";

/** Ordinary work: the host lists tools and calls some of them. */
export const calls: Scene = async (play) => {
  const { stage, show } = play;
  const { host, shared, proxy } = stage;
  show.scene(
    "Ordinary work",
    "Host and server speak plain MCP, each with its own end of the channel, and notice nothing of it. On its way " +
      "in between everything passes a proxy that records every byte.",
  );
  const { tools } = await host.client.listTools();
  const names = tools.map(({ name }) => name);
  show.check(
    "tools-listed",
    ["write_file", "read_text_file", "list_directory", "edit_file"].every((name) => names.includes(name)),
    `The host sees the server's ${names.length} tools: ${names.slice(0, 4).join(", ")}, …`,
    { names },
  );
  const path = join(shared, DIARY);
  const content = secret(play, "The code of the safe is");
  const from = host.said.length;
  const { result: written, passed } = await proxy.during(honest, () =>
    host.call("write_file", { path, content }),
  );
  const exchange = passed.findLast(({ request }) => request.method === "POST");
  play.recorded = { message: host.said[from] ?? "", exchange };
  const onDisk = await textIn(shared, DIARY);
  const same = written.ok && onDisk === content;
  show.check("file-written", same, `write_file wrote ${DIARY}; it is on the disk.`, { written, onDisk });
  const read = await host.call("read_text_file", { path });
  show.check("file-read", read.ok && read.text === content, "read_text_file gave the same text back.", {
    read,
  });
  const listed = await host.call("list_directory", { path: shared });
  const shown = listed.ok && listed.text.includes(DIARY);
  show.check("directory-listed", shown, `list_directory shows ${DIARY}.`, { listed });
};
