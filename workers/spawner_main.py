"""The spawner's program, run as a file: the interpreter is started without this application on its path."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120 - no pathlib here

from workers.spawner_loop import main

if __name__ == "__main__":
    main()
