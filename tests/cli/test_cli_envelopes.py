"""
``cxcontext inspect``, ``verify`` and ``explain``: all about an envelope but its values.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from shopfront import SENTINEL

import cxcontext as cx
from cxcontext.core.delivery import sign_delivery
from cxcontext.core.envelope import make_envelope
from cxcontext.core.graph import build_graph
from cxcontext.core.known import Arrival
from cxcontext.core.statement import parse_statement

VERIFY = ("verify", "--key-set", "keys/wares.keys.json")
EXPLAIN = (
    *("explain", "--key-set", "keys/wares.keys.json"),
    *("--vocabulary", "wares:Wares"),
)


@pytest.fixture
def envelope(trade) -> cx.Envelope:
    """
    What sales hands over to billing.
    """
    return trade.journey().hand_over(to="billing")


# --- how it comes ------------------------------------------------------------


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("way", ["argument", "at", "file", "stdin", "dash"])
def test_an_envelope_comes_in_many_ways(shop, run, envelope, way, binary):
    """
    As an argument, in a file, or on standard input; as text or as bytes.
    """
    raw = bytes(envelope) if binary else f" {envelope}\n".encode()
    (shop / "envelope").write_bytes(raw)
    if way == "argument":
        ran = run("inspect", str(envelope), "--json")
    elif way == "at":
        ran = run("inspect", "@envelope", "--json")
    elif way == "file":
        ran = run("inspect", "--file", "envelope", "--json")
    elif way == "stdin":
        ran = run("inspect", "--json", stdin=raw)
    else:
        ran = run("inspect", "-", "--json", stdin=raw)

    assert 0 == ran.status
    assert len(bytes(envelope)) == json.loads(ran.out)["bytes"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("envelope.bin",), "ENVELOPE does not begin with cx1.; write @FILE"),
        (("@nowhere",), "nowhere: No such file or directory"),
        (("--file", "."), ".: Is a directory"),
        (("cx1.AA", "--file", "x"), "an envelope and --file were given"),
        (("cx1.AA", "cx1.SECRET"), "unrecognized arguments: (an envelope); see"),
        (("--values",), "unrecognized arguments: --values; see `cxcontext --help`"),
    ],
)
def test_envelopes_that_cannot_be_had(shop, run, arguments, words):
    """
    A mistake with the input is one line that names the fix, without the envelope.
    """
    ran = run("inspect", *arguments)

    assert 2 == ran.status
    assert words in ran.line
    assert "SECRET" not in ran.err


HOSTILE = {
    "nothing": (b"", "malformed"),
    "noise": (b"\xff" * 100, "malformed"),
    "only the prefix": (b"cx1.", "malformed"),
    "padding": (b"cx1.A=", "not_canonical"),
    "control characters": (b"cx1.\x1b[2J", "malformed"),
    "another version": (b"\x83\x02\x80\x80", "unsupported_version"),
    "nesting": (b"\x9f" * 70_000, "limit_exceeded"),
    "too much": (b"\x81" * 300_000, "too_large"),
    "far too much": (b"x" * 10**6, "too_large"),
    "far too much text": (b"cx1." + b"A" * 10**6, "too_large"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_input_is_one_line(shop, run, what):
    """
    Whatever is piped in, the command says what was refused and nothing else.
    """
    raw, code = HOSTILE[what]

    ran = run("inspect", stdin=raw)

    assert (1, "") == (ran.status, ran.out)
    assert ran.line.startswith(f"cxcontext: refused ({code}): ")
    assert ran.line.isascii()


def test_hostile_input_to_the_real_command_shows_no_traceback(command):
    """
    A process of its own ends with status 1 and one line.
    """
    ran = command("inspect", input=b"\x9f" * 10**6)

    (line,) = ran.stderr.splitlines()
    assert (1, b"") == (ran.returncode, ran.stdout)
    assert line.startswith(b"cxcontext: refused (too_large): ")


# --- inspect -----------------------------------------------------------------


def test_inspect_shows_the_structure_as_claimed(trade, run):
    """
    Statements, sections and the delivery, each without verification and values.
    """
    journey = trade.journey()
    journey.save()
    journey.accept()
    envelope = journey.hand_over(
        to="support",
        binding=b"call-7",
        reply_to=bytes(8),
        withhold=[trade.vocabulary.payment],
    )

    document = json.loads(run("inspect", str(envelope), "--json").out)
    plain = run("inspect", str(envelope)).out
    root, head = document["statements"]

    assert document["claimed"] is True
    assert [3] == root["withheld"]
    assert [2] == [section["scope"] for section in root["present"]]
    assert [-1] == root["clear_fields"]
    assert ([], [root["id"]]) == (root["parents"], head["parents"])
    assert (False, True) == (root["head"], head["head"])
    assert ["accepted"] == head["flags"]
    assert "support" == document["delivery"]["audience"]
    assert (True, "0" * 16) == (
        document["delivery"]["bound"],
        document["delivery"]["reply_to"],
    )
    for words in (
        "claimed throughout: nothing here was verified",
        "nothing: the root",
        root["key"],
        "bound to a message",
        "answers 0000000000000000",
    ):
        assert words in plain


def test_inspect_tells_rest_from_delivery(trade, run):
    """
    What rests has no expiry.
    """
    raw = trade.journey().save(shared=True)

    plain = run("inspect", stdin=raw).out
    delivery = json.loads(run("inspect", "--json", stdin=raw).out)["delivery"]

    assert "for *, issued" in plain
    assert "for rest" in plain
    assert (True, None, "*") == (
        delivery["rests"],
        delivery["expires"],
        delivery["audience"],
    )


def signed_by(department: Any, statements: Any, *, audience: str) -> cx.Envelope:
    """
    Return an envelope of any statements, with a genuine delivery.
    """
    now_s = int(datetime.now(UTC).timestamp())
    delivery = sign_delivery(
        statements,
        signer=department.keys.signers[0],
        domain="wares.example",
        delivery_id=bytes(8),
        audience=audience,
        issued_s=now_s,
        expires_s=now_s + 60,
        arrival=Arrival.DELIVERY,
    )
    graph = build_graph(statements)
    return make_envelope(statements, graph, delivery, domain="wares.example")


def test_an_audience_cannot_steer_the_terminal(trade, run):
    """
    What an envelope claims is made printable before it is shown.
    """
    statements = trade.journey().hand_over(to="billing").statements
    made = signed_by(trade.at("sales"), statements, audience="\x1b[2J[red]")

    ran = run("inspect", str(made))

    assert "for \\x1b[2J[red], issued" in ran.out


# --- verify ------------------------------------------------------------------


def test_verify_prints_sender_arrival_and_statements(envelope, run):
    """
    What a receiver would learn before it reads anything.
    """
    ran = run(*VERIFY, "--for", "billing", str(envelope))
    document = json.loads(run(*VERIFY, "--for=billing", str(envelope), "--json").out)

    assert 0 == ran.status
    assert f"journey {envelope.journey_id}, sent by sales, arrival DELIVERY" in ran.out
    assert (True, "sales") == (document["verified"], document["sender"])
    assert ["sales"] == [s["department"] for s in document["statements"]]
    assert [2, 3] == [s["scope"] for s in document["statements"][0]["present"]]


def test_verify_refuses_with_the_code(envelope, run):
    """
    The status is 1, and the code is on the line and in the JSON.
    """
    ran = run(*VERIFY, "--for", "support", str(envelope))
    machine = run(*VERIFY, "--for", "support", str(envelope), "--json")

    assert 1 == ran.status
    assert ran.line.startswith("cxcontext: refused (wrong_audience): ")
    assert (1, False, "wrong_audience") == (
        machine.status,
        json.loads(machine.out)["verified"],
        json.loads(machine.out)["code"],
    )


def test_verify_sees_what_was_changed(envelope, run):
    """
    One byte changed on the way is refused.
    """
    raw = bytearray(bytes(envelope))
    raw[-1] ^= 1

    ran = run(*VERIFY, "--for", "billing", stdin=bytes(raw))

    assert (1, True) == (ran.status, "refused (bad_delivery_signature)" in ran.line)


def test_verify_knows_rest_bindings_replies_queues_and_times(trade, run):
    """
    What a receiver knows of the message can be said on the command line.
    """
    journey = trade.journey()
    resting = journey.save()
    bound = journey.hand_over(to="billing", binding=b"call", reply_to=b"12345678")
    queued = journey.hand_over(to="billing", lifetime=timedelta(hours=1))
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    to_billing = (*VERIFY, "--for", "billing")

    assert 0 == run(*VERIFY, "--for", "sales", stdin=resting).status
    assert 1 == run(*to_billing, str(bound)).status
    knowing = ("--binding", "call", "--reply-to", b"12345678".hex())
    assert 0 == run(*to_billing, str(bound), *knowing).status
    assert 1 == run(*to_billing, str(queued)).status
    assert 0 == run(*to_billing, str(queued), "--max-lifetime", "3600").status
    expired = run(*to_billing, str(bound), *knowing, "--at", later)
    assert "refused (delivery_expired)" in expired.line


def with_a_forged_head(trade: Any) -> cx.Envelope:
    """
    Return what billing gets with a statement that sales did not sign.
    """
    journey = trade.journey()
    journey.save()
    journey.learn(trade.vocabulary.full_name, "x")
    root, head = journey.hand_over(to="billing").statements
    protected, sections, nothing, signature = head.to_wire()
    forged = parse_statement([protected, sections, nothing, signature[::-1]])
    return signed_by(trade.at("support"), [root, forged], audience="billing")


def test_verify_tells_what_was_left_out(trade, run):
    """
    A forged statement that nobody genuine builds upon is left out, and told.
    """
    envelope = with_a_forged_head(trade)
    arguments = (*VERIFY, "--for", "billing", str(envelope))

    plain = run(*arguments)
    machine = json.loads(run(*arguments, "--json").out)

    assert 0 == plain.status
    assert "left out: a statement claimed by key" in plain.out
    assert ["forged_statement"] == [out["code"] for out in machine["left_out"]]
    assert 1 == len(machine["statements"])


def test_explain_tells_what_was_left_out(trade, run):
    """
    The same statement is named by its claimed key, for it has no known author.
    """
    envelope = with_a_forged_head(trade)

    ran = run(*EXPLAIN, "--keys", "keys/billing.keys.json", str(envelope))

    key_id = envelope.statements[1].key_id.hex()
    assert f"ignored: something claimed by key {key_id}: forged_statement" in ran.out


def test_verify_takes_a_partners_answer(trade, run, keys):
    """
    A partner's answer to an export verifies where one is expected, and only there.
    """
    run("keys", "add", "keys", "partner", "--external")
    at = datetime.now(UTC) + timedelta(hours=2)
    key_set = cx.KeySet.load(keys / "wares.keys.json")
    domain = cx.TrustDomain(
        "wares.example", trade.vocabulary, keys=key_set, clock=lambda: at
    )
    sales, partner = (
        domain.department(name, keys=cx.PrivateKeys.load(keys / f"{name}.keys.json"))
        for name in ("sales", "partner")
    )
    export = sales.begin(channel="chat").export_to("partner")
    answer = partner.receive(export).hand_over(to="sales")
    arguments = (*VERIFY, "--for", "sales", str(answer), "--at", at.isoformat())

    assert 0 == run(*arguments, "--from-external").status
    assert (
        "(external_author)"
        in run(
            *VERIFY,
            "--for",
            "partner",
            str(export),
            "--at",
            at.isoformat(),
            "--from-external",
        ).line
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--for", "nobody"), "no department nobody in the key set; it has billing"),
        (("--for", "sales", "--at", "noon"), "not an instant with its zone"),
        (("--for", "sales", "--at", "2026-01-01"), "not an instant with its zone"),
        (("--for", "sales", "--reply-to", "x"), "argument --reply-to: not hex"),
        (("--for", "sales", "--max-lifetime", "1.5"), "not a whole number of 1 to"),
        ((), "the following arguments are required: --for; see `cxcontext verify"),
    ],
)
def test_verify_says_what_to_do_instead(envelope, run, arguments, words):
    """
    A wrong argument is one line, with status 2.
    """
    ran = run(*VERIFY, str(envelope), *arguments)

    assert (2, True) == (ran.status, words in ran.line)


def test_a_key_set_that_is_none_is_a_usage_error(envelope, run):
    """
    Status 1 is for envelopes; a wrong key file is status 2 with its name.
    """
    ran = run("verify", "--for", "x", "--key-set", "wares.py", str(envelope))

    assert 2 == ran.status
    assert "wares.py: key set refused: the file is not a JSON object" in ran.line


# --- explain -----------------------------------------------------------------


def test_explain_says_what_can_be_read(envelope, run):
    """
    Each field that the department may read is known, or has a reason and a remedy.
    """
    arguments = (*EXPLAIN, "--keys", "keys/billing.keys.json", str(envelope))

    plain = run(*arguments)
    document = json.loads(run(*arguments, "--json").out)
    fields = {field["field"]: field for field in document["fields"]}

    assert 0 == plain.status
    assert "from sales, arrival DELIVERY" in plain.out
    assert ("billing", "sales") == (document["department"], document["received_from"])
    assert {"known"} == {
        fields[name]["state"]
        for name in ("order_number", "card_last4", "product", "language")
    }
    assert ("STATED", "sales", True) == tuple(
        fields["order_number"][name] for name in ("known", "said_by", "settled")
    )
    assert ("never_stated", "ask", None) == tuple(
        fields["full_name"][name] for name in ("state", "remedy", "said_by")
    )
    assert [] == document["ignored"]


def test_explain_says_what_is_withheld_and_sealed_to_others(trade, run):
    """
    Per scope: whether it may be read, how often it is here, and how often only a mark.
    """
    envelope = trade.journey().hand_over(
        to="support", withhold=[trade.vocabulary.payment]
    )
    arguments = (*EXPLAIN, "--keys", "keys/support.keys.json", str(envelope))

    document = json.loads(run(*arguments, "--json").out)
    plain = run(*arguments).out
    scopes = {scope["name"]: scope for scope in document["scopes"]}

    assert (True, 1, 0) == tuple(
        scopes["order"][name] for name in ("may_read", "present", "withheld")
    )
    assert (False, 0, 1) == tuple(
        scopes["payment"][name] for name in ("may_read", "present", "withheld")
    )
    assert "card_last4" not in {field["field"] for field in document["fields"]}
    assert "no, sealed to others" in plain


def test_explain_reads_what_rests(trade, run):
    """
    A saved journey is explained to whom may resume it.
    """
    ran = run(
        *(*EXPLAIN, "--keys", "keys/support.keys.json"),
        stdin=trade.journey().save(shared=True),
    )

    assert (0, True) == (ran.status, "arrival HOME" in ran.out)


def test_explain_tells_what_is_ignored(trade, run, shop):
    """
    A section by somebody who may not write the scope is named, with the reason.
    """
    document = json.loads(run("vocabulary", "export", "wares:Wares").out)
    document["scopes"]["payment"]["writers"] = ["billing"]
    (shop / "strict.json").write_text(json.dumps(document))
    envelope = trade.journey().hand_over(to="billing")
    arguments = (
        *("explain", "--key-set", "keys/wares.keys.json"),
        *("--vocabulary", "strict.json", "--keys", "keys/billing.keys.json"),
    )

    plain = run(*arguments, str(envelope)).out
    machine = json.loads(run(*arguments, str(envelope), "--json").out)

    assert "ignored: something of scope 3 by sales: not_a_writer" in plain
    assert ["not_a_writer"] == [entry["code"] for entry in machine["ignored"]]


def test_explain_refuses_as_the_department_would(envelope, run):
    """
    What was sent to another department is refused, with the code in JSON, too.
    """
    arguments = (*EXPLAIN, "--keys", "keys/sales.keys.json", str(envelope))

    assert "refused (wrong_audience)" in run(*arguments).line
    assert "wrong_audience" == json.loads(run(*arguments, "--json").out)["code"]


def test_explain_asks_for_a_purpose(shop, run, keys):
    """
    A field that is read for purposes only is explained for the one that is given.
    """
    text = (shop / "wares.py").read_text()
    (shop / "aims.py").write_text(
        text.replace("3, str,", "3, str, purposes={'dpv:Marketing'},")
    )
    import aims  # noqa: PLC0415

    key_set = cx.KeySet.load(keys / "wares.keys.json")
    domain = cx.TrustDomain("wares.example", aims.Wares, keys=key_set)
    held = cx.PrivateKeys.load(keys / "sales.keys.json")
    journey = domain.department("sales", keys=held).begin(channel="chat")
    journey.learn(aims.Wares.card_last4, "1234")
    arguments = (
        *("explain", "--key-set", "keys/wares.keys.json", "--vocabulary", "aims:Wares"),
        *(
            "--keys",
            "keys/billing.keys.json",
            "--json",
            journey.hand_over(to="billing"),
        ),
    )

    def state(*more: str) -> str:
        fields = json.loads(run(*arguments, *more).out)["fields"]
        (found,) = (f["state"] for f in fields if f["field"] == "card_last4")
        return found

    assert "wrong_purpose" == state()
    assert "known" == state("--purpose", "dpv:Marketing")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--keys", "keys/wares.keys.json"), "keys/wares.keys.json: key set refused"),
        (("--keys", "nowhere"), "nowhere: No such file"),
        (
            ("--keys", "others/sales.keys.json"),
            "these are the private keys of sales at",
        ),
    ],
)
def test_explain_says_what_to_do_instead(envelope, run, arguments, words):
    """
    Key files that do not fit are one line, with status 2.
    """
    run("keys", "init", "wares:Wares", "--domain", "other.example", "--out", "others")

    ran = run(*EXPLAIN, *arguments, str(envelope))

    assert (2, True) == (ran.status, words in ran.line)


# --- nothing is shown --------------------------------------------------------


def test_no_command_shows_a_value_or_a_qualifier(trade, run, shop):
    """
    Whatever is asked of an envelope, what the customer said is on neither stream.
    """
    envelope = trade.journey().hand_over(to="billing")
    keys = ("--keys", "keys/billing.keys.json")
    printed = []
    for arguments in (
        ("inspect", str(envelope)),
        (*VERIFY, "--for", "billing", str(envelope)),
        (*VERIFY, "--for", "support", str(envelope)),
        (*EXPLAIN, *keys, str(envelope)),
    ):
        for more in ((), ("--json",)):
            ran = run(*arguments, *more)
            printed.append(ran.out + ran.err)
    private = Path("keys/billing.keys.json").read_text()
    secrets = [
        k["d"] for group in ("keys", "scopes") for k in json.loads(private)[group]
    ]

    assert len(printed) == 8
    for said in (SENTINEL, "fr-CA", *secrets):
        assert said not in "".join(printed)
