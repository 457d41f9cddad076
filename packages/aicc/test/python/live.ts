import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const CACHED = fileURLToPath(new URL("../../../../node_modules/.cache/trusted-mcp-python/", import.meta.url));

/** An interpreter that has the real package: `AICC_PYTHON`, or the one of test/interop-python once it is complete. */
export function pythonPath(): string | undefined {
  const complete = existsSync(`${CACHED}requirements.sha256`);
  return process.env["AICC_PYTHON"] ?? (complete ? `${CACHED}bin/python` : undefined);
}

export interface LivePython {
  ask(question: object): Promise<unknown>;
  close(): void;
}

export function livePython(path: string): LivePython {
  const child = spawn(path, [fileURLToPath(new URL("live.py", import.meta.url))], {
    stdio: ["pipe", "pipe", "ignore"],
    env: { PATH: process.env["PATH"] },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(question) {
      child.stdin.write(`${JSON.stringify(question)}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error("Python has ended.");
      const answer = JSON.parse(String(value)) as { ok?: unknown; error?: string };
      if (answer.error !== undefined) throw new Error(answer.error);
      return answer.ok;
    },
    close: () => void child.kill(),
  };
}
