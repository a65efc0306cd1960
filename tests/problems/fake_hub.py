"""A mirror of the hub in a hundred lines: one dataset at one revision, enough for `datasets.load_dataset`."""

import hashlib
import http.server
import json
import threading


def files_of_gsm8k(rows, folder):
    """The files of a repository of GSM8K with these rows, for `FakeHub`; folder: to write into."""
    from datasets import Dataset

    Dataset.from_list(rows).to_parquet(str(folder / "test.parquet"))
    card = "---\nconfigs:\n- config_name: main\n  data_files:\n  - split: test\n    path: main/test-*\n---\n"
    return {
        "README.md": card.encode(),
        "main/test-00000-of-00001.parquet": (folder / "test.parquet").read_bytes(),
    }


class FakeHub(http.server.ThreadingHTTPServer):
    """Serves `files` (path -> bytes) as the dataset `name` at `revision`; `asked` lists the paths it was asked for."""

    def __init__(self, name, revision, files):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name, self.revision, self.files, self.asked = name, revision, files, []

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def tree(self, folder):
        """One level of the repository, as the hub's API lists it."""
        entries = {}
        for path, content in self.files.items():
            if path.startswith(folder):
                head, slash, _ = path[len(folder) :].partition("/")
                kind = "directory" if slash else "file"
                entries[folder + head] = {
                    "type": kind,
                    "path": folder + head,
                    "size": len(content),
                    "oid": _oid(content),
                }
        return list(entries.values())


def _oid(content):
    return hashlib.sha1(content).hexdigest()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        hub, path = self.server, self.path.split("?")[0]
        hub.asked.append(path)
        api, resolve = f"/api/datasets/{hub.name}", f"/datasets/{hub.name}/resolve/{hub.revision}/"
        if path.startswith(f"{api}/tree/{hub.revision}"):
            folder = path.removeprefix(f"{api}/tree/{hub.revision}").strip("/")
            self.answer(hub.tree(folder + "/" if folder else ""))
        elif path.startswith(api):
            files = [{"rfilename": name} for name in hub.files]
            self.answer(
                {"id": hub.name, "sha": hub.revision, "siblings": files, "private": False, "tags": []}
            )
        elif path.startswith(resolve) and path.removeprefix(resolve) in hub.files:
            content = hub.files[path.removeprefix(resolve)]
            self.answer(content, headers={"ETag": f'"{_oid(content)}"', "X-Repo-Commit": hub.revision})
        else:
            self.answer({}, 404, {"X-Error-Code": "EntryNotFound"})

    do_HEAD = do_GET

    def do_POST(self):
        wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"]))).get("paths", [])
        self.answer([entry for path in wanted for entry in self.server.tree("") if entry["path"] == path])

    def answer(self, body, code=200, headers=None):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_):
        pass
