import { IdentityError } from "./error.ts";

const NAME = /^[A-Za-z0-9._-]{1,64}$/;

/** Names reach logs, terminals and policies: nothing that could be taken for something else. */
export function isName(name: string): boolean {
  return NAME.test(name);
}

export function requireName(name: string): void {
  if (!isName(name)) {
    throw new IdentityError(
      "ERR_PEER_NAME",
      "A peer's name is 1 to 64 letters, digits, dots, dashes or underscores",
      {
        action: "fix",
      },
    );
  }
}
