import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export async function ourServerProcess(privateKey, { prefix, node }) {
  const [program, ...first] = [...prefix, node];
  const script = fileURLToPath(new URL("our-server.mjs", import.meta.url));
  const child = spawn(program, [...first, script, privateKey], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const ask = async (question) => {
    child.send(question);
    return (await once(child, "message"))[0];
  };
  const [facts] = await once(child, "message");
  return {
    ...facts,
    pid: child.pid,
    resetDelay: () => ask("reset"),
    delay: async () => (await ask("delay")).delay,
    close: async () => {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}
