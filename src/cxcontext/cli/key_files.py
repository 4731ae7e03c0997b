"""
Key files: a directory with one public key set and departments' private keys.

A private file is created with mode 0600 under a name that nobody knows, and gets
its own name when it is complete: it is never readable by others, and its
contents are never half there. Private files come before the public one, for
nobody may seal to a key that nobody has.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TextIO

import attrs

from cxcontext.cli.arguments import CommandError
from cxcontext.cli.reading import read_key_set, read_private_keys
from cxcontext.core import jwk, jws, key_json
from cxcontext.core.keygen import KeyRing, generate_signer
from cxcontext.core.keys import KeySet, PrivateKeys
from cxcontext.core.signing import LocalSigner
from cxcontext.errors import KeySetError

SUFFIX: Final = ".keys.json"
PUBLIC_MODE: Final = 0o644
PRIVATE_MODE: Final = 0o600


@attrs.frozen(kw_only=True)
class NewFile:
    """
    A file to be written.
    """

    path: Path
    text: str = attrs.field(repr=False)
    private: bool


def write_files(files: Iterable[NewFile], *, replace: bool) -> None:
    """
    Write *files*; new ones all, or none when one cannot be written.

    Args:
        files: In the order in which they get their contents.
        replace: Whether files may be there already.

    Raises:
        CommandError: When one is there and may not be replaced.
        OSError: When one cannot be written.
    """
    files = [*files]
    claimed: list[Path] = []
    staged: list[Path] = []
    try:
        if not replace:
            for file in files:
                _claim(file)
                claimed.append(file.path)
        for file in files:
            hidden = f".{file.path.name}.{secrets.token_hex(8)}"
            staged.append(file.path.with_name(hidden))
            with _created(staged[-1], file) as opened:
                opened.write(file.text)
                opened.flush()
                os.fsync(opened.fileno())
        for temporary, file in zip(staged, files, strict=True):
            temporary.replace(file.path)
        claimed.clear()
    finally:
        for path in claimed + staged:
            path.unlink(missing_ok=True)


def _claim(file: NewFile) -> None:
    # Nobody else can take the name from now on, and a link is not followed.
    try:
        _created(file.path, file).close()
    except FileExistsError:
        advice = "choose another directory, or replace with --force"
        raise CommandError(f"{file.path} is there already; {advice}") from None


def _created(path: Path, file: NewFile) -> TextIO:
    mode = PRIVATE_MODE if file.private else PUBLIC_MODE
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    return os.fdopen(descriptor, "w", encoding="utf-8", newline="\n")


# --- a directory -------------------------------------------------------------


@attrs.frozen(kw_only=True)
class KeyDirectory:
    """
    The key files of one directory.

    Attributes:
        ring: What they hold.
        public_path: The file of the public key set.
        private_paths: The files of departments, by name.
        domain_key: What signs the public key set, if it is signed.
    """

    ring: KeyRing
    public_path: Path
    private_paths: Mapping[str, Path]
    domain_key: LocalSigner | None = attrs.field(default=None, repr=False)

    def path_of(self, department: str) -> Path:
        """
        Return the file of a department's private keys, there or to be.
        """
        beside = self.public_path.with_name(f"{department}{SUFFIX}")
        return self.private_paths.get(department, beside)

    def write(self, ring: KeyRing) -> list[Path]:
        """
        Write what is new in *ring*, and return the files that changed.
        """
        files = [
            NewFile(path=self.path_of(name), text=keys.to_json(), private=True)
            for name, keys in ring.private.items()
            if keys is not self.ring.private.get(name)
            and (name not in self.ring.private or keys != self.ring.private[name])
        ]
        for file in files:
            if file.path == self.public_path:
                raise CommandError(f"{file.path} is the public key set; rename that")
        if ring.public != self.ring.public:
            text = public_text(ring.public, self.domain_key)
            files.append(NewFile(path=self.public_path, text=text, private=False))
        write_files(files, replace=True)
        return [file.path for file in files]


def read_directory(directory: str, *, sign_with: str | None = None) -> KeyDirectory:
    """
    Return the key files of a directory, to be changed.

    Args:
        directory: Where ``*.keys.json`` are.
        sign_with: The file of the domain key, if the key set is signed.

    Raises:
        CommandError: When they are not one domain's, or a signed set is not to
            be signed again.
        KeySetUnsignedError: When the domain key has not signed the set.
    """
    found = {
        path: _members(path) for path in sorted(Path(directory).glob(f"*{SUFFIX}"))
    }
    public = [p for p, m in found.items() if "departments" in m or jws.is_signed(m)]
    if len(public) != 1:
        msg = f"{directory} has {len(public)} public key sets and must have one"
        advice = "name the right directory, or make keys with `cxcontext keys init`"
        raise CommandError(f"{msg}; {advice}")
    (public_path,) = public
    signed = jws.is_signed(found[public_path])
    if signed and sign_with is None:
        msg = f"{public_path} is signed; sign the next one too, with --sign-with FILE"
        raise CommandError(msg)
    domain_key = None if sign_with is None else read_domain_key(sign_with)
    pin = jws.pin_of(domain_key.verifying_key) if signed and domain_key else None
    key_set = read_key_set(str(public_path), pin=pin)
    private: dict[str, PrivateKeys] = {}
    paths: dict[str, Path] = {}
    for path, members in found.items():
        if path != public_path and "department" in members:
            keys = read_private_keys(str(path))
            if keys.domain != key_set.domain:
                msg = f"{path} is of {keys.domain}, not of {key_set.domain}; remove it"
                raise CommandError(msg)
            if keys.department in private:
                msg = (
                    f"{path} and {paths[keys.department]} are both {keys.department}'s"
                )
                raise CommandError(f"{msg}; remove the older one")
            private[keys.department], paths[keys.department] = keys, path
    return KeyDirectory(
        ring=KeyRing(public=key_set, private=private),
        public_path=public_path,
        private_paths=paths,
        domain_key=domain_key,
    )


def _members(path: Path) -> Mapping[str, Any]:
    try:
        return key_json.parse(key_json.read(path))
    except KeySetError as error:
        raise CommandError(f"{path}: {error.what}; it is no key file") from None


def public_text(key_set: KeySet, domain_key: LocalSigner | None) -> str:
    """
    Return the file of a public key set, signed if there is a key to do it.
    """
    return key_set.to_json() if domain_key is None else key_set.sign(domain_key)


# --- the domain key ----------------------------------------------------------


def new_domain_key(path: Path) -> tuple[LocalSigner, NewFile]:
    """
    Return a new key that signs public key sets, and the file for it.
    """
    signer = generate_signer()
    text = json.dumps({"domain_key": jwk.local_signer_jwk(signer)}, indent=2) + "\n"
    return signer, NewFile(path=path, text=text, private=True)


def read_domain_key(path: str) -> LocalSigner:
    """
    Return the key that signs public key sets, as `new_domain_key` made it.
    """
    try:
        members = key_json.parse(key_json.read(path))
        return jwk.local_signer(key_json.members_of(members.get("domain_key")))
    except KeySetError as error:
        what = error.what
    raise CommandError(f"{path} is no domain key: {what}")
