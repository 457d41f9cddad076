// Stands in for test/e2e/support/vectors.ts, which reads files.
import credentials from "../../../vectors/credentials.json" with { type: "json" };
import framing from "../../../vectors/framing.json" with { type: "json" };
import keySchedule from "../../../vectors/key-schedule.json" with { type: "json" };
import messages from "../../../vectors/messages.json" with { type: "json" };
import negative from "../../../vectors/negative.json" with { type: "json" };
import records from "../../../vectors/records.json" with { type: "json" };

const FILES = {
  "credentials.json": credentials,
  "framing.json": framing,
  "key-schedule.json": keySchedule,
  "messages.json": messages,
  "negative.json": negative,
  "records.json": records,
};

export const vectors = (file) => FILES[file].vectors;

export function unhex(text) {
  return Uint8Array.from({ length: text.length / 2 }, (_, at) =>
    parseInt(text.slice(2 * at, 2 * at + 2), 16),
  );
}

export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export async function codeOf(body) {
  try {
    await body();
    return null;
  } catch (error) {
    if (error instanceof Error && "code" in error) return String(error.code);
    throw error;
  }
}
