"""What the disk refuses, said as a failure of the deployment and not of this plugin."""

from __future__ import annotations

import contextlib
import errno
import shutil
from typing import TYPE_CHECKING

from scorewright.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Iterator

_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)


@contextlib.contextmanager
def stored(service: str) -> Iterator[None]:
    """Translate what the system says of a service's files. Raises `DeploymentError` (SW2018)."""
    try:
        yield
    except OSError as error:
        if not (isinstance(error, shutil.Error) or error.errno in (*_FULL, *_REFUSED)):
            raise
        raise DeploymentError(
            "SW2018",
            f"The files of service {service} cannot be written: {error.strerror or 'copying failed'}.",
            cause=str(error),
            steps=[
                "Free space on that disk." if _is_full(error) else "See who may write there.",
                "Or set SCOREWRIGHT_HOME to a folder of yours on another disk.",
            ],
        ) from error


def _is_full(error: OSError) -> bool:
    return error.errno in _FULL or "No space left" in str(error)
