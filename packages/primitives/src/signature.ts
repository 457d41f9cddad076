export type { Key, SignatureAlgorithm } from "./key.ts";
export { algorithmOf, publicKeyFromSpki, sign, spkiOf, verify } from "#runtime/signature";
