import { paddedLength } from "../../../packages/channel/dist/record/padding.js";
import { clientBinder, reportData, serverBinder } from "../../../packages/channel/dist/evidence.js";
import * as schedule from "../../../packages/channel/dist/key-schedule.js";
import { ReplayWindow } from "../../../packages/channel/dist/replay-window.js";
import { nextEpoch } from "../../../packages/channel/dist/session/epoch.js";
import { encodeItems, hashItems, signatureInput } from "../../../packages/channel/dist/transcript.js";
import { encapsulateDerand, kemKeyPairFromSeed } from "../../../packages/primitives/dist/kem.js";
import { random, reset, use } from "./deterministic.mjs";
import { join, text } from "./json.mjs";

/** One step of the key schedule per vector. */
export function keySchedule() {
  reset();
  use("key schedule");
  const out = [];
  const add = (name, step, inputs, outputs) => out.push({ name, step, inputs, outputs });
  const fresh = () => random(48);

  const lists = {
    "no items": [],
    "one absent item": [null],
    "one empty item": [new Uint8Array(0)],
    "absent, then empty": [null, new Uint8Array(0)],
    "empty, then absent": [new Uint8Array(0), null],
    "ab, c": [text("ab"), text("c")],
    "a, bc": [text("a"), text("bc")],
    "one item that looks like two": [join(text("a"), Uint8Array.of(1, 0, 0, 0, 2), text("bc"))],
    "300 bytes": [random(300)],
  };
  for (const [name, items] of Object.entries(lists))
    add(`items: ${name}`, "items", { items }, { encoded: encodeItems(items), hash: hashItems(...items) });

  for (const [label, items] of [
    ["derived", []],
    ["fin server", [fresh()]],
    ["attest client", [fresh(), random(32)]],
    ["x", [null, new Uint8Array(0)]],
  ]) {
    const secret = fresh();
    const { key, iv } = schedule.trafficKey(secret, label, items);
    const outputs = { expanded: schedule.expand(secret, label, items), key, iv };
    add(`expand: ${label}`, "expand", { secret, label, items }, outputs);
  }

  const psk = fresh();
  for (const [name, value] of [["without PSK", null], ["with PSK", psk]]) {
    const shared = random(32);
    const es = schedule.earlySecret(value);
    const hs = schedule.handshakeSecret(es, shared);
    const ms = schedule.masterSecret(hs);
    add(`secrets: ${name}`, "secrets", { psk: value, kem_shared_secret: shared }, { es, hs, ms });
  }
  const core = random(80);
  add("binder", "binder", { psk, core }, { binder: schedule.pskBinder(schedule.earlySecret(psk), core) });
  for (const role of ["client", "server"]) {
    const [hs, th0, before, transcript] = [fresh(), fresh(), fresh(), fresh()];
    add(`finished: ${role}`, "finished", { hs, role, th0, before }, { finished: schedule.finished(hs, role, th0, before) });
    add(`signature input: ${role}`, "signature-input", { role, transcript }, { message: signatureInput(role, transcript) });
  }
  for (const [name, evidence] of [["without evidence", null], ["with evidence", random(60)]]) {
    const [ms, th4] = [fresh(), fresh()];
    add(`app_root: ${name}`, "app-root", { ms, th4, evidence }, { app_root: schedule.applicationRoot(ms, th4, evidence) });
  }
  for (const number of [0, 1, 254, 65_535]) {
    const [root, kemKey, ciphertext, shared] = [fresh(), random(1216), random(1120), random(32)];
    const epoch = { number, root, clientToServer: root, serverToClient: root };
    const next = nextEpoch(epoch, kemKey, ciphertext, Uint8Array.from(shared));
    add(
      `epoch ${number + 1}`,
      "epoch",
      { number: number + 1, root, kem_public_key: kemKey, kem_ciphertext: ciphertext, kem_shared_secret: shared },
      { root: next.root, c2s: next.clientToServer, s2c: next.serverToClient },
    );
  }

  const [ms, th, nonce, context, spki, own, peer] = [fresh(), fresh(), random(32), random(32), random(44), random(47), random(50)];
  const audience = "https://tools.example/mcp";
  const cases = [
    ["server", spki, own, peer],
    ["client", spki, own, peer],
    ["client", null, null, peer],
    ["server", spki, own, null],
  ];
  for (const [role, signingSpki, ownCredential, peerCredential] of cases) {
    const binder = role === "server" ? serverBinder(ms, th, nonce, context) : clientBinder(ms, th, context);
    const data = reportData({ role, binder, signingSpki, ownCredential, peerCredential, audience });
    add(
      `report data: ${role}${signingSpki ? "" : ", anonymous"}${peerCredential ? "" : ", of an anonymous peer"}`,
      "report-data",
      { role, ms, th, nonce_s2: role === "server" ? nonce : null, context, signing_spki: signingSpki, own_credential: ownCredential, peer_credential: peerCredential, audience },
      { binder, report_data: data },
    );
  }

  const [seed, eseed] = [random(32), random(64)];
  const pair = kemKeyPairFromSeed(seed);
  const { ciphertext, sharedSecret } = encapsulateDerand(pair.publicKey, eseed);
  add("x-wing", "x-wing", { seed, encapsulation_seed: eseed }, { public_key: pair.publicKey, ciphertext, shared_secret: sharedSecret });

  for (const length of [4, 5, 255, 256, 257, 4096, 4097, 4352, 4353, 5000, 8191, 8192, 8193, 16_385, 33_000, 60_000, 65_000, 65_519, 65_520])
    add(`padding of ${length}`, "padding", { length }, { padded: paddedLength(length, 65_520) });

  const windows = {
    "in order": [0, 1, 2, 3],
    "each once": [0, 0, 1, 1, 0],
    "out of order": [5, 3, 4, 5, 0, 3, 1],
    "the oldest that is remembered": [2047, 0, 0],
    "the newest that is forgotten": [2048, 0, 1],
    "a jump clears": [1, 4000, 1953, 1952, 4000, 3999],
    "a far jump": [7, 9_007_199_254_740_991, 9_007_199_254_740_990, 7, 9_007_199_254_738_944, 9_007_199_254_738_943],
    "by words": [31, 32, 63, 64, 2111, 64, 63, 65, 31],
    "wrapping": [0, 2079, 32, 31, 30, 2080, 2081, 33],
  };
  for (const [name, numbers] of Object.entries(windows)) {
    const window = new ReplayWindow();
    add(`window: ${name}`, "window", { numbers }, { admitted: numbers.map((number) => window.admit(number)) });
  }
  return out;
}
