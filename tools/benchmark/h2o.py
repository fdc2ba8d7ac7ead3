"""h2o as the server that clients are checked against: it decodes every header, and judges what Apple would."""

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .process import Failure, Program

PATIENCE_S = 10.0
CONFIGURATION = """\
{user}
listen:
  host: 127.0.0.1
  port: {port}
  ssl:
    certificate-file: "{folder}/server.pem"
    key-file: "{folder}/server.key"
    ocsp-update-interval: 0
hosts:
  default:
    paths:
      /:
        mruby.handler: |
          Proc.new do |env|
            good = env["REQUEST_METHOD"] == "POST" &&
              env["PATH_INFO"].match(/\\A\\/3\\/device\\/[0-9A-Fa-f]{{64}}\\z/) &&
              env["HTTP_APNS_TOPIC"] == "im.example.chat" &&
              env["HTTP_APNS_PUSH_TYPE"] == "alert" &&
              env["HTTP_APNS_PRIORITY"] == "10" &&
              env["HTTP_AUTHORIZATION"].to_s.match(/\\A[Bb]earer [^. ]+\\.[^. ]+\\.[^. ]+\\z/) &&
              env["rack.input"].read.bytesize == 200
            [good ? 200 : 400, {{"apns-id" => env["HTTP_APNS_ID"].to_s}}, []]
          end
"""


def program() -> str | None:
    """Debian has servers where the PATH of ordinary users does not lead."""
    return shutil.which("h2o") or shutil.which("h2o", path="/usr/sbin")


@contextmanager
def running(folder: Path, core: str) -> Iterator[int]:
    """Its port, while it runs."""
    path = program()
    if not path:
        raise Failure("there is no h2o")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # As root it would give itself up for a user that cannot read the key.
    user = "user: root" if (folder / "server.key").stat().st_uid == 0 else ""
    file = folder / "h2o.yaml"
    file.write_text(CONFIGURATION.format(user=user, port=port, folder=folder))
    with (folder / "h2o.log").open("wb") as log, Program([path, "--conf", str(file)], core, log) as server:
        _wait(server, port)
        yield port


def _wait(server: Program, port: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not server.has_ended() and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.01)
    raise Failure(f"h2o does not listen: {server.last_words()}")
