import { AiccError } from "../error.ts";
import { isRecord, type JsonRecord } from "../volcengine/json.ts";

/**
 * Reads an object field by field. Whatever is not as documented is an error that names the field and never its
 * value, which may be a secret. `end()` refuses fields that nobody asked for: a misspelt one would be ignored.
 */
export class Fields {
  readonly #record: JsonRecord;
  readonly #where: string;
  readonly #seen: Set<string> = new Set(["$schema"]);

  constructor(value: unknown, where: string) {
    if (!isRecord(value))
      throw new AiccError("ERR_CONFIG_FIELD", `${where} must be a JSON object`, { action: "fix" });
    this.#record = value;
    this.#where = where;
  }

  has(name: string): boolean {
    return this.#record[name] !== undefined && this.#record[name] !== null;
  }

  /** Absent, null and the empty text are the Python SDK's ways to say "not set". */
  text(name: string): string | undefined {
    const value = this.#take(name);
    if (value === undefined || value === "") return undefined;
    if (typeof value !== "string") throw this.wrong(name, "must be a text");
    return value;
  }

  requiredText(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw this.wrong(name, "is missing");
    return value;
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.#take(name);
    if (value === undefined) return fallback;
    if (typeof value !== "boolean") throw this.wrong(name, "must be true or false");
    return value;
  }

  /** Seconds; the Python SDK takes any number, also a fraction. */
  seconds(name: string): number | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isFinite(value) || value <= 0)
      throw this.wrong(name, "must be a number of seconds above 0");
    return value;
  }

  oneOf<T extends string>(name: string, allowed: readonly T[], fallback: T): T {
    const value = this.text(name);
    if (value === undefined) return fallback;
    const found = allowed.find((candidate) => candidate === value);
    if (found === undefined) throw this.wrong(name, `must be one of ${allowed.join(", ")}`);
    return found;
  }

  /** A JSON value, or a text that holds one. */
  json(name: string): unknown {
    const value = this.#take(name);
    if (value === undefined || value === "") return undefined;
    if (typeof value !== "string") return value;
    try {
      return JSON.parse(value);
    } catch {
      // No cause: the parser quotes the text, which may hold an access key.
      throw this.wrong(name, "is a text that is not JSON");
    }
  }

  /** An object, or a text that holds one, to be read in turn. */
  object(name: string): Fields | undefined {
    const value = this.json(name);
    return value === undefined ? undefined : new Fields(value, this.path(name));
  }

  /** One object of a list that {@link json} returned. */
  item(name: string, list: readonly unknown[], index: number): Fields {
    return new Fields(list[index], `${this.path(name)}[${index}]`);
  }

  texts(name: string): readonly string[] {
    const value = this.json(name);
    if (value === undefined) return [];
    if (!Array.isArray(value) || !value.every((each) => typeof each === "string"))
      throw this.wrong(name, "must be a list of texts");
    return value;
  }

  /** Every field as text, whatever its name. */
  map(): Readonly<Record<string, string>> {
    const names = Object.keys(this.#record).filter((name) => name !== "$schema");
    return Object.fromEntries(names.map((name) => [name, this.requiredText(name)]));
  }

  ignore(name: string): void {
    this.#seen.add(name);
  }

  end(): void {
    const unknown = Object.keys(this.#record).find((name) => !this.#seen.has(name));
    if (unknown !== undefined) throw this.wrong(unknown.slice(0, 80), "is not a field of this configuration");
  }

  path(name: string): string {
    return `${this.#where}: ${JSON.stringify(name)}`;
  }

  wrong(name: string, why: string): AiccError {
    return new AiccError("ERR_CONFIG_FIELD", `${this.path(name)} ${why}`, { action: "fix" });
  }

  #take(name: string): unknown {
    this.#seen.add(name);
    return this.#record[name] ?? undefined;
  }
}
