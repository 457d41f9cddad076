import { hellos, hellosFromMany, resumptions } from "./hello.mjs";
import { oversized } from "./oversized.mjs";
import { silent, slowBodies, slowHeaders } from "./slow.mjs";
import { halfOpenStreams, unreadStreams } from "./streams.mjs";

export const attacks = {
  slowHeaders,
  slowBodies,
  silent,
  hellos,
  hellosFromMany,
  resumptions,
  oversized,
  halfOpenStreams,
  unreadStreams,
};
