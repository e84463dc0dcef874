"""Parts of a file by the `Range` header (RFC 9110)."""

import re

from litestar.exceptions import HTTPException


class RangeNotSatisfiable(HTTPException):
    """416: the range begins behind the end of the file."""

    status_code = 416

    def __init__(self, size: int) -> None:
        super().__init__(f"The file has {size} bytes.", headers={"Content-Range": f"bytes */{size}"})


def wanted_part(header: str | None, size: int) -> tuple[int, int] | None:
    """`(start, end)`, the end not included; None when the whole file is to be sent.

    As the RFC allows, a header that is not understood, or asks for several ranges, is ignored. Raises
    RangeNotSatisfiable.
    """
    found = re.fullmatch(r"bytes=\s*(\d*)-(\d*)\s*", header or "")
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        start, end = max(0, size - int(found[2])), size
    else:
        start, end = int(found[1]), min(int(found[2]) + 1, size) if found[2] else size
        if found[2] and int(found[2]) < start:
            return None
    if start >= size or start == end:
        raise RangeNotSatisfiable(size)
    return start, end
