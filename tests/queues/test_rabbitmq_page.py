"""
The programs of docs/howto/rabbitmq.md, on a broker.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pika

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "rabbitmq.md"
URL = "amqp://guest:guest@127.0.0.1:5672/%2F"


def test_the_pages_programs_do_what_they_say(rabbitmq_url, tmp_path):
    """
    Both programs run as they are written, against the broker of this session.
    """
    text = PAGE.read_text("utf-8").replace(URL, rabbitmq_url)
    for name, program in re.findall(
        r"<!-- file: (\S+) -->\n```python\n(.*?)```", text, re.DOTALL
    ):
        (tmp_path / name).write_text(program, "utf-8")
    keys = "keys init acme:Acme --domain acme.example --out keys"
    command = [sys.executable, "-m", "cxcontext.cli", *keys.split()]
    subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    programs = re.findall(
        r"<!-- not run: [^\n]* -->\n```python\n(.*?)```", text, re.DOTALL
    )

    assert 2 == len(programs)
    with pika.BlockingConnection(pika.URLParameters(rabbitmq_url)) as connection:
        connection.channel().queue_delete("invoices")
        for program in programs:
            subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
        connection.channel().queue_delete("invoices")
