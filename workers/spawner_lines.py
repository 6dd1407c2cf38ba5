"""What goes between a worker and its spawner.

The control socket brings one byte and a descriptor for each new *line*, a stream socket that carries attempts, one
after another. Both ways it carries frames: a kind (one byte), a length (four bytes, big-endian), a content.

- To here: `S` start (see `Request`); and for the attempt that runs (ignored when none does) `T` terminate, `K` kill,
  `H` hold (read its output no further), `G` go on. The line's end means kill.
- From here: `O` and `R` output and error output, `P` the leader's process id (once it has run for a moment: what ends
  sooner need not be found again), `E` what went wrong, `T` TERM was sent, and last, once nothing is left of it, `X`:
  see `EXIT`, followed by the outputs.

The spawner's process imports this too, so nothing but the standard library's small parts.
"""

import os
import struct

FRAME = struct.Struct("!cI")
EXIT = struct.Struct("!i??")
"""Exit code (negative: a signal's number); whether the directory is left to be removed; whether outputs were read."""


class Request:
    """What to start: the length of the fields (`!I`), the fields, each ended by NUL, and the script.

    The fields are the attempt's directory, the program, the number of its arguments, these, and `NAME=value`s.
    """

    def __init__(self, content: bytes) -> None:
        (length,) = struct.unpack_from("!I", content)
        self.root, self.program, count, *rest = content[4 : 4 + length].split(b"\0")[:-1]
        self.argv = rest[: int(count)]
        self.env = dict(setting.split(b"=", 1) for setting in rest[int(count) :])
        self.script = content[4 + length :]

    def prepare(self) -> None:
        """Make the attempt's directory with `script`, and `work` to start in. Raises `OSError`.

        Where there is something to start with, the worker has made both.
        """
        try:
            os.mkdir(self.root, 0o700)  # noqa: PTH102 - pathlib costs each fork
            os.mkdir(self.root + b"/work")  # noqa: PTH102 - as above
        except FileExistsError:
            pass
        fd = os.open(self.root + b"/script", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            rest = memoryview(self.script)
            while rest:
                rest = rest[os.write(fd, rest) :]
        finally:
            os.close(fd)
