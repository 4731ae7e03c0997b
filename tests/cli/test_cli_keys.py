"""
``cxcontext keys``: files with the right modes, never overwritten, never shown.
"""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import cxcontext as cx
from cxcontext.cli.arguments import CommandError
from cxcontext.cli.key_files import NewFile, write_files
from cxcontext.core.keys import PrivateKeys

INIT = ("keys", "init", "wares:Wares", "--domain", "wares.example", "--out", "keys")
ROTATE = ("keys", "rotate", "keys", "--vocabulary", "wares:Wares")


def mode_of(path: Path) -> int:
    """
    Return the permissions of a file.
    """
    return stat.S_IMODE(path.stat().st_mode)


def private_texts(directory: Path) -> set[str]:
    """
    Return every private key in a directory's files.
    """
    found = set()
    for path in directory.glob("*.json"):
        document = json.loads(path.read_text())
        entries = [*document.get("keys", []), document.get("domain_key", {})]
        for entry in entries + (document.get("scopes") or []):
            found |= {entry[name] for name in ("d", "priv") if name in entry}
    return found


def texts(directory: Path) -> dict[str, str]:
    """
    Return what is in a directory's files, by name.
    """
    return {path.name: path.read_text() for path in directory.iterdir()}


# --- init --------------------------------------------------------------------


def test_init_makes_a_private_file_per_department_and_a_public_one(keys):
    """
    The files are called as the design loads them, and private ones are ours alone.
    """
    assert {
        "sales.keys.json": 0o600,
        "support.keys.json": 0o600,
        "billing.keys.json": 0o600,
        "wares.keys.json": 0o644,
    } == {path.name: mode_of(path) for path in keys.iterdir()}
    key_set = cx.KeySet.load(keys / "wares.keys.json")
    assert ("wares.example", 1) == (key_set.domain, key_set.sequence)
    assert {"billing", "sales", "support"} == key_set.departments.keys()


def test_readers_and_only_readers_have_the_scopes_keys(keys):
    """
    Sales writes the payment scope, and cannot open it.
    """
    opened = {
        name: {key.scope for key in PrivateKeys.load(path).opening_keys}
        for name in ("sales", "support", "billing")
        for path in [keys / f"{name}.keys.json"]
    }

    assert {"sales": {1, 2}, "support": {1, 2}, "billing": {1, 2, 3}} == opened


def test_private_files_are_never_readable_by_others(shop, command):
    """
    Also under the most careless umask a private file has mode 0600.
    """
    made = command(*INIT, umask=0)

    assert 0 == made.returncode
    assert 0o600 == mode_of(shop / "keys" / "sales.keys.json")
    assert 0o644 == mode_of(shop / "keys" / "wares.keys.json")


def test_nothing_is_overwritten(keys, run):
    """
    With one file there already, none is written, and --force is named.
    """
    before = texts(keys)
    (keys / "support.keys.json").unlink()

    ran = run(*INIT)

    assert 2 == ran.status
    assert "is there already; choose another directory, or replace with --force" in (
        ran.line
    )
    del before["support.keys.json"]
    assert before == texts(keys)


def test_a_dangling_link_is_not_written_through(shop, run):
    """
    A symbolic link under a file's name counts as there already.
    """
    (shop / "keys").mkdir()
    (shop / "keys" / "sales.keys.json").symlink_to(shop / "elsewhere")

    ran = run(*INIT)

    assert 2 == ran.status
    assert not (shop / "elsewhere").exists()
    assert ["sales.keys.json"] == [path.name for path in (shop / "keys").iterdir()]


def test_force_replaces_and_keeps_the_modes(keys, run):
    """
    With --force all files are new, and private as before.
    """
    before = texts(keys)

    ran = run(*INIT, "--force")
    after = texts(keys)

    assert 0 == ran.status
    assert before.keys() == after.keys()
    assert not any(before[name] == after[name] for name in before)
    assert 0o600 == mode_of(keys / "sales.keys.json")


def test_what_cannot_be_written_leaves_nothing_behind(shop, run):
    """
    If a directory stands in the way, no file and no half of one stays.
    """
    (shop / "keys" / "support.keys.json").mkdir(parents=True)

    ran = run(*INIT, "--force")

    assert 2 == ran.status
    assert "support.keys.json" in ran.line
    assert not [path for path in (shop / "keys").iterdir() if path.name[0] == "."]


