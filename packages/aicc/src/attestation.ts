export {
  attest,
  type Attestation,
  type AttestationOptions,
  type AttestationTarget,
  type AttestedNode,
} from "./attestation/attest.ts";
export { issuerKeys, type IssuerKeyInput } from "./attestation/issuer-keys.ts";
export { verifyToken, type TokenCheck, type TokenClaims } from "./attestation/token.ts";
export type { Renewing, RenewingOptions } from "./attestation/renewing.ts";
export { renewingAttestation } from "./attestation/renewing-attestation.ts";
export { attestationFromConfig, type AttestationFromConfig } from "./attestation/from-config.ts";
export { serverKeyFromConfig, type ServerKeyOptions } from "./attestation/server-key.ts";
export { clientGate, type ClientGate } from "./attestation/client-gate.ts";
export { volcengineGateway, type Gateway, type GatewayOptions } from "./volcengine/gateway.ts";
export type { ServiceLimits, ServiceTls } from "./volcengine/request.ts";
export type { AccessKey } from "./volcengine/sign.ts";
export { evidenceAgent, type EvidenceAgent, type EvidenceAgentOptions } from "./tks/evidence-agent.ts";
export {
  keyServiceClient,
  type KeyServiceClient,
  type KeyServiceOptions,
  type NewKey,
  type Page,
} from "./tks/client.ts";
export type { DirectRoute, KeyServiceRoute } from "./tks/transport.ts";
export { keyServiceFromConfig, loadServiceKey, type KeyServiceFromConfig } from "./tks/from-config.ts";
export { serverKeysFromService, type ServiceKeyOptions } from "./tks/service-keys.ts";
export { AiccError, type AiccErrorCode } from "./error.ts";
