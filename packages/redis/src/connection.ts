import type { RedisCommands } from "./options.ts";

/** A way to the primary. */
export interface Connection {
  readonly client: RedisCommands;
  readonly close: () => void;
  /** Why there is no connection at present, as far as that is known: more than that a command was not sent. */
  readonly failure: () => unknown;
}

export interface ClientSettings {
  readonly disableOfflineQueue: true;
  readonly commandsQueueMaxLength: number;
  readonly maintNotifications: "disabled";
  readonly pingInterval: number;
}

/** What could not be sent fails now. Nothing is ever sent twice, or later (docs/design/0010). */
export function clientSettings(timeoutMs: number): ClientSettings {
  return {
    disableOfflineQueue: true,
    commandsQueueMaxLength: 20_000,
    maintNotifications: "disabled",
    pingInterval: timeoutMs,
  };
}
