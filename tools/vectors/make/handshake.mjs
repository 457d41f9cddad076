import { delegatedIdentity, NOW, rawIdentity, runHandshake } from "./world.mjs";

/** Whole handshakes between two ends of the implementation. */
export async function handshakes({ alice, mallory, tools, delegate, recorded }) {
  const { p256, p384, rsa } = recorded;
  const out = [];
  const run = async (name, note, client, server) => {
    const vector = await runHandshake({ name, note, client, server });
    out.push(vector);
    return vector;
  };

  const both = {
    client: { identity: rawIdentity(alice), accepts: [tools] },
    server: { identity: rawIdentity(tools), accepts: [alice] },
  };
  const first = await run("ed25519", "Both ends sign with Ed25519 identity keys.", both.client, both.server);
  await run(
    "ecdsa-p256 client",
    "The client signs with ECDSA P-256; binary framing. The client's signature is recorded.",
    { identity: rawIdentity(p256), accepts: [tools] },
    { identity: rawIdentity(tools), accepts: [p256], framings: [2, 1] },
  );
  await run(
    "delegated rsa server, ecdsa-p384 client",
    "The server's RSA key delegated to an Ed25519 key; the client signs with ECDSA P-384 (recorded).",
    { identity: rawIdentity(p384), accepts: [rsa] },
    { identity: await delegatedIdentity(rsa, delegate, "server"), accepts: [p384] },
  );
  const clientDelegate = await delegatedIdentity(alice, delegate, "client");
  await run(
    "delegated client",
    "The client's identity key delegated; the delegation's end bounds the session.",
    { identity: clientDelegate, accepts: [tools] },
    { identity: rawIdentity(tools), accepts: [alice] },
  );

  const { ticket } = first.session;
  const until = NOW + 3_600_000;
  const tickets = {
    client: {
      id: new Uint8Array(ticket.id),
      psk: ticket.psk,
      audience: first.client.audience,
      notAfter: until,
      serverCredential: ticket.server_credential,
    },
    server: {
      id: new Uint8Array(ticket.id),
      psk: ticket.psk,
      audience: first.client.audience,
      notAfter: until,
      peerCredential: ticket.client_credential,
    },
  };
  await run(
    "resumption",
    "Resumes the session of \"ed25519\" with its ticket, of which one hour is left.",
    { ...both.client, ticket: tickets.client },
    { ...both.server, ticket: tickets.server },
  );
  const anonymous = await run(
    "anonymous",
    "The client has no identity, and the server admits that.",
    { accepts: [tools] },
    { ...both.server, clientAuth: "optional" },
  );
  const loose = anonymous.session.ticket;
  await run(
    "anonymous resumption",
    "Resumes the session of \"anonymous\".",
    {
      accepts: [tools],
      ticket: { ...tickets.client, id: new Uint8Array(loose.id), psk: loose.psk },
    },
    {
      ...both.server,
      clientAuth: "optional",
      ticket: { ...tickets.server, id: new Uint8Array(loose.id), psk: loose.psk, peerCredential: null },
    },
  );
  await run(
    "evidence both ways",
    "Each end asks for evidence of type sample and gets it: F3 and S3.",
    { ...both.client, evidence: true, appraises: true },
    { ...both.server, evidence: true, appraises: true },
  );
  await run(
    "evidence of the server",
    "Only the client asks for evidence.",
    { ...both.client, appraises: true },
    { ...both.server, evidence: true },
  );
  await run(
    "evidence of the client",
    "Only the server asks for evidence.",
    { ...both.client, evidence: true },
    { ...both.server, appraises: true },
  );
  await run(
    "anonymous client gives evidence",
    "An anonymous client has neither signing key nor credential in its report data.",
    { accepts: [tools], evidence: true },
    { ...both.server, clientAuth: "optional", appraises: true },
  );
  await run(
    "retry token",
    "The server is under load: F1, R, F1 with token. The transcript begins with the second F1. The token is opaque.",
    both.client,
    { ...both.server, retryThreshold: 0 },
  );
  await run(
    "alert: unknown client",
    "The server does not accept the client's key and says so under seal.",
    { identity: rawIdentity(mallory), accepts: [tools] },
    both.server,
  );
  return out;
}