def test_a_file_that_comes_meanwhile_is_not_replaced(tmp_path):
    """
    What appears between the look and the writing stays, and nothing of ours does.
    """
    twice = NewFile(path=tmp_path / "a.keys.json", text="mine", private=True)

    with pytest.raises(CommandError, match="is there already"):
        write_files([twice, twice], replace=False)

    assert [] == [*tmp_path.iterdir()]


def test_the_first_vocabulary_may_be_a_file(shop, run):
    """
    Whoever makes the keys need not have the code.
    """
    exported = run("vocabulary", "export", "wares:Wares").out
    (shop / "wares.vocabulary.json").write_text(exported)

    ran = run(
        *("keys", "init", "wares.vocabulary.json"),
        *("--domain", "wares.example", "--out", "keys"),
    )

    assert 0 == ran.status
    assert (shop / "keys" / "billing.keys.json").exists()


def test_a_module_that_loads_the_keys_to_be_made_will_do(shop, command):
    """
    The module of the design loads its key set; its vocabulary is found all the same.
    """
    module = (shop / "wares.py").read_text()
    load = 'wares = cx.TrustDomain("wares.example", Wares, keys=cx.KeySet.load('
    (shop / "wares.py").write_text(f"{module}\n{load}'keys/wares.keys.json'))\n")

    too_early = command("keys", "init", "wares:wares", "--out", "keys")
    made = command(*INIT)
    again = command("keys", "init", "wares:wares", "--out", "others")

    assert 2 == too_early.returncode
    assert b"loads keys/wares.keys.json, which is not there yet" in too_early.stderr
    assert b"name its vocabulary class instead" in too_early.stderr
    assert (0, 0) == (made.returncode, again.returncode)
    assert "wares.example" == cx.KeySet.load(shop / "others" / "wares.keys.json").domain


def test_partners_and_departments_without_scopes(shop, run):
    """
    A partner is external in the key set; a department may have no scope at all.
    """
    ran = run(*INIT, "--external", "support", "--department", "ivr")
    departments = cx.KeySet.load(shop / "keys" / "wares.keys.json").departments

    assert 0 == ran.status
    assert {"billing": False, "ivr": False, "sales": False, "support": True} == {
        name: department.external for name, department in departments.items()
    }


def test_algorithm_suite_and_spans(shop, run):
    """
    What keys are and how long they count can be said.
    """
    ran = run(
        *(*INIT, "--algorithm", "ESP256", "--suite", "MLKEM768-X25519"),
        *("--sign-for", "10", "--seal-for", "5"),
    )
    key_set = cx.KeySet.load(shop / "keys" / "wares.keys.json")
    entry, scope = key_set.departments["sales"].keys[0], key_set.sealing_keys[0]

    assert 0 == ran.status
    assert (-9, "MLKEM768-X25519") == (entry.key.algorithm, scope.suite)
    assert timedelta(days=10) == entry.sign_until - entry.not_before
    assert scope.seal_until - datetime.now(UTC) < timedelta(days=5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("wares:Wares", "--out", "k"), "is no trust domain; name it with --domain"),
        (("wares:Nobody", "--domain", "d", "--out", "k"), "wares has no Nobody"),
        (("wares", "--domain", "d", "--out", "k"), "neither a file nor MODULE:NAME"),
        (("nowhere:X", "--domain", "d", "--out", "k"), "no module nowhere here"),
        (("wares:NotOne", "--domain", "d", "--out", "k"), "is no vocabulary"),
        (("wares:NotOne.Wares", "--domain", "D", "--out", "k"), "domain's name is not"),
        ((*INIT[2:], "--external", "wharehouse"), "no scope or field names wharehouse"),
        (
            (*INIT[2:], "--public", "a/b.keys.json"),
            "--public is not the name of a file",
        ),
        ((*INIT[2:], "--public", "b.json"), "--public is not the name of a file"),
        ((*INIT[2:], "--public", "sales.keys.json"), "is a department's file too"),
        ((*INIT[2:], "--sign-for", "0"), "not a whole number of 1 to 36500"),
        ((*INIT[2:], "--suite", "RSA"), "invalid choice: 'RSA'"),
        ((*INIT[2:], "--department", "No One"), "a department's name is not 1 to 32"),
    ],
)
def test_init_says_what_to_do_instead(shop, run, arguments, words):
    """
    Each mistake is one line that names the fix, with status 2, and makes no file.
    """
    ran = run("keys", "init", *arguments)

    assert 2 == ran.status
    assert words in ran.line
    assert "" == ran.out
    assert not (shop / "k").exists()
    assert not (shop / "keys").exists()


