/**
 * What one RSA-4096 private operation costs in each runtime, in CPU time: it differs between the versions of OpenSSL
 * that they are built with, and no code around it can go below it.
 */
import { execFileSync } from "node:child_process";

const NODE = `
const { readFileSync } = require("fs");
const { createPrivateKey, createPublicKey, privateDecrypt, publicEncrypt } = require("crypto");
const key = createPrivateKey(readFileSync(process.argv[1]));
const oaep = { padding: 4, oaepHash: "sha256" };
const wrapped = publicEncrypt({ key: createPublicKey(key), ...oaep }, Buffer.alloc(32));
const run = (n) => { for (let i = 0; i < n; i++) privateDecrypt({ key, ...oaep }, wrapped); };
run(20);
const start = process.cpuUsage();
run(200);
const { user, system } = process.cpuUsage(start);
console.log((user + system) / 200 / 1000);
`;

const PYTHON = `
import sys, time
from bytedance.jeddak_secure_channel.crypto import PrivateKey
key = PrivateKey.from_private_pem(open(sys.argv[1]).read())
wrapped = key.encrypt(bytes(32))
for _ in range(20): key.decrypt(wrapped)
start = time.process_time()
for _ in range(200): key.decrypt(wrapped)
print((time.process_time() - start) * 1000 / 200)
`;

export function rsaFloor({ pin, node, python, privateKey, ourKey, folder }) {
  const run = (program, args, key) => {
    const [first, ...rest] = [...pin, program, ...args, key];
    // The Python package logs to stdout when it is loaded.
    const lines = execFileSync(first, rest, { encoding: "utf8", cwd: folder }).trim().split("\n");
    return Number(lines.at(-1));
  };
  return { ours: run(node, ["-e", NODE], ourKey), python: run(python, ["-c", PYTHON], privateKey) };
}
