"""Where installed programs are."""

from __future__ import annotations

import os
import shutil

SEARCH_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin"


def find_program(*names: str) -> str | None:
    """The first of these that is installed. An environment variable named like one, in capitals
    and with _ for what a name cannot have there, says where it is instead."""
    for name in names:
        variable = name.upper().replace("-", "_")
        path = shutil.which(os.environ.get(variable) or name, path=SEARCH_PATH)
        if path:
            return path
    return None
