import { cpus, loadavg, totalmem } from "node:os";

/** Without this a number means nothing to the next reader. */
export function describeMachine() {
  const list = cpus();
  return {
    cpu: `${list[0]?.model.trim() ?? "unknown"} × ${list.length}`,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    openssl: process.versions.openssl,
    load: loadavg()[0],
  };
}