def test_a_vocabulary_that_names_nobody_makes_no_keys(shop, run):
    """
    Without a scope there is no department to make keys for.
    """
    (shop / "void.py").write_text(
        "import cxcontext as cx\nclass Void(cx.Vocabulary): pass\n"
    )

    ran = run("keys", "init", "void:Void", "--domain", "void.example", "--out", "k")

    assert (2, True) == (ran.status, "Void names no department" in ran.line)


# --- signed sets -------------------------------------------------------------


def test_a_signed_set_comes_with_its_pin(shop, run):
    """
    The domain key is made once, and the pin that is printed loads the set.
    """
    first = run(*INIT, "--sign-with", "domain.json")
    second = run(*INIT, "--sign-with", "domain.json", "--force")
    pins = {
        line.removeprefix("pin: ")
        for ran in (first, second)
        for line in ran.out.splitlines()
        if line.startswith("pin: ")
    }
    (pin,) = pins

    assert (0, 0) == (first.status, second.status)
    assert 0o600 == mode_of(shop / "domain.json")
    assert pin == cx.KeySet.load(shop / "keys" / "wares.keys.json", pin=pin).pinned_to


def test_a_signed_set_stays_signed(shop, run):
    """
    Changing a signed set needs the domain key, and the right one.
    """
    run(*INIT, "--sign-with", "domain.json")
    run(*INIT[:-1], "others", "--sign-with", "other.json")
    before = texts(shop / "keys")

    unsigned = run(*ROTATE)
    wrong = run(*ROTATE, "--sign-with", "other.json")
    no_key = run(*ROTATE, "--sign-with", "wares.py")
    no_domain_key = run(*ROTATE, "--sign-with", "keys/sales.keys.json")

    assert before == texts(shop / "keys")
    assert (2, True) == (unsigned.status, "sign the next one too" in unsigned.line)
    assert (1, True) == (wrong.status, "refused (key_set_unsigned)" in wrong.line)
    assert (2, True) == (no_key.status, "wares.py is no domain key" in no_key.line)
    assert (2, True) == (no_domain_key.status, "is no domain key" in no_domain_key.line)
    assert 0 == run(*ROTATE, "--sign-with", "domain.json").status
    shown = run("keys", "show", "keys/wares.keys.json")
    assert "key set 7 of wares.example, signed, not checked" in shown.out


def test_a_pin_is_checked_when_shown(shop, run):
    """
    With its pin a set is shown as checked; with another it is refused.
    """
    made = run(*INIT, "--sign-with", "domain.json")
    pin = made.out.partition("pin: ")[2].split()[0]
    other = run(*INIT[:-1], "o", "--sign-with", "o.json").out.partition("pin: ")[2]

    shown = run("keys", "show", "keys/wares.keys.json", "--pin", pin)
    refused = run("keys", "show", "keys/wares.keys.json", "--pin", other.split()[0])
    nonsense = run("keys", "show", "keys/wares.keys.json", "--pin", "x")

    assert "signed, checked" in shown.out
    assert (1, True) == (refused.status, "refused (key_set_unsigned)" in refused.line)
    assert (2, True) == (nonsense.status, "pin is not a public" in nonsense.line)


# --- rotate ------------------------------------------------------------------


def test_rotating_everything_makes_the_next_of_everything(keys, run):
    """
    Every scope has a second generation, every department a second signing key.
    """
    ran = run(*ROTATE)
    key_set = cx.KeySet.load(keys / "wares.keys.json")

    assert 0 == ran.status
    assert [(scope, 2) for scope in (1, 2, 3)] == sorted(
        (key.scope, key.generation)
        for key in key_set.sealing_keys
        if key.generation > 1
    )
    assert {2} == {len(d.keys) for d in key_set.departments.values()}
    assert 0o600 == mode_of(keys / "billing.keys.json")
    assert "scope 3: generation 2, read by billing, sealed to until" in ran.out
    order = [line.split(":")[0] for line in ran.out.splitlines()[:4]]
    assert str(Path("keys/wares.keys.json")) == order[-1]


