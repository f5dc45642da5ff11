# SPDX-License-Identifier: Apache-2.0
"""nginx in front of a server, as it would be deployed."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from harness import wait_for

# The search path of an ordinary user has no /usr/sbin.
NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
NO_NGINX = "needs nginx (Debian: nginx-light)"
FAR_S = 120


@contextlib.contextmanager
def proxy(port):
    """Runs nginx, which keeps connections to the server at `port` open. Yields its own port."""
    with tempfile.TemporaryDirectory(prefix="thumbq-e2e-") as folder:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            front = free.getsockname()[1]
        Path(folder, "nginx.conf").write_text(f"""
            daemon off; pid {folder}/pid; error_log stderr crit; worker_processes 1;
            events {{ }}
            http {{
                access_log off;
                client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
                fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
                scgi_temp_path {folder}/s;
                client_max_body_size 0;
                upstream server {{ server 127.0.0.1:{port}; keepalive 8; }}
                server {{
                    listen 127.0.0.1:{front};
                    location / {{
                        proxy_pass http://server;
                        proxy_http_version 1.1; proxy_set_header Connection "";
                        proxy_set_header Host $http_host;
                        proxy_request_buffering off;
                    }}
                }}
            }}""")
        nginx = subprocess.Popen([NGINX, "-c", f"{folder}/nginx.conf", "-p", folder],
                                 stderr=subprocess.PIPE)

        def is_up():
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", front), FAR_S).close()
                return True
            return False

        try:
            wait_for(is_up, "nginx listens")
            yield front
        finally:
            nginx.terminate()
            nginx.communicate(timeout=FAR_S)
