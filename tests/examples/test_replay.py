"""
The replay of dialogues: its counts, what it finds when something is wrong, its program.

The services and dialogues are invented here, in the format that the data set has.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import attrs
import pytest

from cxcontext.core.keygen import generate_keys

EXAMPLE = Path(__file__).parents[2] / "examples" / "replay"
if str(EXAMPLE) not in sys.path:
    sys.path.insert(0, str(EXAMPLE))

import dialogues as dl  # noqa: E402 - they lie beside the program
import kinds  # noqa: E402
import needs  # noqa: E402
import plan  # noqa: E402
import replay  # noqa: E402


def slot(name, description, *values):
    """
    Return a slot of a schema; with values it is categorical.
    """
    return {
        "name": name,
        "description": description,
        "is_categorical": bool(values),
        "possible_values": list(values),
    }


def service(name, inputs, results):
    """
    Return a service of a schema with one intent.
    """
    intent = {
        "name": "Do",
        "required_slots": [entry["name"] for entry in inputs[:1]],
        "optional_slots": {entry["name"]: "dontcare" for entry in inputs[1:]},
    }
    slots = [*inputs, *results]
    return {"service_name": name, "slots": slots, "intents": [intent]}


SCHEMA = [
    service(
        "Bakery_7",
        [
            slot("town", "Town where the bakery is"),
            slot("cake_name", "What the cake is called"),
            slot("collect_date", "Date on which the cake is collected"),
            slot("gluten_free", "Whether the cake is free of gluten", "True", "False"),
        ],
        [
            slot("street_address", "Address of the bakery"),
            slot("phone_number", "How to call the bakery"),
            slot("total_price", "What the cake costs"),
        ],
    ),
    service(
        "Courier_7",
        [
            slot("destination", "Where the parcel goes"),
            slot("send_date", "Date on which the parcel is sent"),
            slot("parcels", "Number of parcels", "1", "2", "12"),
            slot("speed", "How fast it goes", "Slow", "Express"),
        ],
        [slot("fee", "Price of the delivery")],
    ),
    service(
        "Garden_7",
        [
            slot("city", "City where the garden is"),
            slot("visit_date", "Date of the visit"),
            slot("people", "Number of visitors", "2", "12", "20"),
            slot("colour", "Colour of the flowers to see"),
        ],
        [slot("entry_fee", "Price of the entry")],
    ),
]


def user(*frames):
    """
    Return a user's turn: the state of each service.
    """
    return {
        "speaker": "USER",
        "utterance": "...",
        "frames": [
            {
                "service": name,
                "slots": [],
                "state": {"active_intent": "Do", "slot_values": state},
            }
            for name, state in frames
        ],
    }


def system(name, **said):
    """
    Return a system's turn with an offer for each slot, and a farewell of none.
    """
    actions = [
        {"act": "OFFER", "slot": slot_name, "values": values}
        for slot_name, values in said.items()
    ]
    actions.append({"act": "GOODBYE", "slot": "", "values": []})
    return {"speaker": "SYSTEM", "frames": [{"service": name, "actions": actions}]}


def dialogue(*turns):
    """
    Return a dialogue of these turns.
    """
    return {"dialogue_id": "7_00000", "services": [], "turns": list(turns)}


DAY, OTHER_DAY = "the 3rd of May", "May 4th"

# Seven needs, of which three are repeatable: the address, the day, and the town, which
# two services name. "2" is no coincidence worth a question, and neither is "True".
ERRAND = dialogue(
    user(("Bakery_7", {"town": ["Leiden"], "gluten_free": ["True"]})),
    system("Bakery_7", street_address=["4 Mill Lane"], phone_number=["555 0100"]),
    user(("Bakery_7", {"town": ["Leiden"], "collect_date": [OTHER_DAY, DAY]})),
    system("Bakery_7", total_price=["$12"], count=["2"]),
    user(
        ("Bakery_7", {"town": ["Leiden"]}),
        ("Courier_7", {"destination": ["4 mill lane"], "send_date": [DAY]}),
    ),
    system("Courier_7", fee=["$3"], parcels=["2"]),
    user(("Garden_7", {"city": ["leiden"], "people": ["2"]})),
    system("Garden_7", entry_fee=["$3"]),
)
# Five needs; what the customer has taken back was said all the same, so that one is
# repeatable; twelve parcels and twelve people are, by the definition, another.
CHANGED = dialogue(
    user(("Bakery_7", {"town": ["Delft"]})),
    system("Bakery_7", town=["Delft"]),
    user(("Bakery_7", {"town": ["Gouda"]})),
    system("Bakery_7", street_address=["1 Dike"]),
    user(("Courier_7", {"parcels": ["12"], "speed": ["dontcare"]})),
    system("Courier_7", fee=["$9"]),
    user(("Garden_7", {"city": ["Delft"], "people": ["12"]})),
    system("Garden_7", city=["Gouda"]),
    user(("Bakery_7", {"town": ["Gouda"]})),
)
# One service, whose own words are no reason not to ask.
ALONE = dialogue(
    system("Garden_7", city=["Delft"]),
    user(("Garden_7", {"city": ["Delft"]})),
)
DIALOGUES = [ERRAND, CHANGED, ALONE]
# By chance a cake is called like a colour, and no vocabulary should mix these.
CHANCE = dialogue(
    user(("Bakery_7", {"cake_name": ["Blue"]})),
    system("Bakery_7", total_price=["$12"]),
    user(("Garden_7", {"colour": ["blue"]})),
)


def write(folder, found, schema=SCHEMA):
    """
    Write dialogues and schema; return the arguments that name them.
    """
    (folder / "schema.json").write_text(json.dumps(schema))
    (folder / "some.json").write_text(json.dumps(found))
    return [
        "--dialogues",
        str(folder / "some.json"),
        "--schema",
        str(folder / "schema.json"),
    ]


def figures_of(capsys, arguments):
    """
    Return how the program ended, and its figures.
    """
    code = replay.main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def played(folder, found, *, change=None, schema=SCHEMA):
    """
    Replay dialogues with keys that *change* may have changed.
    """
    write(folder, found, schema)
    made = plan.make_plan(dl.read_schema(folder / "schema.json"))
    ring = plan.make_keys(made)
    if change is not None:
        ring = change(made, ring)
    return replay.replay(dl.read_dialogues([folder / "some.json"]), made, ring)


def counted_again(found):
    """
    Return needs and repeatable needs, counted from the definition in another way.

    For each service and slot the first user state that has it, and for each of its
    values a search through all that the turns before say in other services.
    """
    of_no_account = ["true", "false", "dontcare"] + [str(n) for n in range(1, 11)]
    all_needs, repeatable = 0, 0
    for entry in found:
        turns = entry["turns"]
        frames = [(n, f) for n, turn in enumerate(turns) for f in turn["frames"]]
        stated = [
            (name, frame["service"], number, values)
            for number, frame in frames
            if "state" in frame
            for name, values in frame["state"]["slot_values"].items()
        ]
        for name, owner in {(name, owner) for name, owner, _, _ in stated}:
            first = min(n for a, b, n, _ in stated if (a, b) == (name, owner))
            (values,) = (
                v for a, b, n, v in stated if (a, b, n) == (name, owner, first)
            )
            before = []
            for number, frame in frames:
                if number < first and frame["service"] != owner:
                    state = frame.get("state", {"slot_values": {}})["slot_values"]
                    before += [text for texts in state.values() for text in texts]
                    if turns[number]["speaker"] == "SYSTEM":
                        before += [t for a in frame["actions"] for t in a["values"]]
            said = [text.lower() for text in before]
            all_needs += 1
            repeatable += any(
                value.lower() in said and value.lower() not in of_no_account
                for value in values
            )
    return all_needs, repeatable


class TestCounts:
    """
    What is counted is what the definition says.
    """

    def test_the_figures_of_a_file(self, capsys, tmp_path):
        """
        Every repeatable value is found in the journey, and the rest is asked.
        """
        code, figures = figures_of(capsys, write(tmp_path, DIALOGUES))

        assert 0 == code
        assert 3 == figures["dialogues"]
        assert 7 + 5 + 1 == figures["needs"]
        assert 3 + 2 == figures["siloed_repeated"] == figures["repeatable"]
        assert 0 == figures["repeated"] == figures["leaked"]
        assert figures["needs"] == figures["answered"] + figures["asked"]
        # One more than can be repeated: the town that the garden itself suggests.
        assert 6 == figures["answered"]
        assert 2 + 3 == figures["hand_overs"]
        assert figures["sections"] == figures["opened"] < figures["attempts"]
        assert {} == figures["left_out"]
        assert not figures["failed"]

    def test_a_count_made_in_another_way_agrees(self):
        """
        A search through all earlier turns counts the same needs and repeats.
        """
        found = [*DIALOGUES, CHANCE]
        counted = [need for entry in found for need in needs.needs_of(parsed(entry))]

        repeatable = sum(bool(need.repeatable) for need in counted)
        assert counted_again(found) == (len(counted), repeatable)
        assert (15, 6) == (len(counted), repeatable)

    def test_what_is_withheld(self, capsys, tmp_path):
        """
        A telephone number, a price and a flag go past whoever does not need them.
        """
        _, figures = figures_of(capsys, write(tmp_path, [ERRAND]))

        # To the courier: flag, telephone, price. To the garden: these, the courier's
        # fee, and the address, which may be a destination but is no city.
        assert {"courier_7": 3, "garden_7": 5} == figures["withheld_from"]
        assert 8 == figures["withheld"]

    def test_a_limit(self, capsys, tmp_path):
        """
        Only as many dialogues are replayed as the limit says.
        """
        _, figures = figures_of(capsys, [*write(tmp_path, DIALOGUES), "--limit", "2"])

        assert 2 == figures["dialogues"]
        assert 12 == figures["needs"]


class TestFailures:
    """
    What must not be is found, and the program ends with 1.
    """

    def test_a_value_that_the_journey_does_not_tell(self, capsys, tmp_path):
        """
        A repeat by a slot of another kind is counted, named, and ends with 1.
        """
        arguments = write(tmp_path, [CHANCE])

        code, figures = figures_of(capsys, arguments)
        assert 1 == code
        assert 1 == figures["repeated"] == figures["siloed_repeated"]
        assert 1 == replay.main(arguments)
        assert "Garden_7/colour, said for Bakery_7/cake_name" in capsys.readouterr().out

    def test_own_words_are_no_answer(self, tmp_path):
        """
        What only the asking service has said does not stand for another's word.
        """
        turns = CHANCE["turns"]
        own = system("Garden_7", colour=["Blue"])

        figures = played(tmp_path, [dialogue(*turns[:-1], own, turns[-1])])

        assert 1 == figures.repeatable == figures.repeated

    def test_a_key_too_many(self, tmp_path):
        """
        A department that is no service and holds one scope's key is found out.
        """

        def change(made, ring):
            scopes = made.vocabulary.scopes.values()
            address = made.slots["Bakery_7", "street_address"].key.scope
            readers = {scope.number: {*scope.readers} for scope in scopes}
            readers[address.number].add("spy")
            return generate_keys(
                domain=plan.DOMAIN,
                departments=dict.fromkeys([*ring.private, "spy"], False),
                readers=readers,
                now=datetime.now(UTC),
            )

        figures = played(tmp_path, DIALOGUES, change=change)

        assert 2 == figures.leaked  # in two dialogues one section with an address
        assert {"spy": 2} == figures.leaked_to
        assert 0 == figures.repeated
        assert 1 == replay.exit_code(figures)
        assert "2  spy" in figures.to_text()

    def test_a_key_in_the_wrong_hands(self, tmp_path):
        """
        Where a service holds another's key, both its sections and its facts count.
        """

        def change(made, ring):
            scope = made.slots["Bakery_7", "phone_number"].key.scope.number
            stolen = [
                key
                for key in ring.private["bakery_7"].opening_keys
                if key.scope == scope
            ]
            thief = ring.private["garden_7"]
            keys = (*thief.opening_keys, *stolen)
            return ring.holding([attrs.evolve(thief, opening_keys=keys)])

        figures = played(tmp_path, [ERRAND], change=change)

        # One section; in it the telephone number, the price and the flag.
        assert {"garden_7": 1 + 3} == figures.leaked_to
        assert 1 == replay.exit_code(figures)

    @pytest.mark.parametrize(
        ("found", "schema", "what"),
        [
            ({}, SCHEMA, "is not a list"),
            ([{"dialogue_id": "1"}], SCHEMA, "not a dialogue"),
            ([ERRAND], [{"slots": []}, {}], "not a service"),
            ([ERRAND], SCHEMA[:1], "the schema has no service Courier_7"),
            ([dialogue(user(("Garden_7", {"city": "D"})))], SCHEMA, "not a dialogue"),
        ],
        ids=["no list", "no turns", "no slots", "no service", "a text"],
    )
    def test_other_files(self, found, schema, what, capsys, tmp_path):
        """
        A file that is not in the format is named, and the program ends with 2.
        """
        assert 2 == replay.main(write(tmp_path, found, schema))

        error = capsys.readouterr().err
        assert error.startswith("replay: ")
        assert what in error


class TestOddValues:
    """
    What cannot be carried is left out and counted.
    """

    def test_values_that_are_refused(self, tmp_path):
        """
        Card numbers, halves of characters and endless texts do no harm to the rest.
        """
        card, endless, half = "4111 1111 1111 1111", "x" * 20_000, "\ud800"
        odd = dialogue(
            user(
                ("Bakery_7", {"town": [card, "Leiden", endless], "cake_name": [half]})
            ),
            system("Bakery_7", phone_number=[card], total_price=[]),
            user(("Garden_7", {"city": ["Leiden"], "colour": ["", 7]})),
        )

        figures = played(tmp_path, [odd])

        left_out = {"ForbiddenDataError": 2, "ValueDoesNotFitError": 2}
        assert left_out == figures.left_out
        assert 1 == figures.repeatable
        assert 0 == figures.repeated == figures.leaked
        assert "2  ForbiddenDataError" in figures.to_text()

    def test_a_card_number_that_is_needed_again(self, tmp_path):
        """
        What never travels is asked again, and that is reported and not hidden.
        """
        card = "4111 1111 1111 1111"
        odd = dialogue(
            user(("Bakery_7", {"town": [card]})), user(("Garden_7", {"city": [card]}))
        )

        figures = played(tmp_path, [odd])

        assert 1 == figures.repeated == figures.repeatable
        assert {"ForbiddenDataError": 2} == figures.left_out
        assert 1 == replay.exit_code(figures)

    def test_a_slot_that_no_schema_has(self, tmp_path):
        """
        A need of an unknown slot is counted, and what is said of it left out.
        """
        odd = dialogue(
            user(("Bakery_7", {"mood": ["hungry", "glad"]})),
            system("Bakery_7", mood=["hungry"]),
        )

        figures = played(tmp_path, [odd])

        assert 1 == figures.needs == figures.asked
        assert {"not a slot of the schema": 2} == figures.left_out

    def test_a_journey_without_end(self, tmp_path):
        """
        Where an envelope would be too large, the next service starts from nothing.
        """
        turns = [
            user((name, {slot_name: [f"{'late ' * 40}{n}"]}))
            for n in range(45)
            for name, slot_name in (("Bakery_7", "collect_date"), ("Garden_7", "city"))
        ]

        figures = played(tmp_path, [dialogue(*turns)])

        assert {"hand-over: JourneyFullError": 1} == figures.left_out
        assert 88 == figures.hand_overs
        assert 0 == figures.leaked

    def test_names_of_services(self, tmp_path):
        """
        Services of any names are departments of names that the library takes.
        """
        long = "A service whose name nobody would call short"
        names = [f"{long}_1", f"{long}_2", "Ünï!", "x", "X"]
        schema = [
            service(name, [slot("city", "A city"), slot("revision", "")], [])
            for name in names
        ]
        turns = [user((name, {"city": ["Delft"]})) for name in names]

        figures = played(tmp_path, [dialogue(*turns)], schema=schema)

        assert (5, 4, 0) == (figures.needs, figures.repeatable, figures.repeated)


class TestKinds:
    """
    Slots mean the same by pattern, or by what they may be.
    """

    def test_what_a_pattern_knows(self):
        """
        Names come before descriptions, and a flag is never more than itself.
        """
        told = [
            (dl.Slot("A", "from_station", "Where it leaves"), "address"),
            (dl.Slot("A", "number_of_stations", "Stations"), "quantity"),
            (dl.Slot("A", "transfer_time", "Number of days"), "quantity"),
            (dl.Slot("A", "starts", "Date of the first day"), "date"),
            (dl.Slot("A", "parking", "Address of the car park", ("True",)), "parking"),
            (dl.Slot("A", "phone", "Whether it has one", ("False",)), "phone_only"),
            (dl.Slot("A", "smell", ""), "smell"),
        ]

        found = kinds.kinds_of([each for each, _ in told])

        assert {each.name: kind for each, kind in told} == {
            name: kind for (_, name), kind in found.items()
        }

    def test_what_a_schema_lists(self):
        """
        Categorical slots are one kind if a chain of common values joins them.
        """
        slots = [
            dl.Slot("A", "size", "", ("small", "Medium")),
            dl.Slot("B", "size", "", ("tiny", "huge")),
            dl.Slot("C", "cut", "", ("medium", "large")),
            dl.Slot("D", "fit", "", ("LARGE", "loose", "True", "2")),
            dl.Slot("E", "fit", "", ("tight", "True", "2")),
        ]

        found = kinds.kinds_of(slots)

        joined = {found["A", "size"], found["C", "cut"], found["D", "fit"]}
        assert 1 == len(joined)
        assert 3 == len({*found.values()})

    def test_who_reads(self, tmp_path):
        """
        A service reads what may answer one of its questions, and its own results.
        """
        write(tmp_path, [])
        made = plan.make_plan(dl.read_schema(tmp_path / "schema.json"))
        readers = {
            place: made.slots[place].key.scope.readers
            for place in product(
                ["Bakery_7"], ["town", "street_address", "total_price"]
            )
        }

        every = {"bakery_7", "courier_7", "garden_7"}
        assert every == readers["Bakery_7", "town"]
        assert {"courier_7"} == readers["Bakery_7", "street_address"]
        assert {"bakery_7"} == readers["Bakery_7", "total_price"]


class TestProgram:
    """
    The program, started as a newcomer starts it.
    """

    def test_a_directory_such_as_the_data_set_has(self, tmp_path):
        """
        A directory of dialogues_*.json with a schema.json is replayed as one file is.
        """
        (tmp_path / "schema.json").write_text(json.dumps(SCHEMA))
        (tmp_path / "dialogues_001.json").write_text(json.dumps(DIALOGUES[:2]))
        (tmp_path / "dialogues_002.json").write_text(json.dumps(DIALOGUES[2:]))

        for schema in ([], ["--schema", str(tmp_path / "schema.json")]):
            done = run("--dialogues", str(tmp_path), *schema, "--json")
            figures = json.loads(done.stdout)
            assert (0, "") == (done.returncode, done.stderr)
            assert (3, 13, 5) == (
                figures["dialogues"],
                figures["needs"],
                figures["repeatable"],
            )

    def test_the_text(self, tmp_path):
        """
        Without a terminal the report is all that is printed.
        """
        done = run(*write(tmp_path, DIALOGUES))

        lines = [line.split() for line in done.stdout.splitlines()]
        assert (0, "") == (done.returncode, done.stderr)
        assert ["repeated", "by", "a", "siloed", "system", "5"] == lines[4][:6]
        assert ["repeated", "with", "cxcontext", "0"] == lines[5][:4]

    @pytest.mark.parametrize("rich", [True, False], ids=["rich", "no rich"])
    def test_a_terminal(self, rich, tmp_path):
        """
        On a terminal a bar comes to its end, whether or not rich is installed.
        """
        pty = pytest.importorskip("pty", reason="cannot be had here: a terminal")
        arguments = write(tmp_path, DIALOGUES)
        without = "" if rich else "import sys; sys.modules['rich.progress'] = None; "
        start = f"{without}import replay; raise SystemExit(replay.main({arguments!r}))"
        ours, theirs = pty.openpty()
        with os.fdopen(ours, "rb", buffering=0) as screen:
            done = subprocess.run(
                [sys.executable, "-c", start],
                cwd=EXAMPLE,
                stdout=subprocess.PIPE,
                stderr=theirs,
                check=False,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            )
            os.close(theirs)
            shown = screen.read(100_000)

        assert 0 == done.returncode
        assert b"Replaying" in shown
        assert b"100" in shown
        assert (b"#" * 40 in shown) is not rich

    @pytest.mark.parametrize("limit", ["0", "-1", "x"])
    def test_a_limit_that_is_none(self, limit, tmp_path):
        """
        A limit below one is refused as argparse refuses.
        """
        done = run(*write(tmp_path, DIALOGUES), "--limit", limit)

        assert 2 == done.returncode
        assert "a number of 1 or more" in done.stderr

    def test_no_files(self, tmp_path):
        """
        A directory without dialogues, and a file that is none, end with 2.
        """
        for path in (tmp_path, tmp_path / "none.json"):
            done = run("--dialogues", str(path), "--schema", str(path))
            assert 2 == done.returncode
            assert done.stderr.startswith("replay: ")


def parsed(entry):
    """
    Return a dialogue as the reader of files makes it.
    """
    turns = tuple(dl._turn(turn) for turn in entry["turns"])
    return dl.Dialogue(id=entry["dialogue_id"], turns=turns)


def run(*arguments):
    """
    Run the program in a process of its own.
    """
    return subprocess.run(
        [sys.executable, str(EXAMPLE / "replay.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
