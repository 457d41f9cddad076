"""Writes the vectors beside this file with the real Python packages, as behaviour to be compatible with.

Needs: trustedmcp==0.0.5 (and what it needs), pymerkle==6.1.0. Run: python make.py
It records no private key: RSA keys are thrown away, what remains are public keys, signatures and data keys.
"""
import base64, hashlib, io, json, pathlib, tempfile
from datetime import datetime, timezone
from unittest import mock

import volcenginesdkcore.signv4 as signv4
from bytedance.jeddak_secure_channel import ra, utils
from bytedance.jeddak_secure_channel.crypto.aes import AesKey
from bytedance.jeddak_secure_channel.crypto.rsa import PrivateKey
from bytedance.jeddak_secure_channel.merkle_utils import MerkleProof, verify_inclusion
from bytedance.tks.crypto import aes as tks_aes
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pymerkle import InmemoryTree

HERE = pathlib.Path(__file__).parent
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=timezone.utc)


class Frozen(datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW if tz else NOW.replace(tzinfo=None)

    @classmethod
    def utcnow(cls):
        return NOW.replace(tzinfo=None)


def write(name, data):
    (HERE / name).write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def signatures():
    rows = []
    cases = [
        dict(query={"Action": "GetAttestationBackend", "Version": "2024-12-24"}, body='{"Nonce":"00"}', token=None),
        dict(query={"Action": "ListTksRing", "Version": "2024-12-24", "a b": "!'()*~", "é": "/?&="}, body="{}", token=None),
        dict(query={"Action": "ExportTksKey", "Version": "2024-12-24"}, body='{"密":"钥"}', token="sts-token+/="),
        dict(query={}, body="", token=None),
    ]
    with mock.patch.object(signv4.datetime, "datetime", Frozen):
        for case in cases:
            headers = {"Host": "open.volcengineapi.com", "Content-Type": "application/json"}
            signv4.SignerV4.sign("/", "POST", headers, case["body"], None, case["query"], "AKLTexample", "c2VjcmV0LWV4YW1wbGU=",
                                 "cn-beijing", "pcc", case["token"])
            rows.append(dict(by="volcengine-python-sdk", path="/", host="open.volcengineapi.com", region="cn-beijing", service="pcc",
                             query=list(map(list, case["query"].items())), body=case["body"], sessionToken=case["token"],
                             headers={k.lower(): v for k, v in headers.items()}))
    sent = {}
    def catch(method, url, headers, data, timeout):
        sent.update(url=url, headers=headers, body=data)
        return mock.Mock(text="{}")
    with mock.patch.object(utils, "datetime", Frozen), mock.patch.object(utils.requests, "request", catch):
        utils.request_bytedance_gateway("", {"Nonce": "0" * 32, "PolicyID": "p", "ServiceName": "s", "KeyNegotiation": True, "Token": True}, {"UID": "7"},
            {"ak": "AKLTexample", "sk": "c2VjcmV0LWV4YW1wbGU=", "service": "pcc_test", "region": "cn-shanghai", "url": "open.volcengineapi.com"})
    headers = {k.lower(): v for k, v in sent["headers"].items() if k != "UID"}
    rows.append(dict(by="trustedmcp", path="/", host="open.volcengineapi.com", region="cn-shanghai", service="pcc_test",
                     query=[["Action", "GetAttestationBackend"], ["Version", "2024-12-24"]], body=sent["body"], sessionToken=None, headers=headers, url=sent["url"]))
    write("signatures.json", dict(now=int(NOW.timestamp() * 1000), accessKeyId="AKLTexample", secretAccessKey="c2VjcmV0LWV4YW1wbGU=", rows=rows))


def report_data():
    rows = []
    pem = PrivateKey.generate().public_pem()
    nonce = "000102030405060708090a0b0c0d0e0f"
    for key in [pem, ""]:
        base = hashlib.sha256(nonce.encode()).hexdigest() + (hashlib.sha256(key.encode()).hexdigest() if key else "0" * 64)
        assert ra.verify_nonce(None, base, nonce, key)
        rows.append(dict(nonce=nonce, publicKey=key, reportData=base, proof=None))
        for size in [1, 2, 3, 5, 8, 13]:
            for index in sorted({0, size // 2, size - 1}):
                tree = InmemoryTree(algorithm="sha512")
                for i in range(size):
                    tree.append_entry(base.encode() if i == index else b"another pod %d" % i)
                proof = tree.prove_inclusion(index + 1).serialize()
                root = tree.get_state().hex()
                assert ra.verify_nonce(proof, root, nonce, key)
                rows.append(dict(nonce=nonce, publicKey=key, reportData=root, proof=proof))
    write("report-data.json", rows)


def agreement():
    rows = []
    for n in range(3):
        shared = hashlib.sha384(bytes([n])).digest()
        key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=None).derive(shared)
        text = b"plaintext %d " % n * (n * 40)
        sealed = tks_aes.gcm_encrypt(key, text)
        rows.append(dict(shared=shared.hex(), key=key.hex(), plaintext=text.hex(), sealed=sealed.hex()))
    write("agreement.json", rows)


def helpers():
    private = PrivateKey.generate()
    messages = ["a", "多语言 message", "x" * 5000]
    signed = [dict(message=m, signature=base64.b64encode(private.sign(m)).decode()) for m in messages]
    other = PrivateKey.generate()
    refused = [dict(message="a", signature=base64.b64encode(other.sign("a")).decode())]
    files = []
    texts = ["", "one line", "one line\n", "\n", "a\n\nb\n", "trailing\n\n", "crlf\r\nold mac\rmixed\n", "密文\u2028é\n", "\tspaces \n" * 50, "v\x0bf\x0cs\x1c\x85end\n"]
    with tempfile.TemporaryDirectory() as folder:
        src, dst, back = (pathlib.Path(folder) / n for n in ["src", "dst", "back"])
        for text in texts + [bytes(range(256)) * 9]:
            mode = "t" if isinstance(text, str) else "b"
            raw = text.encode() if mode == "t" else text
            src.write_bytes(raw)
            key = AesKey.generate()
            with open(src, "r" + mode) as s, open(dst, "w" + mode) as d:
                nonce, mac = key.encrypt_stream(s, d, mode)
            with open(dst, "r" + mode) as s, open(back, "w" + mode) as d:
                key.decrypt_stream(s, d, nonce, mac, mode)
            files.append(dict(mode=mode, key=key.key.hex(), nonce=nonce.hex(), mac=mac.hex(), plain=raw.hex(),
                              encrypted=dst.read_bytes().hex(), decrypted=back.read_bytes().hex()))
    write("helpers.json", dict(publicKey=private.public_pem(), signed=signed, refused=refused, files=files))


signatures(); report_data(); agreement(); helpers()
