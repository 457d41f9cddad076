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

/** Milliseconds that all CPUs of the machine have worked, for anybody. */
export function machineWork() {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}

/** Share of the machine that went to programs other than this benchmark; undefined where the platform does not say. */
export function foreignShare({ worked, own, elapsed }) {
  const available = elapsed * cpus().length;
  return worked === 0 || available === 0 ? undefined : Math.max(0, worked - own) / available;
}
