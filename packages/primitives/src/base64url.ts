export { decode, encode } from "#runtime/base64url";
