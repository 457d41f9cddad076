import { stat } from "node:fs/promises";

/** Looks at a file's identity, time and size every so often. Nothing that a peer sends has any part in it. */
export class FileWatch {
  readonly #path: string;
  readonly #changed: () => Promise<void>;
  readonly #timer: NodeJS.Timeout;
  #mark: string;
  #busy = false;

  private constructor(path: string, mark: string, intervalMs: number, changed: () => Promise<void>) {
    this.#path = path;
    this.#mark = mark;
    this.#changed = changed;
    this.#timer = setInterval(() => void this.#look(), intervalMs);
    this.#timer.unref();
  }

  /** `changed` runs once for each change, and again at the next look when it failed. */
  static async start(path: string, intervalMs: number, changed: () => Promise<void>): Promise<FileWatch> {
    return new FileWatch(path, await markOf(path), intervalMs, changed);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const mark = await markOf(this.#path);
      if (mark === this.#mark) return;
      await this.#changed();
      this.#mark = mark;
    } catch {
      // Missing or half written: `changed` has reported it, and the next look tries again.
    } finally {
      this.#busy = false;
    }
  }
}

async function markOf(path: string): Promise<string> {
  const { ino, mtimeNs, size } = await stat(path, { bigint: true });
  return `${ino}/${mtimeNs}/${size}`;
}
