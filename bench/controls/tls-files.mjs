/** A throw-away certificate for 127.0.0.1, made for each run, so that no private key is in the repository. */
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  bitString,
  boolean,
  integer,
  octetString,
  oid,
  sequence,
  set,
  tlv,
  utcTime,
  utf8String,
} from "./der.mjs";

const ECDSA_SHA256 = "1.2.840.10045.4.3.2";
const COMMON_NAME = "2.5.4.3";
const BASIC_CONSTRAINTS = "2.5.29.19";
const SUBJECT_ALT_NAME = "2.5.29.17";

/** RFC 5280 §4.1: version 3, self-signed, its own authority, subjectAltName iPAddress 127.0.0.1. */
function selfSigned(publicKey, privateKey) {
  const algorithm = sequence(oid(ECDSA_SHA256));
  const name = sequence(set(sequence(oid(COMMON_NAME), utf8String("bench"))));
  const now = Date.now();
  const validity = sequence(utcTime(new Date(now - 60_000)), utcTime(new Date(now + 86_400_000)));
  const serial = randomBytes(8);
  serial[0] = (serial[0] & 0x3f) | 0x40; // positive, no leading zero
  const extensions = sequence(
    sequence(oid(BASIC_CONSTRAINTS), boolean(true), octetString(sequence(boolean(true)))),
    sequence(oid(SUBJECT_ALT_NAME), octetString(sequence(tlv(0x87, Buffer.from([127, 0, 0, 1]))))),
  );
  const certificate = sequence(
    tlv(0xa0, integer([2])),
    integer(serial),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: "spki", format: "der" }),
    tlv(0xa3, extensions),
  );
  return sequence(certificate, algorithm, bitString(sign("sha256", certificate, privateKey)));
}

export function writeTlsFiles(directory) {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const base64 = selfSigned(publicKey, privateKey).toString("base64");
  const lines = base64.match(/.{1,64}/g).join("\n");
  const certFile = join(directory, "tls.cert.pem");
  writeFileSync(certFile, `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`);
  writeFileSync(join(directory, "tls.key.pem"), privateKey.export({ type: "pkcs8", format: "pem" }), {
    mode: 0o600,
  });
  return certFile;
}

export function readTlsFiles(directory) {
  return {
    key: readFileSync(join(directory, "tls.key.pem"), "utf8"),
    cert: readFileSync(join(directory, "tls.cert.pem"), "utf8"),
  };
}
