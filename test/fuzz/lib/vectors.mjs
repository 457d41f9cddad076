import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../../../vectors/", import.meta.url));

/** Every hex string in the published vectors, as bytes: good and bad messages, and the parts they are made of. */
export function vectorBytes(accepts, most = 64) {
  const found = new Map();
  const visit = (value) => {
    if (typeof value === "string" && value.length > 1 && /^(?:[0-9a-f]{2})+$/.test(value)) {
      const bytes = new Uint8Array(Buffer.from(value, "hex"));
      if (found.size < most && accepts(bytes)) found.set(value, bytes);
    } else if (typeof value === "object" && value !== null) Object.values(value).forEach(visit);
  };
  for (const file of files()) visit(JSON.parse(readFileSync(`${FOLDER}${file}`, "utf8")));
  return [...found.values()];
}

/** Sorted, so that every machine takes them in the same order; none when there are no vectors. */
function files() {
  try {
    return readdirSync(FOLDER, { recursive: true })
      .map(String)
      .filter((name) => name.endsWith(".json"))
      .toSorted();
  } catch {
    return [];
  }
}
