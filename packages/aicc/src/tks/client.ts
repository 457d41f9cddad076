import type { KeyObject } from "node:crypto";
import { random, wipe } from "@trusted-mcp/primitives/bytes";
import type { Clock } from "@trusted-mcp/primitives/clock";
import { rsaPrivateKey } from "../config/rsa-key.ts";
import { badAnswer, recordIn, textIn, type JsonRecord } from "../volcengine/json.ts";
import type { EvidenceAgent } from "./evidence-agent.ts";
import { agreedKey, newShare, openKey, sealKey, badKey } from "./key-agreement.ts";
import { keyServiceTransport, type KeyServiceRoute } from "./transport.ts";

export interface KeyServiceOptions {
  readonly appId: string;
  readonly route: KeyServiceRoute;
  /**
   * Run before a key is taken out or brought in, and again for every one; must throw unless the key service has been
   * attested. `unattested` says that nobody checks what code the key service runs.
   */
  readonly service: { readonly attest: () => Promise<unknown> } | "unattested";
  readonly clock?: Clock;
}

export interface NewKey {
  readonly ringId: string;
  readonly algorithm: string;
  readonly name?: string;
  readonly description?: string;
  readonly usage?: string;
}

export interface Page {
  readonly number?: number;
  readonly size?: number;
}

export interface KeyServiceClient {
  /** security/attest: the service's share, its challenge and its report. */
  attestSecurity(bothWays: boolean): Promise<JsonRecord>;
  createRing(name: string, description?: string): Promise<JsonRecord>;
  listRings(page?: Page & { readonly showInvisible?: boolean }): Promise<JsonRecord>;
  /** Makes a key that never was outside the service. */
  createKey(key: NewKey): Promise<JsonRecord>;
  /** Brings a key in, wrapped for the service. */
  importKey(key: NewKey, material: Uint8Array): Promise<JsonRecord>;
  /** Takes a key out, with this pod's evidence if there is an agent. The caller wipes the bytes. */
  exportKey(ringId: string, keyId: string, agent?: EvidenceAgent): Promise<Uint8Array>;
  /** As exportKey, parsed: an RSA private key. The bytes are wiped. */
  exportRsaKey(ringId: string, keyId: string, agent?: EvidenceAgent): Promise<KeyObject>;
  listKeys(filter?: Page & { readonly ringId?: string; readonly status?: string }): Promise<JsonRecord>;
  getKeyInfo(ringId: string, keyId: string): Promise<JsonRecord>;
  /** policy/set: who may take the key out. Not through the gateway. */
  setKeyPolicy(keyId: string, rules: string): Promise<JsonRecord>;
}

const NONCE_BYTES = 32;
/** What fits into 64 bytes of report data, as the service and its agent use it. */
const RUNTIME_DATA_LENGTH = 64;

/** The platform's key service (TKS). */
export function keyServiceClient(options: KeyServiceOptions): KeyServiceClient {
  const send = keyServiceTransport(options.route, options.appId, options.clock);
  const { service } = options;

  async function attestSecurity(bothWays: boolean): Promise<JsonRecord> {
    return send("security/attest", {
      NonceUp: Buffer.from(random(NONCE_BYTES)).toString("hex"),
      BiAuth: bothWays,
    });
  }

  /** The service's share of this exchange, after the service itself was attested. */
  async function challenge(
    bothWays: boolean,
  ): Promise<{ readonly share: string; readonly answer: JsonRecord }> {
    if (service !== "unattested") await service.attest();
    const answer = await attestSecurity(bothWays);
    return { share: textIn(answer, "DHParam", "The answer to security/attest"), answer };
  }

  function createKeyFrom(key: NewKey, source: "internal" | "external"): Promise<JsonRecord> {
    return send("key/create", {
      RingID: key.ringId,
      KeyName: key.name ?? "",
      Algo: key.algorithm,
      Source: source,
      Description: key.description ?? "",
      UsageScenario: key.usage ?? "ModelEncryption",
    });
  }

  async function exportKey(ringId: string, keyId: string, agent?: EvidenceAgent): Promise<Uint8Array> {
    const { share, answer } = await challenge(true);
    const clientChallenge = recordIn(answer, "Challenge", "The answer to security/attest");
    const mine = await newShare();
    const wrapping = agreedKey(mine.privateKey, share);
    try {
      const exported = await send("key/export", {
        AppID: options.appId,
        RingID: ringId,
        KeyID: keyId,
        DHParam: mine.publicShare,
        ClientChall: clientChallenge,
        ...(agent === undefined ? {} : { RAEvidence: await evidenceFor(clientChallenge, agent) }),
      });
      return openKey(wrapping, base64(textIn(exported, "Key", "The answer to key/export")));
    } finally {
      wipe(wrapping);
    }
  }

  return {
    attestSecurity,
    createRing: (name, description = "") => send("ring/create", { RingName: name, Description: description }),
    listRings: (page = {}) =>
      send("ring/list", {
        PageSize: page.size ?? 10,
        PageNumber: page.number ?? 0,
        ShowInvisible: page.showInvisible ?? false,
      }),
    createKey: (key) => createKeyFrom(key, "internal"),
    async importKey(key, material) {
      const { share } = await challenge(false);
      const created = await createKeyFrom(key, "external");
      const mine = await newShare();
      const wrapping = agreedKey(mine.privateKey, share);
      try {
        await send("key/import", {
          RingID: key.ringId,
          KeyID: textIn(created, "KeyID", "The answer to key/create"),
          Key: Buffer.from(sealKey(wrapping, material)).toString("base64"),
          DHParam: mine.publicShare,
        });
      } finally {
        wipe(wrapping);
      }
      return created;
    },
    exportKey,
    async exportRsaKey(ringId, keyId, agent) {
      const pem = await exportKey(ringId, keyId, agent);
      try {
        return rsaPrivateKey(pem, "The key from the key service", "ERR_KEY_SERVICE_KEY");
      } finally {
        wipe(pem);
      }
    },
    listKeys: (filter = {}) =>
      send("key/list", {
        PageSize: filter.size ?? 10,
        PageNumber: filter.number ?? 0,
        ...(filter.ringId === undefined ? {} : { RingID: filter.ringId }),
        ...(filter.status === undefined ? {} : { Status: filter.status }),
      }),
    getKeyInfo: (ringId, keyId) => send("key/getinfo", { RingID: ringId, KeyID: keyId }),
    async setKeyPolicy(keyId, rules) {
      return send("policy/set", { ID: keyId, Range: "key", Rules: rules });
    },
  };
}

async function evidenceFor(challenge: JsonRecord, agent: EvidenceAgent): Promise<JsonRecord> {
  const nonce = textIn(challenge, "NonceDown", "The key service's challenge");
  if (!/^[0-9A-Za-z+/=_-]+$/.test(nonce))
    throw badAnswer("The key service's nonce has unexpected characters");
  const report = await agent.evidence(nonce.slice(0, RUNTIME_DATA_LENGTH));
  return { TEEType: "coco", Report: Buffer.from(report).toString("base64") };
}

/** Strict RFC 4648 §4, so that one answer has one reading. */
function base64(text: string): Uint8Array {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") !== text) throw badKey("The wrapped key is not base64");
  return bytes;
}