@pytest.mark.parametrize("name", ["payment", "3"])
def test_rotating_one_scope_leaves_the_others(keys, run, name):
    """
    A scope is named or numbered, and only its readers' files change.
    """
    before = texts(keys)

    ran = run(*ROTATE, "--scope", name)
    after = texts(keys)

    assert 0 == ran.status
    assert {"billing.keys.json", "wares.keys.json"} == {
        name for name in before if before[name] != after[name]
    }


def test_a_removed_reader_is_not_given_the_new_generation(keys, shop, run):
    """
    What the check of vocabularies advises does what it says.
    """
    exported = json.loads(run("vocabulary", "export", "wares:Wares").out)
    exported["scopes"]["order"]["readers"].remove("support")
    (shop / "next.json").write_text(json.dumps(exported))

    ran = run("keys", "rotate", "keys", "--vocabulary", "next.json", "--scope", "order")
    opening = PrivateKeys.load(keys / "support.keys.json").opening_keys

    assert 0 == ran.status
    assert [1] == [key.generation for key in opening if key.scope == 2]


def test_rotating_a_department_needs_no_vocabulary(keys, run):
    """
    Who reads what does not matter for a signing key.
    """
    ran = run("keys", "rotate", "keys", "--department", "sales")
    key_set = cx.KeySet.load(keys / "wares.keys.json")

    assert 0 == ran.status
    assert [2, 1] == [len(key_set.departments[n].keys) for n in ("sales", "support")]
    assert "sales: key" in ran.out


def test_partners_who_keep_their_keys_are_not_rotated(keys, run):
    """
    With everything rotated, those whose private file is not there are left alone.
    """
    (keys / "sales.keys.json").unlink()

    ran = run("keys", "rotate", "keys", "--department", "sales")
    all_but = run(*ROTATE, "--scope", "payment")

    assert 2 == ran.status
    assert "private keys of sales are not at hand; put the file" in ran.line
    assert 0 == all_but.status


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("keys", "rotate", "keys"), "say who reads the scopes, with --vocabulary"),
        (("keys", "rotate", "keys", "--scope", "1"), "say who reads the scopes"),
        ((*ROTATE, "--scope", "9"), "no scope 9; it is one of 1 contact, 2 order"),
        ((*ROTATE, "--department", "x"), "x is not in keys/wares.keys.json; correct"),
        (("keys", "rotate", "no", *ROTATE[3:]), "no has 0 public key sets"),
        (("keys", "rotate", "keys", "--vocabulary", "wares.py"), "not a JSON object"),
        (("keys", "revoke", "keys", "xyz"), "KEY_ID is not hex"),
        (("keys", "revoke", "keys", "00" * 8), "no key 0000000000000000 in"),
        (("keys", "add", "keys", "sales"), "sales has keys already"),
        (
            ("keys", "give", "keys", "--scope", "9", "--to", "sales"),
            "no key that opens",
        ),
        (
            (
                "keys",
                "give",
                "keys",
                "--scope",
                "3",
                "--to",
                "sales",
                *("--generation", 9),
            ),
            "generation 9 of scope 3 is not at hand; put the file that has it in keys",
        ),
        (("keys", "show", "wares.py"), "it is no key file"),
        (("keys", "show", "."), "has no *.keys.json"),
        (("keys", "show", "absent.json"), "absent.json: No such file or directory"),
    ],
)
def test_changes_say_what_to_do_instead(keys, run, arguments, words):
    """
    Each mistake is one line that names the fix, and changes no file.
    """
    before = texts(keys)

    ran = run(*arguments)

    assert 2 == ran.status
    assert words in ran.line
    assert before == texts(keys)


