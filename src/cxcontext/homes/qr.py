"""
QR codes of links, to be scanned from a screen or from paper.

Drawn by segno (``pip install 'cxcontext[qr]'``), which is imported when it is
needed. ISO/IEC 18004 wants four modules of white around a code; level M restores
15 % of it. Micro QR codes would be smaller, and phones do not read them.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from cxcontext.errors import UsageError

if TYPE_CHECKING:
    from segno import QRCode

BORDER_MODULES: Final = 4
DEFAULT_SCALE_PX: Final = 8
# A link of ours has some 120; the codes of much longer ones are hard to scan.
MAX_CHARS: Final = 1024


def qr_svg(text: str, *, scale_px: int = DEFAULT_SCALE_PX) -> str:
    """
    Return an SVG document with *text* as a QR code, fit to be put into HTML.

    Args:
        text: A link: `web_link` or `tel_link`.
        scale_px: How wide one module is.

    Raises:
        UsageError: When segno is not installed, or *text* is empty or longer than
            1,024 characters.

    .. versionadded:: 0.1.0
    """
    out = io.BytesIO()
    _drawn(text).save(
        out,
        kind="svg",
        scale=scale_px,
        border=BORDER_MODULES,
        xmldecl=False,
        svgclass=None,
        lineclass=None,
        # Dark pages would show through.
        light="white",
        nl=False,
    )
    return out.getvalue().decode("utf-8")


def qr_png(text: str, *, scale_px: int = DEFAULT_SCALE_PX) -> bytes:
    """
    Return a PNG image with *text* as a QR code.

    Args:
        text: As for `qr_svg`.
        scale_px: How wide one module is.

    Raises:
        UsageError: As `qr_svg`.

    .. versionadded:: 0.1.0
    """
    out = io.BytesIO()
    _drawn(text).save(out, kind="png", scale=scale_px, border=BORDER_MODULES)
    return out.getvalue()


def _drawn(text: str) -> QRCode:
    try:
        import segno  # noqa: PLC0415
    except ImportError:
        raise UsageError(
            "QR codes are drawn by segno: pip install 'cxcontext[qr]'"
        ) from None
    if not 1 <= len(text) <= MAX_CHARS:
        raise UsageError(f"a QR code of 1 to {MAX_CHARS} characters can be scanned")
    return segno.make(text, error="m", boost_error=False, micro=False)
