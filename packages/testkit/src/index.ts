export { withFlippedBit } from "./flip.ts";
export { livingBuffers } from "./living-buffers.ts";
export { sharedVector, sharedVectorJson } from "./shared-vectors.ts";
export {
  channelWorld,
  TEST_AUDIENCE,
  type ChannelWorld,
  type ChannelWorldOptions,
  type Connected,
} from "./channel-world.ts";
export { ManualClock } from "./manual-clock.ts";
export { memoryPipe, OuterRefusal, type Attacker, type MemoryPipe, type WireMessage } from "./memory-pipe.ts";
export { refusalOf } from "./refusal.ts";
export { SAMPLE_EVIDENCE, sampleTee, type SampleAppraiser, type SampleTee } from "./sample-tee.ts";
export {
  testIdentity,
  testVerifier,
  type TestIdentity,
  type TestIdentityOptions,
  type TestKeyType,
  type TestVerifier,
} from "./test-identity.ts";
export { attackProxy, type AttackProxy } from "./proxy/attack-proxy.ts";
export type { Attack, Passage, Recorded, Reply, WireAnswer, WireRequest } from "./proxy/passage.ts";
export {
  binaryAnswer,
  binaryRequest,
  eventsOf,
  FLIGHT_TYPE,
  flightOf,
  flightType,
  joined,
  withFlight,
  type Pieces,
} from "./proxy/wire.ts";
