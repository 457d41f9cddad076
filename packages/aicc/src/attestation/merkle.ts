import { concat, equal, utf8 } from "@trusted-mcp/primitives/bytes";
import { sha512 } from "@trusted-mcp/primitives/hash";
import { AiccError } from "../error.ts";
import { isRecord } from "../volcengine/json.ts";
import { hexBytes } from "./hex.ts";

/** From the leaf to the root: `bits[i]` says on which side of `nodes[i + 1]` the hash so far stands (0: left). */
export interface MerkleProof {
  readonly bits: readonly number[];
  readonly nodes: readonly Uint8Array[];
}

const HASH_BYTES = 64;
/** A tree of 2^64 leaves. */
const MAX_PATH = 65;
const LEAF = Uint8Array.of(0x00);
const INNER = Uint8Array.of(0x01);

/** `{metadata: {algorithm, security, size}, rule, subset, path}`. */
export function parseMerkleProof(value: unknown): MerkleProof {
  if (!isRecord(value) || !isRecord(value["metadata"])) throw badProof("it is not an object with metadata");
  const { algorithm, security } = value["metadata"];
  // The hash and the separation of leaves from inner nodes (RFC 9162 §2.1.1) are not the prover's to choose.
  if (typeof algorithm !== "string" || algorithm.toLowerCase().replace(/[-_]/g, "") !== "sha512")
    throw badProof("it names another hash than SHA-512");
  if (security !== true) throw badProof("it does not separate leaves from inner nodes");
  const { rule, path } = value;
  if (!Array.isArray(rule) || !Array.isArray(path)) throw badProof("it has no rule or no path");
  if (path.length === 0 || path.length > MAX_PATH || rule.length !== path.length)
    throw badProof("its rule and path do not fit");
  return {
    bits: rule.map((bit: unknown) => {
      if (bit !== 0 && bit !== 1) throw badProof("its rule has other values than 0 and 1");
      return bit;
    }),
    nodes: path.map((node: unknown) => {
      const bytes = hexBytes(node, HASH_BYTES);
      if (bytes === undefined) throw badProof("its path has something else than SHA-512 hashes in hex");
      return bytes;
    }),
  };
}

/** SHA-512(0x00 ‖ text) */
export function merkleLeaf(text: string): Uint8Array {
  return sha512(LEAF, utf8(text));
}

/** Whether the proof leads from exactly this leaf to exactly this root. */
export function provesInclusion(leaf: Uint8Array, root: Uint8Array, proof: MerkleProof): boolean {
  const [first, ...others] = proof.nodes;
  if (first === undefined || !equal(first, leaf)) return false;
  let hash = first;
  for (const [index, node] of others.entries()) {
    hash = sha512(proof.bits[index] === 0 ? concat(INNER, hash, node) : concat(INNER, node, hash));
  }
  return equal(hash, root);
}

function badProof(why: string): AiccError {
  return new AiccError("ERR_ATTESTATION_PROOF", `The Merkle proof in the evidence is refused: ${why}`);
}
