"""
QR codes, read by an independent reader.
"""

from __future__ import annotations

import re
import struct
import sys
import zlib

import pytest
import zxingcpp

from cxcontext.errors import UsageError
from cxcontext.homes import qr_png, qr_svg, tel_link, web_link

LINKS = [
    web_link("https://example.com/continue", reference=b"\x15\xc0" + bytes(28)),
    tel_link("+12025550123", code="572000007"),
    "x" * 1024,
]


def pixels_of_png(data):
    """
    Return a greyscale image's width and its pixels, a byte each.
    """
    assert b"\x89PNG\r\n\x1a\n" == data[:8]
    at, packed, width, height = 8, b"", 0, 0
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        kind, chunk = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        at += 12 + size
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack_from(">IIBB", chunk)
            assert (1, 0) == (depth, colour)
        elif kind == b"IDAT":
            packed += chunk
    row_bytes = (width + 7) // 8
    rows = zlib.decompress(packed)
    pixels, above = bytearray(), bytes(row_bytes)
    for number in range(height):
        kind_of_row, *row = rows[number * (row_bytes + 1) :][: row_bytes + 1]
        # Segno writes rows as they are, or as what differs from the one above.
        assert kind_of_row in (0, 2)
        if kind_of_row == 2:
            row = [(a + b) % 256 for a, b in zip(row, above, strict=True)]
        above = bytes(row)
        bits = "".join(f"{byte:08b}" for byte in row)[:width]
        pixels += bytes(255 * int(bit) for bit in bits)
    return width, bytes(pixels)


def pixels_of_svg(text):
    """
    Return the width and pixels of what is drawn, by segno's kind of paths only:
    horizontal strokes of one module.
    """
    size_px = int(re.search(r'<svg [^>]*width="(\d+)"', text)[1])
    scale = int(re.search(r"scale\((\d+)\)", text)[1])
    drawn = re.search(r'stroke="#000"[^>]* d="([^"]+)"', text)[1]
    pixels = bytearray(b"\xff" * size_px * size_px)
    x, y = 0.0, 0.0
    for command, arguments in re.findall(r"([Mmh])([-\d. ]+)", drawn):
        numbers = [float(n) for n in re.findall(r"-?\d*\.?\d+", arguments)]
        if command == "M":
            x, y = numbers
        elif command == "m":
            x, y = x + numbers[0], y + numbers[1]
        else:
            for row in range(int(y * scale - scale / 2), int(y * scale + scale / 2)):
                start = row * size_px + int(x * scale)
                length = int(numbers[0] * scale)
                pixels[start : start + length] = bytes(length)
            x += numbers[0]
    return size_px, bytes(pixels)


def read(width, pixels):
    """
    Return the texts that the reader finds, and of which kind of square code.

    In a thousand characters it also sees stripes.
    """
    image = memoryview(pixels).cast("B", [len(pixels) // width, width])
    return [
        (found.text, found.format)
        for found in zxingcpp.read_barcodes(image)
        if "QR" in found.format.name
    ]


class TestRead:
    """
    What was written is read.
    """

    @pytest.mark.parametrize("text", LINKS, ids=["web", "tel", "longest"])
    @pytest.mark.parametrize("scale_px", [3, 8])
    def test_a_png_is_read(self, text, scale_px):
        """
        One full-sized QR code with exactly the text.
        """
        found = read(*pixels_of_png(qr_png(text, scale_px=scale_px)))

        assert [(text, zxingcpp.BarcodeFormat.QRCode)] == found

    @pytest.mark.parametrize("text", LINKS, ids=["web", "tel", "longest"])
    def test_an_svg_is_read(self, text):
        """
        The same.
        """
        found = read(*pixels_of_svg(qr_svg(text)))

        assert [(text, zxingcpp.BarcodeFormat.QRCode)] == found

    def test_a_damaged_one_is_read(self):
        """
        A stroke of a pen through the middle is restored.
        """
        width, pixels = pixels_of_png(qr_png(LINKS[0]))
        middle = len(pixels) // 2 // width * width
        damaged = pixels[:middle] + bytes(width * 10) + pixels[middle + width * 10 :]

        assert LINKS[0] in [text for text, _ in read(width, damaged)]


class TestDrawn:
    """
    How it is drawn.
    """

    def test_there_are_four_modules_of_white_around(self):
        """
        As ISO/IEC 18004 wants, at any scale.
        """
        width, pixels = pixels_of_png(qr_png(LINKS[0], scale_px=8))
        rows = [pixels[at : at + width] for at in range(0, len(pixels), width)]

        assert {255} == {*b"".join(rows[:32]), *b"".join(row[:32] for row in rows)}
        assert 0 == rows[32][32]

    def test_an_svg_has_nothing_but_strokes(self):
        """
        The link is in no title, description or attribute of it, and no script is.
        """
        text = qr_svg(LINKS[0])

        assert text.startswith("<svg ")
        assert not re.search(r"example|CX|<title|<desc|<script|\?xml", text)


class TestUsage:
    """
    What the calling code is told.
    """

    @pytest.mark.parametrize("text", ["", "x" * 1025])
    def test_a_text_is_short(self, text):
        """
        One to 1,024 characters.
        """
        with pytest.raises(UsageError, match="1 to 1024"):
            qr_png(text)

    @pytest.mark.parametrize("draw", [qr_svg, qr_png])
    def test_without_segno_the_extra_is_named(self, monkeypatch, draw):
        """
        It is imported when it is needed, and what to install is said.
        """
        monkeypatch.setitem(sys.modules, "segno", None)

        with pytest.raises(UsageError, match=r"pip install 'cxcontext\[qr\]'"):
            draw("x")
