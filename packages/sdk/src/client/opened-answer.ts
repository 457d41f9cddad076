import type { OpenedAnswer } from "./sealed-answer.ts";

export function isSuccess({ head }: OpenedAnswer): boolean {
  return head.status >= 200 && head.status < 300;
}

export function fieldOf({ head }: OpenedAnswer, name: string): string | undefined {
  return head.headers.find(([key]) => key === name)?.[1];
}

/** A stream that nobody will read is let go of; a whole body is there already. */
export function drop({ body, cancel }: OpenedAnswer): void {
  if (!(body instanceof Uint8Array)) cancel();
}

/** The first `max` bytes of a body, as text; more of a stream is not read. */
export async function textOf({ body }: OpenedAnswer, max: number): Promise<string> {
  const decoder = new TextDecoder();
  if (body instanceof Uint8Array) return decoder.decode(body.subarray(0, max));
  let text = "";
  let left = max;
  for await (const part of body) {
    text += decoder.decode(part.subarray(0, left), { stream: true });
    left -= part.length;
    if (left <= 0) break;
  }
  return text + decoder.decode();
}
