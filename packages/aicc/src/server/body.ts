import type { IncomingMessage } from "node:http";
import { parts } from "@trusted-mcp/http/web-stream";
import { AiccError } from "../error.ts";
import type { BodyRoom } from "./body-budget.ts";

export interface BodyLimits {
  readonly maxBodyBytes: number;
  readonly bodyTimeoutMs: number;
}

/** Reads a body of any method: sealed GET and DELETE requests have one. Bounded in size and time. */
export function readNodeBody(request: IncomingMessage, limits: BodyLimits, room: BodyRoom): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers["content-length"] ?? 0) > limits.maxBodyBytes) {
      reject(tooLarge(limits));
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    const fail = (error: unknown): void => {
      clearTimeout(timer);
      chunks.length = 0;
      request.pause();
      reject(error instanceof Error ? error : new Error("unknown"));
    };
    const timer = setTimeout(() => {
      fail(new AiccError("ERR_BODY_TIMEOUT", `A request body took longer than ${limits.bodyTimeoutMs} ms`));
    }, limits.bodyTimeoutMs);
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      try {
        if (size > limits.maxBodyBytes) throw tooLarge(limits);
        room.grow(size);
        chunks.push(chunk);
      } catch (error) {
        fail(error);
      }
    });
    request.once("end", () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks, size));
    });
    const gone = (cause?: Error): void => {
      if (!request.complete)
        fail(new AiccError("ERR_CLOSED", "The client went away while sending", { cause }));
    };
    request.once("error", gone);
    request.once("close", () => gone());
  });
}

/** The same for a web request. */
export async function readWebBody(request: Request, limits: BodyLimits): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (request.body !== null) {
    for await (const part of parts(request.body)) {
      size += part.length;
      if (size > limits.maxBodyBytes) throw tooLarge(limits);
      chunks.push(part);
    }
  }
  return Buffer.concat(chunks, size);
}

function tooLarge({ maxBodyBytes }: BodyLimits): AiccError {
  return new AiccError(
    "ERR_BODY_TOO_LARGE",
    `A request body is larger than the ${maxBodyBytes} bytes allowed`,
  );
}
