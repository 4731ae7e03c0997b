"""
``cxcontext keys rotate | add | give | revoke``: from a directory to its next state.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from cxcontext.cli.arguments import CommandError, Commands, now
from cxcontext.cli.key_arguments import (
    ALGORITHMS,
    add_directory_argument,
    add_making_arguments,
    add_publishing_argument,
    add_signing_argument,
)
from cxcontext.cli.key_files import KeyDirectory, read_directory
from cxcontext.cli.output import instant, say
from cxcontext.cli.reading import read_vocabulary
from cxcontext.core.keygen import (
    KeyRing,
    add_department,
    give_generations,
    revoke,
    rotate_scope,
    rotate_signing,
)
from cxcontext.core.numeric_date import to_seconds
from cxcontext.core.vocabulary import Vocabulary
from cxcontext.errors import MissingKeyError, UnknownDepartmentError


def add_to(actions: Commands) -> None:
    """
    Add the commands to their group.
    """
    _add_rotate(actions)
    _add_add(actions)
    _add_give(actions)
    _add_revoke(actions)


def _add_rotate(actions: Commands) -> None:
    parser = actions.add_parser(
        "rotate", help="make the next keys; of everybody, unless one is named"
    )
    add_directory_argument(parser)
    parser.add_argument(
        "--vocabulary",
        metavar="MODULE:CLASS|FILE",
        help="who reads which scope; needed unless only departments are rotated",
    )
    parser.add_argument("--scope", action="append", default=[], metavar="NAME|NUMBER")
    parser.add_argument("--department", action="append", default=[], metavar="NAME")
    add_publishing_argument(parser)
    add_making_arguments(parser)
    add_signing_argument(parser)
    parser.set_defaults(run=_rotate)


def _add_add(actions: Commands) -> None:
    parser = actions.add_parser("add", help="add a department, with a signing key")
    add_directory_argument(parser)
    parser.add_argument("department", metavar="NAME")
    parser.add_argument("--external", action="store_true", help="it is a partner's")
    add_publishing_argument(parser)
    add_making_arguments(parser)
    add_signing_argument(parser)
    parser.set_defaults(run=_add)


def _add_give(actions: Commands) -> None:
    parser = actions.add_parser(
        "give", help="give a department older generations of a scope's key"
    )
    add_directory_argument(parser)
    parser.add_argument("--scope", required=True, type=int, metavar="NUMBER")
    parser.add_argument("--to", required=True, metavar="NAME")
    parser.add_argument(
        "--generation",
        action="append",
        type=int,
        metavar="NUMBER",
        help="which; all that can still be opened, unless given",
    )
    add_signing_argument(parser)
    parser.set_defaults(run=_give)


def _add_revoke(actions: Commands) -> None:
    parser = actions.add_parser(
        "revoke", help="revoke a signing key: nothing signed with it counts any more"
    )
    add_directory_argument(parser)
    parser.add_argument(
        "key_id", metavar="KEY_ID", help="in hex, as `keys show` has it"
    )
    add_signing_argument(parser)
    parser.set_defaults(run=_revoke)


# --- rotate ------------------------------------------------------------------


def _rotate(arguments: Namespace) -> int:
    held = read_directory(arguments.directory, sign_with=arguments.sign_with)
    everything = not arguments.scope and not arguments.department
    vocabulary = None
    if arguments.vocabulary is not None:
        vocabulary = read_vocabulary(arguments.vocabulary)
    elif arguments.scope or everything:
        msg = "say who reads the scopes, with --vocabulary MODULE:CLASS or a file"
        raise CommandError(msg)
    scopes = list(_scopes(vocabulary, arguments.scope, everything=everything))
    departments = arguments.department
    if everything:
        # Not those whose private keys are kept elsewhere, such as partners'.
        departments = sorted(held.ring.private)
    ring, at = held.ring, now()
    with _advising(held):
        for number, readers in scopes:
            ring = rotate_scope(
                ring,
                number,
                readers=readers,
                now=at,
                suite=arguments.suite,
                seal_for=arguments.seal_for,
            )
        for name in departments:
            ring = rotate_signing(
                ring,
                name,
                now=at,
                algorithm=ALGORITHMS[arguments.algorithm],
                publish_ahead=arguments.publish_ahead,
                sign_for=arguments.sign_for,
            )
    _write(held, ring)
    for number, readers in scopes:
        key = max(
            (key for key in ring.public.sealing_keys if key.scope == number),
            key=lambda key: key.generation,
        )
        say(
            f"scope {number}: generation {key.generation}, read by "
            f"{', '.join(sorted(readers))}, sealed to until {instant(key.seal_until)}, "
            f"opened until {instant(key.open_until)}"
        )
    for name in departments:
        entry = ring.public.departments[name].keys[-1]
        say(
            f"{name}: key {entry.key.key_id.hex()} signs from "
            f"{instant(entry.not_before)} until {instant(entry.sign_until)}"
        )
    return 0


def _scopes(
    vocabulary: type[Vocabulary] | None, named: Iterable[str], *, everything: bool
) -> Iterable[tuple[int, frozenset[str]]]:
    if vocabulary is None:
        return
    by_number = vocabulary.scopes_by_number
    if everything:
        for number, scope in sorted(by_number.items()):
            yield number, scope.readers
    for name in dict.fromkeys(named):
        numbered = {str(number): scope for number, scope in by_number.items()}
        found = vocabulary.scopes.get(name) or numbered.get(name)
        if found is None:
            known = ", ".join(f"{s.number} {n}" for n, s in vocabulary.scopes.items())
            raise CommandError(f"no scope {name}; it is one of {known or 'none'}")
        yield found.number, found.readers


# --- add, give, revoke -------------------------------------------------------


def _add(arguments: Namespace) -> int:
    held = read_directory(arguments.directory, sign_with=arguments.sign_with)
    ring = add_department(
        held.ring,
        arguments.department,
        external=arguments.external,
        now=now(),
        algorithm=ALGORITHMS[arguments.algorithm],
        publish_ahead=arguments.publish_ahead,
        sign_for=arguments.sign_for,
    )
    _write(held, ring)
    return 0


def _give(arguments: Namespace) -> int:
    held = read_directory(arguments.directory, sign_with=arguments.sign_with)
    generations = arguments.generation or [
        key.generation
        for key in held.ring.public.sealing_keys
        if key.scope == arguments.scope and key.open_until > now()
    ]
    if not generations:
        raise CommandError(f"scope {arguments.scope} has no key that opens; rotate it")
    with _advising(held):
        ring = give_generations(
            held.ring, arguments.scope, generations=generations, to=arguments.to
        )
    _write(held, ring)
    return 0


def _revoke(arguments: Namespace) -> int:
    held = read_directory(arguments.directory, sign_with=arguments.sign_with)
    try:
        key_id = bytes.fromhex(arguments.key_id)
    except ValueError:
        raise CommandError("KEY_ID is not hex; take it from `keys show`") from None
    entry = held.ring.public.signing_key(key_id)
    if entry is None:
        msg = f"no key {key_id.hex()} in {held.public_path}; see `cxcontext keys show`"
        raise CommandError(msg)
    ring = revoke(held.ring, key_id, now=now())
    _write(held, ring)
    now_s = to_seconds(now())
    name = entry.department
    if not any(key.signs_at(now_s) for key in ring.public.departments[name].keys):
        say(
            f"{name} has no key that signs now; run `cxcontext keys rotate "
            f"{arguments.directory} --department {name} --at-once`"
        )
    return 0


# --- what they share ---------------------------------------------------------


def _write(held: KeyDirectory, ring: KeyRing) -> None:
    changed = held.write(ring)
    for path in changed:
        private = path != held.public_path
        say(f"{path}: {'private, give it out first' if private else 'public'}")
    if not changed:
        say("nothing to change")


@contextmanager
def _advising(held: KeyDirectory) -> Generator[None, None, None]:
    """
    Say what to do on the command line about keys that are not there.
    """
    try:
        yield
    except MissingKeyError as error:
        where = held.public_path.parent
        raise CommandError(
            f"{error.what}; put the file that has it in {where}"
        ) from None
    except UnknownDepartmentError as error:
        name = error.department
        msg = (
            f"{name} is not in {held.public_path}; correct it, or use `keys add` first"
        )
        raise CommandError(msg) from None
