import { mkdir, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ask, AWKWARD, call } from "./steps.mjs";

const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

/** Puts the same files back, so that each run starts alike. @param {string} folder */
export async function resetFiles(folder) {
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, "sub"), { recursive: true });
  await writeFile(join(folder, "notes.txt"), "first\nsecond\nthird\n");
  await writeFile(join(folder, "awkward 🦆.txt"), AWKWARD);
  await writeFile(join(folder, "dot.png"), PNG);
  await writeFile(join(folder, "large.bin"), Buffer.alloc(300_000, "0123456789"));
  const then = new Date("2026-01-02T03:04:05Z");
  for (const name of ["notes.txt", "awkward 🦆.txt", "dot.png", "large.bin", "sub"]) {
    await utimes(join(folder, name), then, then);
  }
}

/** Every tool of @modelcontextprotocol/server-filesystem. @param {string} folder @returns {import("./steps.mjs").Step[]} */
export function filesystemSteps(folder) {
  const path = (/** @type {string} */ name) => ({ path: join(folder, name) });
  return [
    ask("tools/list"),
    call("list_allowed_directories"),
    call("list_directory", path("")),
    call("list_directory_with_sizes", { ...path(""), sortBy: "size" }),
    call("directory_tree", path("")),
    call("read_file", path("notes.txt")),
    call("read_text_file", path("awkward 🦆.txt")),
    call("read_text_file", { ...path("notes.txt"), head: 1 }),
    call("read_text_file", path("large.bin")),
    call("read_media_file", path("dot.png")),
    call("read_multiple_files", { paths: [path("notes.txt").path, path("missing").path] }),
    call("create_directory", path("sub/new")),
    call("write_file", { ...path("sub/new/written.txt"), content: AWKWARD }),
    call("read_text_file", path("sub/new/written.txt")),
    call("edit_file", { ...path("notes.txt"), edits: [{ oldText: "second", newText: "2nd 🦆" }] }),
    call("move_file", { source: path("notes.txt").path, destination: path("moved.txt").path }),
    call("search_files", { ...path(""), pattern: "**/*.txt" }),
    call("get_file_info", path("dot.png")),
    { together: ["large.bin", "moved.txt", "dot.png"].map((name) => call("get_file_info", path(name))) },
    { ...call("read_text_file", path("../../etc/passwd")), fails: true },
    { ...call("read_text_file", path("missing")), fails: true },
    { ...call("no_such_tool"), fails: true },
  ];
}

/** @param {string} folder @returns {import("./steps.mjs").Request[]} */
export function filesystemBasics(folder) {
  return [
    ask("tools/list"),
    call("list_directory", { path: folder }),
    call("write_file", { path: join(folder, "new 🦆.txt"), content: "written\n" }),
    call("read_text_file", { path: join(folder, "new 🦆.txt") }),
  ];
}
