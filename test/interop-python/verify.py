"""Opens every recorded vector with the Python package's own code. Usage: verify.py VECTORS_FOLDER"""

import base64
import json
import pathlib
import sys

from bytedance.jeddak_secure_channel.crypto import AesKey, EncryptedMessage, ResponseKey

opened = 0
for path in sorted(pathlib.Path(sys.argv[1]).glob("*-server-*.json")):
    for exchange in json.loads(path.read_text())["exchanges"]:
        if not exchange["sealed"]:
            continue
        key = AesKey(base64.b64decode(exchange["aesKey"]))
        request = EncryptedMessage.deserialize(exchange["request"])
        key.decrypt(request.nonce, request.ciphertext, request.mac)
        opened += 1
        if not exchange["answerSealed"]:
            continue
        lines = [exchange["answer"]]
        if exchange["answerContentType"].startswith("text/event-stream"):
            lines = exchange["answer"].split("\r\n")
            lines = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        for line in lines:
            ResponseKey(key).decrypt(line)
            opened += 1
print(json.dumps({"opened": opened}))
