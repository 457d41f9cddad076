import { afterAll, expect, test } from "vitest";
import { ed25519, pem, refused, temporaryFolder, write } from "../test/support.ts";
import { loadPeer, parsePeerSpec } from "./peer-spec.ts";
import { pinnedPeers } from "./trust-store.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());

test.each([
  ["alice=alice.pub.pem", "alice", "alice.pub.pem"],
  ["alice=/keys/a=b.pem", "alice", "/keys/a=b.pem"],
  ["alice.pub.pem", "alice", "alice.pub.pem"],
  ["keys/bob.pub.pem", "bob", "keys/bob.pub.pem"],
  ["keys/carol.pem", "carol", "keys/carol.pem"],
  ["keys/dave", "dave", "keys/dave"],
  ["./a=b/eve.pub.pem", "eve", "./a=b/eve.pub.pem"],
  ["A.b-c_9=f", "A.b-c_9", "f"],
])("%s is %s in %s", (spec, name, file) => {
  expect(parsePeerSpec(spec)).toEqual({ name, file });
});

test.each([
  "",
  "alice=",
  "=alice.pub.pem",
  "two words=a.pem",
  "two words.pub.pem",
  ".pub.pem",
  `${"x".repeat(65)}=a.pem`,
])("%j is refused with a code", async (spec) => {
  await refused("ERR_PEER_SPEC", () => parsePeerSpec(spec));
});

test("the named key is loaded and can be pinned", async () => {
  const { publicKey } = ed25519();
  const file = write(folder.path("alice.pub.pem"), pem(publicKey), 0o644);
  const peers = [
    await loadPeer(file),
    await loadPeer(`bob=${write(folder.path("b.pem"), pem(ed25519().publicKey), 0o644)}`),
  ];
  expect(
    pinnedPeers(peers)
      .list()
      .map(({ name }) => name),
  ).toEqual(["alice", "bob"]);
});

test("a private key given as a peer is refused", async () => {
  const file = write(folder.path("mallory.pub.pem"), pem(ed25519().privateKey));
  await refused("ERR_KEY_NOT_PUBLIC", () => loadPeer(`mallory=${file}`));
});
