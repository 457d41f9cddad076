export { signMessage, verifyMessage } from "./helpers/sign.ts";
export { decryptFile, encryptFile, type EncryptedFile, type ResponseKey } from "./helpers/file.ts";
export type { FileJob, FileMode } from "./helpers/file-cipher.ts";
export { AiccError, type AiccErrorCode } from "./error.ts";
