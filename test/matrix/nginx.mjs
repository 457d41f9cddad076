import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../conformance/children.mjs";

/** A certificate for 127.0.0.1 that is its own authority. @param {string} folder */
export function certificate(folder) {
  const [key, cert] = [join(folder, "tls.key"), join(folder, "tls.crt")];
  const name = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  execFileSync("openssl", ["req", "-x509", ...kind, ...name, "-keyout", key, "-out", cert], {
    stdio: "ignore",
  });
  return { key, cert };
}

/** @typedef {{ name: string, port: number, settings?: string[] }} Upstream `settings`: directives of its location */

/**
 * Starts nginx, which ends TLS (HTTP/1.1 and HTTP/2) in front of `upstreams`, with its buffers on.
 * @param {string} folder @param {{ key: string, cert: string }} tls @param {readonly Upstream[]} upstreams
 */
export async function nginx(folder, tls, upstreams) {
  const port = await freePort();
  const at = (/** @type {string} */ name) => join(folder, name);
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  for (const name of temp) mkdirSync(at(name), { recursive: true });
  const locations = upstreams.map(
    ({ name, port: to, settings = ["proxy_http_version 1.1", 'proxy_set_header Connection ""'] }) => `
    location /${name}/ { ${settings.map((line) => `${line};`).join(" ")} proxy_pass http://127.0.0.1:${to}/; }`,
  );
  const config = `
daemon off;
user root;
worker_processes 1;
pid ${at("nginx.pid")};
error_log ${at("error.log")} warn;
events { worker_connections 2048; }
http {
  access_log off;
  ${temp.map((name) => `${name}_temp_path ${at(name)};`).join("\n  ")}
  client_max_body_size 16m;
  proxy_buffering on;
  proxy_read_timeout 120s;
  server {
    listen 127.0.0.1:${port} ssl http2;
    ssl_certificate ${tls.cert};
    ssl_certificate_key ${tls.key};
    ${locations.join("")}
  }
}
`;
  writeFileSync(at("nginx.conf"), config);
  const arguments_ = ["-p", folder, "-c", at("nginx.conf"), "-e", at("error.log")];
  const child = spawn("nginx", arguments_, { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (part) => (log += part));
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const ended = once(child, "close");
  child.once("error", (error) => (log += error.message));
  for (let tries = 0; !(await answers(port)); tries += 1) {
    if (child.exitCode !== null || tries > 200) throw new Error(`nginx did not start. ${log}`);
    await sleep(25);
  }
  return {
    url: (/** @type {string} */ name) => `https://127.0.0.1:${port}/${name}`,
    port,
    stop: async () => {
      process.off("exit", kill);
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** @param {number} port @returns {Promise<boolean>} */
function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
