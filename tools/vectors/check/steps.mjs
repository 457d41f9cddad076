// key-schedule.json: one step each.
import { hex, unhex, u32 } from "./bytes.mjs";
import * as crypto from "./crypto.mjs";
import { epochOf, padded, Window } from "./records.mjs";

const STEPS = {
  items: ({ items }) => {
    const list = items.map(unhex);
    return { encoded: crypto.items(list), hash: crypto.hashItems(...list) };
  },
  expand: ({ secret, label, items }) => {
    const list = items.map(unhex);
    const { key, iv } = crypto.trafficKey(unhex(secret), label, ...list);
    return { expanded: crypto.expand(unhex(secret), label, ...list), key, iv };
  },
  secrets: ({ psk, kem_shared_secret: shared }) => {
    const es = crypto.earlySecret(unhex(psk));
    const hs = crypto.handshakeSecret(es, unhex(shared));
    return { es, hs, ms: crypto.masterSecret(hs) };
  },
  binder: ({ psk, core }) => ({ binder: crypto.pskBinder(crypto.earlySecret(unhex(psk)), unhex(core)) }),
  finished: ({ hs, role, th0, before }) => ({ finished: crypto.finished(unhex(hs), role, unhex(th0), unhex(before)) }),
  "signature-input": ({ role, transcript }) => ({ message: crypto.signatureInput(role, unhex(transcript)) }),
  "app-root": ({ ms, th4, evidence }) => ({ app_root: crypto.applicationRoot(unhex(ms), unhex(th4), unhex(evidence)) }),
  epoch: (inputs) => {
    const exchange = crypto.hashItems(u32(inputs.number), unhex(inputs.kem_public_key), unhex(inputs.kem_ciphertext));
    const { root, c2s, s2c } = epochOf(0, crypto.nextRoot(unhex(inputs.root), unhex(inputs.kem_shared_secret), exchange));
    return { root, c2s, s2c };
  },
  "report-data": (inputs) => {
    const [ms, th, context] = [inputs.ms, inputs.th, inputs.context].map(unhex);
    const server = inputs.role === "server";
    const binder = server
      ? crypto.expand(ms, "attest server", th, unhex(inputs.nonce_s2), context)
      : crypto.expand(ms, "attest client", th, context);
    const data = crypto.reportData({
      role: inputs.role,
      binder,
      signingSpki: unhex(inputs.signing_spki),
      own: unhex(inputs.own_credential),
      peer: unhex(inputs.peer_credential),
      audience: inputs.audience,
    });
    return { binder, report_data: data };
  },
  "x-wing": ({ seed, encapsulation_seed: eseed }) => {
    const pair = crypto.kemKeyPair(unhex(seed));
    const { ciphertext, shared } = crypto.encapsulate(pair.publicKey, unhex(eseed));
    if (hex(pair.decapsulate(ciphertext)) !== hex(shared)) throw new Error("the two ends differ");
    return { public_key: pair.publicKey, ciphertext, shared_secret: shared };
  },
  padding: ({ length }) => ({ padded: padded(length) }),
  window: ({ numbers }) => {
    const window = new Window();
    return { admitted: numbers.map((number) => window.admit(number)) };
  },
};

export function checkStep({ step, inputs, outputs }) {
  const found = STEPS[step](inputs);
  for (const [name, value] of Object.entries(outputs)) {
    const ours = found[name] instanceof Uint8Array ? hex(found[name]) : found[name];
    if (JSON.stringify(ours) !== JSON.stringify(value)) throw new Error(`${name} is ${JSON.stringify(ours)}`);
  }
}
