export { sha256, sha384, sha3_256, sha512 } from "#runtime/hash";
