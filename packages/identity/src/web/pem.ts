import { decode } from "@trusted-mcp/primitives/base64url";
import { IdentityError } from "../error.ts";

export interface PemText {
  readonly label: string;
  readonly der: Uint8Array;
}

/**
 * The one textual encoding block (RFC 7468 §2) that a text holds; text around it is ignored. `what` names it in
 * messages. For public keys: a private one is recognised by its label and goes no further.
 */
export function onlyPemBlock(text: string, what: string): PemText {
  const labels = [...text.matchAll(/-----BEGIN ([A-Z0-9]+(?: [A-Z0-9]+){0,7})-----/g)].map(
    ([, label]) => label,
  );
  const [label, ...others] = labels;
  // Also where there are several: the leak is what must be said.
  if (labels.some((each) => each?.endsWith("PRIVATE KEY"))) throw leaked(what);
  if (label === undefined) throw pemError(what, 'it holds no "-----BEGIN …-----" line');
  if (others.length > 0) throw pemError(what, "it must hold exactly one key and nothing else");
  if (label === "CERTIFICATE") {
    throw pemError(what, "it is a certificate. Take its key out with: openssl x509 -pubkey -noout -in FILE");
  }
  const start = text.indexOf(`-----BEGIN ${label}-----`) + label.length + 16;
  const end = text.indexOf(`-----END ${label}-----`, start);
  if (end === -1) throw pemError(what, `"BEGIN ${label}" has no "END ${label}": it is cut short`);
  return { label, der: fromBase64(text.slice(start, end), what) };
}

/** Base64 in lines (RFC 7468 §3), with its padding; otherwise as strict as base64url. */
function fromBase64(body: string, what: string): Uint8Array {
  const text = body.replace(/[ \t\r\n]/g, "");
  if (text.length % 4 !== 0 || /[-_]/.test(text)) throw pemError(what, "the key inside is damaged");
  try {
    return decode(
      text
        .replace(/={1,2}$/, "")
        .replaceAll("+", "-")
        .replaceAll("/", "_"),
    );
  } catch (cause) {
    throw pemError(what, "the key inside is damaged", cause);
  }
}

function leaked(what: string): IdentityError {
  return new IdentityError(
    "ERR_KEY_NOT_PUBLIC",
    `${what} is a PRIVATE key where a peer's public key belongs. Private keys never leave their owner: if this one came from somebody else, it must be replaced. Its public half is printed by: openssl pkey -pubout -in FILE`,
    { action: "fix" },
  );
}

export function pemError(what: string, why: string, cause?: unknown): IdentityError {
  return new IdentityError("ERR_KEY_FILE_FORMAT", `${what} is not a usable public key: ${why}`, {
    action: "fix",
    cause,
  });
}
