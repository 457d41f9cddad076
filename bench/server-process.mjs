/** The load process's end of a server child. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

const CHILD = fileURLToPath(new URL("server-child.mjs", import.meta.url));

export async function startServerProcess(variant, context) {
  const child = fork(CHILD, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const exited = new Promise((resolve) => child.once("exit", resolve));

  async function ask(message) {
    return await new Promise((resolve, reject) => {
      if (!child.connected) return reject(new Error("the server process has ended"));
      const onExit = (code) => reject(new Error(`the server process ended (${code})`));
      child.once("exit", onExit);
      child.once("message", (reply) => {
        child.off("exit", onExit);
        if (reply.error === undefined) resolve(reply.answer);
        else reject(new Error(reply.error));
      });
      child.send(message);
    });
  }

  const facts = await ask({ variant, context });
  return {
    facts,
    cpu: async () => (await ask({ ask: "usage" })).cpu,
    memory: () => ask({ ask: "memory" }),
    startProfile: () => ask({ ask: "startProfile" }),
    stopProfile: () => ask({ ask: "stopProfile" }),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const timer = setTimeout(() => child.kill("SIGKILL"), 2000);
      if (child.connected) child.send({ ask: "stop" });
      await exited;
      clearTimeout(timer);
    },
  };
}
