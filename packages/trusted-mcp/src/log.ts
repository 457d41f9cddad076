import type { Writable } from "node:stream";
import { escaped, printable } from "@trusted-mcp/primitives/printable";
import type { Paint } from "./terminal.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ["text", "json"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Flat and small on purpose: a log call names what it logs, so no message or key can slip in whole. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface LogOptions {
  readonly stream: Writable;
  readonly format: LogFormat;
  readonly level: LogLevel;
  readonly paint?: Paint;
  readonly now?: () => Date;
}

export function createLog(options: LogOptions): Log {
  const threshold = LOG_LEVELS.indexOf(options.level);
  const format = options.format === "json" ? jsonLine : textLine;
  const write = (level: Exclude<LogLevel, "silent">, message: string, fields: LogFields = {}): void => {
    if (LOG_LEVELS.indexOf(level) < threshold || options.stream.destroyed) return;
    options.stream.write(`${format(level, message, fields, options)}\n`);
  };
  return {
    debug: (message, fields) => write("debug", message, fields),
    info: (message, fields) => write("info", message, fields),
    warn: (message, fields) => write("warn", message, fields),
    error: (message, fields) => write("error", message, fields),
  };
}

function jsonLine(level: string, message: string, fields: LogFields, options: LogOptions): string {
  const time = (options.now?.() ?? new Date()).toISOString();
  // Own members last: a field can never pass itself off as the time, the level or the message.
  return escaped(JSON.stringify({ ...fields, time, level, message }));
}

function textLine(level: string, message: string, fields: LogFields, options: LogOptions): string {
  const paint = options.paint ?? ((_style, text) => text);
  const word =
    level === "error" ? paint("red", level) : level === "warn" ? paint("yellow", level) : paint("dim", level);
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => paint("dim", `${name}=${quote(String(value))}`));
  return [`trusted-mcp: ${word}:`, printable(message), ...pairs].join(" ");
}

/** One log entry is one line: values from a peer can neither break it nor forge another. */
function quote(value: string): string {
  const safe = printable(value);
  return /^[^\s"=]+$/.test(safe) ? safe : JSON.stringify(safe);
}
