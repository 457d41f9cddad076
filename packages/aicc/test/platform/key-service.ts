import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import type { Action } from "./gateway.ts";
import { standIn, type StandIn } from "./stand-in.ts";

/** The key service as documented: rings, keys, P-384 agreement, challenge. Answers throw on any unexpected field. */
export class KeyServiceStandIn {
  readonly keys: Map<string, Buffer> = new Map();
  readonly evidence: Buffer[] = [];
  readonly policies: unknown[] = [];
  exports = 0;
  curve = "P-384";
  /** What stands in between: changes the wrapped key. */
  tamper: (wrapped: Buffer) => Buffer = (wrapped) => wrapped;
  nonceDown: string = randomBytes(64).toString("hex");
  #pair: { readonly publicKey: KeyObject; readonly privateKey: KeyObject } | undefined;

  readonly operations: Readonly<Record<string, Action>> = {
    "security/attest": (body) => {
      fields(body, "NonceUp", "BiAuth");
      if (!/^[0-9a-f]{64}$/.test(String(body["NonceUp"]))) throw new Error("NonceUp");
      this.#pair = generateKeyPairSync("ec", { namedCurve: this.curve });
      return {
        DHParam: b64(pem(this.#pair!.publicKey)),
        Report: "report",
        Challenge: { NonceDown: this.nonceDown, Signature: "sealed by the service" },
      };
    },
    "ring/create": (body) => {
      fields(body, "RingName", "Description");
      return { RingID: "ring-1" };
    },
    "ring/list": (body) => {
      fields(body, "PageSize", "PageNumber", "ShowInvisible");
      return { RingList: [{ RingID: "ring-1" }], Total: 1 };
    },
    "key/create": (body) => {
      fields(body, "RingID", "KeyName", "Algo", "Source", "Description", "UsageScenario");
      return { KeyID: `key-${String(body["Source"])}` };
    },
    "key/import": (body) => {
      fields(body, "RingID", "KeyID", "Key", "DHParam");
      const wrapped = Buffer.from(String(body["Key"]), "base64");
      const decipher = createDecipheriv(
        "aes-256-gcm",
        this.#wrapping(body["DHParam"]),
        wrapped.subarray(0, 12),
      );
      decipher.setAuthTag(wrapped.subarray(-16));
      this.keys.set(
        String(body["KeyID"]),
        Buffer.concat([decipher.update(wrapped.subarray(12, -16)), decipher.final()]),
      );
      return {};
    },
    "key/export": (body) => {
      const evidence = body["RAEvidence"] as { TEEType: string; Report: string } | undefined;
      fields(
        body,
        "AppID",
        "RingID",
        "KeyID",
        "DHParam",
        "ClientChall",
        ...(evidence === undefined ? [] : ["RAEvidence"]),
      );
      if ((body["ClientChall"] as { NonceDown: string }).NonceDown !== this.nonceDown)
        throw new Error("ClientChall");
      if (evidence !== undefined) {
        if (evidence.TEEType !== "coco") throw new Error("TEEType");
        this.evidence.push(Buffer.from(evidence.Report, "base64"));
      }
      const key = this.keys.get(String(body["KeyID"]));
      if (key === undefined) throw new Error("unknown key");
      this.exports++;
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", this.#wrapping(body["DHParam"]), nonce);
      const wrapped = Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]);
      return { Key: this.tamper(wrapped).toString("base64") };
    },
    "key/list": (body) => {
      fields(
        body,
        "PageSize",
        "PageNumber",
        ...Object.keys(body).filter((name) => name === "RingID" || name === "Status"),
      );
      return { KeyList: [...this.keys.keys()].map((KeyID) => ({ KeyID })) };
    },
    "key/getinfo": (body) => {
      fields(body, "RingID", "KeyID");
      return { KeyID: body["KeyID"], Algo: "RSA_4096" };
    },
    "policy/set": (body) => {
      fields(body, "ID", "Range", "Rules");
      this.policies.push(body);
      return {};
    },
  };

  /** Under the names of the gateway, which has none for policy/set. */
  get actions(): Readonly<Record<string, Action>> {
    const names: Readonly<Record<string, string>> = {
      AttestTksSecurity: "security/attest",
      CreateTksRing: "ring/create",
      ListTksRing: "ring/list",
      CreateTksKey: "key/create",
      ImportTksKey: "key/import",
      ExportTksKey: "key/export",
      ListTksKey: "key/list",
      GetTksKeyinfo: "key/getinfo",
    };
    return Object.fromEntries(
      Object.entries(names).map(([action, name]) => [action, this.operations[name]!]),
    );
  }

  /** On its own address; `now` is what its clock says. */
  listen(appId: string, now: () => number): Promise<StandIn> {
    return standIn(async (request, complain) => {
      const name = /^\/api\/tks\/v1\/([a-z]+\/[a-z]+)$/.exec(request.path)?.[1] ?? "";
      const run = this.operations[name];
      if (request.method !== "POST" || run === undefined || request.rawQuery !== "") {
        complain(`${request.method} ${request.path}`);
        return { status: 404, body: "{}" };
      }
      if (request.headers["appid"] !== appId) return { status: 401, body: "{}" };
      if (Math.abs(Number(request.headers["timestamp"]) * 1000 - now()) > 60_000)
        return { status: 401, body: "{}" };
      if (request.headers["content-type"] !== "application/json") complain("content type");
      const result = await run(JSON.parse(request.body.toString("utf8")) as Record<string, unknown>, request);
      return { body: JSON.stringify({ Result: result }) };
    });
  }

  #wrapping(share: unknown): Buffer {
    const publicKey = createPublicKey(Buffer.from(String(share), "base64").toString());
    const shared = diffieHellman({ privateKey: this.#pair!.privateKey, publicKey });
    return Buffer.from(hkdfSync("sha256", shared, "", "", 32));
  }
}

function fields(body: Record<string, unknown>, ...names: string[]): void {
  const got = Object.keys(body).toSorted().join();
  if (got !== names.toSorted().join()) throw new Error(`fields ${got}`);
}

const b64 = (text: string): string => Buffer.from(text).toString("base64");
const pem = (key: KeyObject): string => String(key.export({ type: "spki", format: "pem" }));