def test_key_files_must_be_one_domains(keys, run):
    """
    Files of two domains, or twice the same department, are not mixed.
    """
    run(*INIT[:-3], "other.example", "--out", "others")
    files = texts(keys)
    others = texts(keys.parent / "others")
    cases = {
        "a.keys.json": (files["sales.keys.json"], "are both sales's; remove the older"),
        "b.keys.json": (others["sales.keys.json"], "is of other.example, not of"),
        "c.keys.json": (others["other.keys.json"], "has 2 public key sets"),
        "d.keys.json": ("{", "d.keys.json: the file is not a JSON object"),
    }
    for name, (text, words) in cases.items():
        (keys / name).write_text(text)

        ran = run(*ROTATE)

        (keys / name).unlink()
        assert 2 == ran.status
        assert words in ran.line


def test_a_broken_key_file_is_named(keys, run):
    """
    What is refused of a key file is said with its name, and is a usage error.
    """
    path = keys / "sales.keys.json"
    path.write_text(path.read_text().replace('"Ed25519"', '"RSA"', 1))

    ran = run(*ROTATE)

    assert 2 == ran.status
    assert "keys/sales.keys.json: key set refused:" in ran.line


# --- add, give, revoke -------------------------------------------------------


def test_a_department_is_added(keys, run):
    """
    A new department gets a file of its own, and signs from the next hour on.
    """
    ran = run("keys", "add", "keys", "warehouse", "--external")
    departments = cx.KeySet.load(keys / "wares.keys.json").departments

    assert 0 == ran.status
    assert 0o600 == mode_of(keys / "warehouse.keys.json")
    assert departments["warehouse"].external


def test_a_department_that_is_called_as_the_public_file_is_refused(keys, run):
    """
    The public key set is never overwritten by a department's private file.
    """
    before = texts(keys)

    ran = run("keys", "add", "keys", "wares")

    assert 2 == ran.status
    assert "is the public key set; rename that" in ran.line
    assert before == texts(keys)


def test_a_reader_that_is_added_is_given_older_generations(keys, run):
    """
    What can still be opened is given, and giving it twice changes nothing.
    """
    run(*ROTATE, "--scope", "payment")

    ran = run("keys", "give", "keys", "--scope", "3", "--to", "support")
    opening = PrivateKeys.load(keys / "support.keys.json").opening_keys
    again = run("keys", "give", "keys", "--scope", "3", "--to", "support")

    assert 0 == ran.status
    assert [1, 2] == [key.generation for key in opening if key.scope == 3]
    assert (0, "nothing to change\n") == (again.status, again.out)


def test_one_generation_can_be_chosen(keys, run):
    """
    A reader may be given some of the past only.
    """
    run(*ROTATE, "--scope", "payment")

    ran = run("keys", "give", "keys", "--scope=3", "--to=sales", "--generation=2")
    opening = PrivateKeys.load(keys / "sales.keys.json").opening_keys

    assert 0 == ran.status
    assert [2] == [key.generation for key in opening if key.scope == 3]


def test_a_revoked_key_counts_no_more(keys, run):
    """
    The last key of a department is revoked with the advice to make another.
    """
    entry = cx.KeySet.load(keys / "wares.keys.json").departments["sales"].keys[0]

    ran = run("keys", "revoke", "keys", entry.key.key_id.hex())
    again = run("keys", "revoke", "keys", entry.key.key_id.hex())
    shown = run("keys", "show", "keys")

    assert 0 == ran.status
    assert "run `cxcontext keys rotate keys --department sales --at-once`" in ran.out
    assert "nothing to change" in again.out
    assert "revoked 20" in shown.out


def test_a_department_with_another_key_goes_on(keys, run, shop):
    """
    No advice is given where a key is left that signs.
    """
    run("keys", "init", "wares:Wares", "--domain", "wares.example", "--out", "x")
    path = keys / "wares.keys.json"
    document = json.loads(path.read_text())
    other = json.loads((shop / "x" / "wares.keys.json").read_text())
    document["departments"]["sales"]["keys"] += other["departments"]["sales"]["keys"]
    path.write_text(json.dumps(document))
    entry = cx.KeySet.load(path).departments["sales"].keys[0]

    ran = run("keys", "revoke", "keys", entry.key.key_id.hex())

    assert (0, False) == (ran.status, "no key that signs" in ran.out)


