"""
``cxcontext keys``: make a domain's first keys, and the group of all that follows.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from cxcontext.cli import key_changes, key_show
from cxcontext.cli.arguments import CommandError, Commands, now
from cxcontext.cli.key_arguments import (
    ALGORITHMS,
    add_making_arguments,
    add_signing_argument,
)
from cxcontext.cli.key_files import (
    SUFFIX,
    NewFile,
    new_domain_key,
    public_text,
    read_domain_key,
    write_files,
)
from cxcontext.cli.output import instant, say
from cxcontext.cli.reading import named_attribute, read_vocabulary
from cxcontext.core import jws
from cxcontext.core.domain import TrustDomain
from cxcontext.core.keygen import departments_of, generate_keys, readers_of
from cxcontext.core.sealing import X25519
from cxcontext.core.vocabulary import Vocabulary


def add_to(commands: Commands) -> None:
    """
    Add the group to the command line.
    """
    group = commands.add_parser("keys", help="make, rotate, revoke and show keys")
    actions = group.add_subparsers(metavar="ACTION", required=True)
    _add_init(actions)
    key_changes.add_to(actions)
    key_show.add_to(actions)


def _add_init(actions: Commands) -> None:
    parser = actions.add_parser("init", help="make a domain's first keys")
    parser.add_argument(
        "source",
        metavar="MODULE:VOCABULARY",
        help="the vocabulary's class, or its file, with --domain; "
        "or MODULE:DOMAIN, where a TrustDomain can be made already",
    )
    parser.add_argument("--domain", metavar="NAME", help="such as acme.example")
    parser.add_argument("--out", required=True, metavar="DIR", help="for the files")
    parser.add_argument(
        "--external",
        action="append",
        default=[],
        metavar="NAME",
        help="a department that is a partner's, who gets exports only",
    )
    parser.add_argument(
        "--department",
        action="append",
        default=[],
        metavar="NAME",
        help="a department that no scope or field names",
    )
    parser.add_argument(
        "--public", metavar="FILE", help="the public file's name, if not the domain's"
    )
    parser.add_argument(
        "--force", action="store_true", help="replace files: the old keys are lost"
    )
    add_making_arguments(parser)
    add_signing_argument(parser, "made if it is not there")
    parser.set_defaults(run=_init)


def _init(arguments: Namespace) -> int:
    domain, vocabulary = _domain_and_vocabulary(arguments)
    departments = departments_of(vocabulary) | {*arguments.department}
    for name in arguments.external:
        if name not in departments:
            # Else a misspelt partner would be taken for one of our own.
            msg = f"no scope or field names {name}; correct it, or add it to one"
            raise CommandError(msg)
    if not departments:
        raise CommandError(f"{vocabulary.__name__} names no department; add scopes")
    made_at = now()
    ring = generate_keys(
        domain=domain,
        departments={name: name in arguments.external for name in sorted(departments)},
        readers=readers_of(vocabulary),
        now=made_at,
        algorithm=ALGORITHMS[arguments.algorithm],
        suites=dict.fromkeys(vocabulary.scopes_by_number, arguments.suite or X25519),
        sign_for=arguments.sign_for,
        seal_for=arguments.seal_for,
    )
    directory = Path(arguments.out)
    public_name = arguments.public or f"{domain.split('.')[0]}{SUFFIX}"
    if Path(public_name).name != public_name or not public_name.endswith(SUFFIX):
        raise CommandError(f"--public is not the name of a file that ends in {SUFFIX}")
    public_path = directory / public_name
    files = [
        NewFile(path=directory / f"{name}{SUFFIX}", text=keys.to_json(), private=True)
        for name, keys in ring.private.items()
    ]
    if any(file.path == public_path for file in files):
        msg = f"{public_path} is a department's file too; name the other with --public"
        raise CommandError(msg)
    domain_key = None
    if arguments.sign_with is not None:
        key_path = Path(arguments.sign_with)
        if key_path.exists():
            domain_key = read_domain_key(arguments.sign_with)
        else:
            domain_key, key_file = new_domain_key(key_path)
            files.insert(0, key_file)
    text = public_text(ring.public, domain_key)
    files.append(NewFile(path=public_path, text=text, private=False))
    directory.mkdir(parents=True, exist_ok=True)
    write_files(files, replace=arguments.force)
    for file in files:
        say(f"{file.path}: {'private' if file.private else 'public, for everybody'}")
    if domain_key is not None:
        say(f"pin: {jws.pin_of(domain_key.verifying_key)}")
    say(
        f"rotate scopes before {instant(made_at + arguments.seal_for)}, signing keys "
        f"before {instant(made_at + arguments.sign_for)}: `cxcontext keys rotate`"
    )
    return 0


def _domain_and_vocabulary(arguments: Namespace) -> tuple[str, type[Vocabulary]]:
    source = arguments.source
    if arguments.domain is None and ":" in source and not Path(source).is_file():
        found = named_attribute(source)
        if isinstance(found, TrustDomain):
            return found.name, found.vocabulary
    if arguments.domain is None:
        raise CommandError(f"{source} is no trust domain; name it with --domain NAME")
    return arguments.domain, read_vocabulary(source)
