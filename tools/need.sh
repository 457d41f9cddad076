#!/usr/bin/env bash
# Debian programs that tests use for real: `tools/need.sh chromium nginx`. Installs those whose command of the same
# name is not there.
set -euo pipefail

missing=()
for name in "$@"; do
  command -v "$name" >/dev/null || missing+=("$name")
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "These tests need: ${missing[*]}. Install them with your package manager, or run this as root on Debian." >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -q -y --no-install-recommends "${missing[@]}"
