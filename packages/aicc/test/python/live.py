"""Does what one line of JSON asks for, with the real Python package, and prints one line of JSON."""
import base64
import json
import os
import sys
import tempfile

os.chdir(tempfile.mkdtemp())  # its logger makes a folder where it runs
_stdout = os.dup(1)
os.dup2(2, 1)  # it also prints; the answer alone goes to our reader

from bytedance.jeddak_secure_channel.config import ClientConfig
from bytedance.jeddak_secure_channel.crypto.envelope import ClientSessionKey, ResponseKey, ServerSessionKey
from bytedance.jeddak_secure_channel.crypto.rsa import PrivateKey, PublicKey
from bytedance.jeddak_secure_channel.ra import attest_server, generate_nonce
from bytedance.tks.client import TKSClient, TKSConfig


def open_pair(ask):
    mode = ask["mode"]
    return open(ask["source"], "r" + mode), open(ask["destination"], "w" + mode)


def run(ask):
    what = ask["what"]
    if what == "sign":
        return base64.b64encode(PrivateKey.from_private_pem(ask["pem"]).sign(ask["message"])).decode()
    if what == "verify":
        return PublicKey.from_public_pem(ask["pem"]).verify(base64.b64decode(ask["signature"]), ask["message"])
    if what == "encrypt":
        source, destination = open_pair(ask)
        with source, destination:
            return ClientSessionKey.load(ask["pem"]).encrypt_stream(source, destination, ask["mode"]).serialize()
    if what == "decrypt":  # and answer with the key found inside
        source, destination = open_pair(ask)
        key = ServerSessionKey(PrivateKey.from_private_pem(ask["pem"]), None, None)
        with source, destination:
            response = key.decrypt_stream(ask["metadata"], source, destination, ask["mode"])
        return response.encrypt_file(ask["answer"], ask["sealed"], ask["mode"])
    if what == "attest":
        config = ClientConfig.from_dict(ask["config"])
        return attest_server(None, config, generate_nonce())
    if what == "export":
        client = TKSClient(ask["app"], TKSConfig(addr=ask["url"], top_config=ask.get("top", {})))
        return client.get_key(ask["ring"], ask["key"], need_evidence=False).decode()
    if what == "import":
        client = TKSClient(ask["app"], TKSConfig(addr=ask["url"], top_config=ask.get("top", {})))
        return client.import_key(ask["ring"], "AES_256", ask["material"].encode())
    if what == "operations":
        client = TKSClient(ask["app"], TKSConfig(addr=ask["url"]))
        return [client.create_ring("r"), client.list_ring_id(), client.create_key("ring-1", "RSA_4096"),
                client.list_key("ring-1"), client.get_key_info("ring-1", "key-1"), client.set_key_policy("r", "key-1", "rules")]
    raise ValueError(what)


for line in sys.stdin:
    try:
        answer = {"ok": run(json.loads(line))}
    except Exception as e:
        answer = {"error": f"{type(e).__name__}: {e}"}
    os.write(_stdout, (json.dumps(answer) + "\n").encode())
