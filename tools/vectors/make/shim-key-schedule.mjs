import * as real from "../../../packages/channel/dist/key-schedule.js";
import { state } from "./deterministic.mjs";

// It stands in for the whole module.
// oxlint-disable-next-line oxc/no-barrel-file
export * from "../../../packages/channel/dist/key-schedule.js";

const copy = (value) =>
  value instanceof Uint8Array
    ? Uint8Array.from(value)
    : value !== null && typeof value === "object"
      ? Object.fromEntries(Object.entries(value).map(([name, part]) => [name, copy(part)]))
      : value;

/** Copies: the implementation erases what it got. */
const recording =
  (name, derive) =>
  (...args) => {
    const out = derive(...args);
    const label = args.find((arg) => typeof arg === "string") ?? "";
    const items = args.find(Array.isArray)?.map(copy) ?? [];
    state.derived.push({ name, label, items, args: args.map(copy), out: copy(out) });
    return out;
  };

export const expand = recording("expand", real.expand);
export const trafficKey = recording("trafficKey", real.trafficKey);
export const earlySecret = recording("earlySecret", real.earlySecret);
export const handshakeSecret = recording("handshakeSecret", real.handshakeSecret);
export const masterSecret = recording("masterSecret", real.masterSecret);
export const pskBinder = recording("pskBinder", real.pskBinder);
export const finished = recording("finished", real.finished);
export const applicationRoot = recording("applicationRoot", real.applicationRoot);
