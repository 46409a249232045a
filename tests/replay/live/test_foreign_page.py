"""What a page of another origin, opened in the operator's browser, gets to read: nothing."""

from __future__ import annotations

import http.server
import threading

from chromium import chromium

PAGE = """<!doctype html><meta charset="utf-8"><title>elsewhere</title>
<iframe id="frame" src="{base}/"></iframe>
<form id="form" target="other" method="post" action="{base}/v1/games"><input name="x" value="1"></form>
<iframe name="other" id="other"></iframe>
<script>
const read = [];
const tries = [
  fetch("{base}/v1/games").then((r) => r.text()).then((t) => read.push("fetch " + t)).catch(() => 0),
  fetch("{base}/v1/games", {{mode: "no-cors"}})
    .then((r) => r.text()).then((t) => t && read.push("no-cors " + t)).catch(() => 0),
  new Promise((done) => {{
    const source = new EventSource("{base}/v1/signals/stream");
    source.onopen = () => {{ read.push("events"); done(); }};
    source.onerror = done;
  }}),
  new Promise((done) => {{
    const socket = new WebSocket("{ws}/v1/ws");
    socket.onopen = () => {{ read.push("socket"); done(); }};
    socket.onerror = done;
  }}),
  new Promise((done) => {{
    const script = document.createElement("script");
    script.src = "{base}/v1/games";
    script.onload = () => {{ read.push("script"); done(); }};
    script.onerror = done;
    document.head.append(script);
  }}),
];
document.getElementById("form").submit();
window.tried = Promise.all(tries).then(() => read);
</script>"""


def test_a_page_of_another_origin_reads_nothing(site) -> None:
    """fetch, no-cors, EventSource, WebSocket, script, form and frame from another port: none is answered."""
    page_text = PAGE.format(base=f"http://{site.host}", ws=f"ws://{site.host}").encode()

    class Elsewhere(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(page_text)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as elsewhere, chromium() as browser:
        threading.Thread(target=elsewhere.serve_forever, daemon=True).start()
        statuses: list[tuple[str, int]] = []
        page = browser.new_page()
        page.on("response", lambda one: statuses.append((one.url, one.status)))
        page.goto(f"http://127.0.0.1:{elsewhere.server_port}/", wait_until="load")
        assert page.evaluate("window.tried") == []
        ours = [status for url, status in statuses if site.host in url]
        elsewhere.shutdown()
    assert ours
    assert all(status >= 400 for status in ours)
