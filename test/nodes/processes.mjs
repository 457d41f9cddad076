// The processes of the test: each can be killed and started again at the same place.
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A program that is ready once its output holds `ready`. */
export function program(command, args, ready) {
  let child = null;
  let output = "";
  return {
    /** The end of what it wrote since it was started. */
    get output() {
      return output;
    },
    async start() {
      child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
      const own = child;
      output = "";
      await new Promise((resolve, reject) => {
        const heard = (text) => {
          output = (output + text).slice(-4000);
          if (output.includes(ready)) resolve();
        };
        own.stdout.on("data", heard);
        own.stderr.on("data", heard);
        own.once("error", reject);
        own.once("exit", (code, signal) =>
          reject(new Error(`${command} ended with ${code ?? signal}: ${output}`)),
        );
      });
    },
    /** Without a chance to say goodbye. */
    async kill(signal = "SIGKILL") {
      const own = child;
      if (own === null || own.exitCode !== null || own.signalCode !== null) return;
      const ended = new Promise((resolve) => own.once("exit", resolve));
      own.kill(signal);
      await ended;
    },
  };
}

export async function freePorts(count) {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise((resolve) => {
          const server = createServer().listen(0, "127.0.0.1", () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export function nodeAt(folder, port, socketPath) {
  const file = fileURLToPath(new URL("node.mjs", import.meta.url));
  return program(process.execPath, [file, folder, String(port), socketPath], "ready");
}

/** With snapshots on, as it comes: what they keep must not matter. At a path it is a socket, else a port. */
export function redisAt(folder, place) {
  const where =
    typeof place === "number"
      ? ["--port", String(place), "--bind", "127.0.0.1"]
      : ["--port", "0", "--unixsocket", place];
  const args = [...where, "--dir", folder, "--appendonly", "no"];
  return program("redis-server", args, "eady to accept connections");
}

/** nginx without stickiness: each request goes to the next node. */
export function nginxAt(folder, port, ports) {
  mkdirSync(join(folder, "nginx"), { recursive: true });
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${join(folder, "nginx", name)};`)
    .join("\n  ");
  const file = join(folder, "nginx.conf");
  writeFileSync(
    file,
    `daemon off;
worker_processes 1;
pid ${join(folder, "nginx.pid")};
error_log stderr notice;
events { worker_connections 4096; }
http {
  access_log off;
  ${temp}
  upstream nodes {
    ${ports.map((each) => `server 127.0.0.1:${each} max_fails=1 fail_timeout=1s;`).join("\n    ")}
    keepalive 64;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://nodes;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_connect_timeout 1s;
      proxy_read_timeout 15s;
      proxy_buffering off;
    }
  }
}
`,
  );
  return program("nginx", ["-e", "stderr", "-c", file], "start worker process");
}