def test_a_key_can_sign_at_once(keys, run):
    """
    After a revocation there need be no hour without a key.
    """
    revoked = cx.KeySet.load(keys / "wares.keys.json").departments["sales"].keys[0]
    run("keys", "revoke", "keys", revoked.key.key_id.hex())

    ran = run("keys", "rotate", "keys", "--department", "sales", "--at-once")
    entry = cx.KeySet.load(keys / "wares.keys.json").departments["sales"].keys[-1]

    assert 0 == ran.status
    assert entry.signs_at(int(datetime.now(UTC).timestamp()))


# --- show --------------------------------------------------------------------


def test_show_has_windows_and_thumbprints(keys, run):
    """
    Whose keys there are, since when and until when, and their thumbprints.
    """
    run("keys", "rotate", "keys", "--department", "sales")

    (document,) = json.loads(run("keys", "show", "keys/wares.keys.json", "--json").out)
    plain = run("keys", "show", "keys").out
    sales = [e for e in document["departments"] if e["department"] == "sales"]

    assert ["now", "not yet"] == [entry["signs"] for entry in sales]
    assert {43} == {len(entry["thumbprint"]) for entry in sales}
    assert sales[0]["signs until"] > sales[0]["signs from"]
    assert [1, 2, 3] == [key["scope"] for key in document["scopes"]]
    for words in ("key set 2 of wares.example, unsigned", sales[0]["thumbprint"]):
        assert words in plain
    assert "private keys of billing at wares.example: signs with" in plain
    assert "opens scope 1 generation 1, scope 2 generation 1, scope 3" in plain


def test_show_tells_what_counts_no_more(keys, run):
    """
    A key past its last instant, and a scope past its own, are shown as that.
    """
    path = keys / "wares.keys.json"
    document = json.loads(path.read_text())
    for entry in document["departments"]["sales"]["keys"]:
        entry |= {"not_before": 1, "sign_until": 2}
    document["scopes"][0]["seal_until"] = 1
    path.write_text(json.dumps(document))

    (shown,) = json.loads(run("keys", "show", path, "--json").out)

    assert "no more" == shown["scopes"][0]["seals"]
    assert ["no more"] == [
        entry["signs"]
        for entry in shown["departments"]
        if entry["department"] == "sales"
    ]


def test_show_lists_those_without_keys(shop, run):
    """
    A department whose keys are elsewhere, and one without scopes, are shown too.
    """
    run(*INIT, "--department", "ivr", "--external", "support")
    path = shop / "keys" / "ivr.keys.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"keys": []}))

    shown = run("keys", "show", "keys").out

    assert "ivr at wares.example: signs with nothing here; opens no scope" in shown
    assert "support (external)" in shown


def test_show_has_the_pin_of_a_domain_key(shop, run):
    """
    The pin is told again whenever it is needed; what is no key file is none.
    """
    made = run(*INIT, "--sign-with", "domain.json")
    (shop / "none.json").write_text("{}")

    shown = run("keys", "show", "domain.json")
    refused = run("keys", "show", "none.json")

    assert made.out.partition("pin: ")[2].split()[0] in shown.out
    assert (2, True) == (refused.status, "none.json is no domain key" in refused.line)


def test_a_domain_without_scopes_has_a_table_of_none(shop, run):
    """
    Where there are no scope keys the table says so.
    """
    (shop / "void.py").write_text(
        "import cxcontext as cx\nclass Void(cx.Vocabulary): pass\n"
    )
    run(*("keys", "init", "void:Void", "--domain=v", "--department=a", "--out=keys"))

    assert "scope keys: none\n" in run("keys", "show", "keys").out


def test_private_material_is_never_printed(shop, run):
    """
    Whatever is done with keys, no private key appears on either stream.
    """
    args = ("--sign-with", "keys/domain.json")
    printed = []
    for arguments in (
        INIT + args,
        ROTATE + args,
        ("keys", "add", "keys", "ivr", *args),
        ("keys", "give", "keys", "--scope=3", "--to=sales", *args),
        ("keys", "show", "keys"),
        ("keys", "show", "keys", "--json"),
    ):
        (shop / "keys").mkdir(exist_ok=True)
        ran = run(*arguments)
        assert 0 == ran.status
        printed.append(ran.out + ran.err)
    secrets = private_texts(shop / "keys")

    assert len(secrets) > 10
    assert not [secret for secret in secrets if secret in "".join(printed)]
