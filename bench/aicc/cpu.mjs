import { readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100;

/** User and system time of a process with all its threads (proc(5), fields 14 and 15). */
export function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
