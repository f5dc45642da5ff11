#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Clients of S3 from npm use the gateway: @aws-sdk/client-s3 with lib-storage and s3-request-presigner,
and minio. The other tests do not need them; without them this test is skipped.

    tests/e2e/test_gateway_npm.py --install    fetches them into build/gateway-npm, once
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from gateway import FAR_S, Gateway, run

SKIPPED = 77
HERE = Path(__file__).resolve().parent
FOLDER = Path(os.environ.get("GATEWAY_NPM", HERE.parents[1] / "build" / "gateway-npm"))
# From 2027 on, new versions of the SDK want Node 22.
PACKAGES = ["@aws-sdk/client-s3@3.1169.0", "@aws-sdk/lib-storage@3.1169.0",
            "@aws-sdk/s3-request-presigner@3.1169.0", "minio@8.0.5"]


def install():
    FOLDER.mkdir(parents=True, exist_ok=True)
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(FOLDER), *PACKAGES],
                   check=True)


def check(client):
    with tempfile.TemporaryDirectory(prefix="thumbq-e2e-") as root:
        photos = Path(root, "buckets", "photos")
        photos.mkdir(parents=True)
        key = json.loads(run(root, "key", "create", "--rights", "read,write", "--json"))
        gateway = Gateway(root)
        try:
            subprocess.run(["node", str(HERE / "gateway_npm.mjs"), client, str(FOLDER), gateway.url,
                            key["id"], key["secret"]], check=True, timeout=FAR_S)
            left = [path for path in photos.rglob("*") if path.is_file()]
            if left:
                raise AssertionError(f"{client} left {left}")
        finally:
            gateway.close()
        print(f"{client}: fine")


def main():
    if "--install" in sys.argv[1:]:
        install()
        return 0
    if not shutil.which("node") or not (FOLDER / "node_modules" / "minio").exists():
        print(f"skipped: no node, or no clients; '{sys.argv[0]} --install' fetches them from npm")
        return SKIPPED
    check("aws")
    check("minio")
    return 0


if __name__ == "__main__":
    sys.exit(main())
