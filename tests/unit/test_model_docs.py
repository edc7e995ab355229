"""The pages of the models are served to this machine only, and may load nothing from elsewhere."""

import threading
import urllib.request
from pathlib import Path

from interview_data.commands.model_docs import LOOPBACK, POLICY, make_server


def test_pages_are_served_on_loopback_and_held_to_what_is_in_them(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<h1>Models</h1>")
    with make_server(tmp_path, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert server.server_address[0] == LOOPBACK
        url = f"http://{LOOPBACK}:{server.server_port}/index.html"
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert answer.read() == b"<h1>Models</h1>"
            assert answer.headers["Content-Security-Policy"] == POLICY
        server.shutdown()
    assert "http" not in POLICY
