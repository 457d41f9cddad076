export { open, seal, sealDetached } from "#runtime/aead";
