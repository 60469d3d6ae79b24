"""The two sides of a comparison: files as they are, and as they are in a revision of git."""

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


class GitError(Exception):
    """git has no such revision or file, or there is no git; the message says which."""


@dataclass(frozen=True)
class Side:
    """A distribution to compile; of a revision, `path` stands below the root of its repository."""

    path: Path
    revision: str | None = None
    root: Path = Path()

    def __str__(self) -> str:
        return f"{self.revision}:{self.path.as_posix()}" if self.revision else str(self.path)

    @contextmanager
    def files(self) -> Iterator[Path]:
        """The path of the distribution, with its lock and its neighbours, while the block runs.

        Of a revision they are in another folder, which is the working folder meanwhile, so that
        what is told of them names them as the repository does. Raises GitError.
        """
        if self.revision is None:
            yield self.path
            return
        with tempfile.TemporaryDirectory() as name:
            _extract(self.root, self.revision, self.path, Path(name))
            with chdir(name):
                yield self.path


def sides(old: str, new: str | None) -> tuple[Side, Side]:
    """The sides of a comparison; raises GitError.

    Where `new` is left out, a file is compared with what it was in HEAD, and a file of a revision
    with what it is now.
    """
    one = side(old)
    if new is not None:
        return one, side(new)
    if one.revision is not None:
        return one, Side(one.root / one.path)
    root = _root(one.path.parent)
    path = (one.path.parent.resolve() / one.path.name).relative_to(root)
    return Side(path, "HEAD", root), one


def side(text: str) -> Side:
    """A file, or `REV:FILE` as git has it: from the root of the repository, or `./` from here."""
    revision, colon, file = text.partition(":")
    if not colon or not revision or Path(text).exists():
        return Side(Path(text))
    root = _root(Path())
    if file.startswith(("./", "../")):
        file = Path(file).resolve().relative_to(root).as_posix()
    return Side(Path(file), revision, root)


def _root(folder: Path) -> Path:
    found = _git(folder, "rev-parse", "--show-toplevel").decode()
    return Path(found.removesuffix("\n")).resolve()


def _extract(root: Path, revision: str, path: Path, into: Path) -> None:
    """Writes the folder of a file as it was in a revision."""
    _git(root, "cat-file", "-e", f"{revision}:{path.as_posix()}")
    folder = PurePosixPath(path).parent.as_posix()
    archive = _git(root, "archive", "--format=tar", revision, "--", folder)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(into, filter=_inside)


def _inside(member: tarfile.TarInfo, into: str) -> tarfile.TarInfo | None:
    """A file of the archive, without links that lead out of it."""
    try:
        return tarfile.data_filter(member, into)
    except tarfile.FilterError:
        return None


def _git(folder: Path, *arguments: str) -> bytes:
    try:
        result = subprocess.run(["git", *arguments], cwd=folder, capture_output=True)
    except OSError as error:
        raise GitError(f"git cannot be run: {error.strerror}") from error
    if result.returncode:
        lines = result.stderr.decode(errors="replace").strip().splitlines()
        told = lines[0].removeprefix("fatal: ") if lines else f"it ended with {result.returncode}"
        raise GitError(f"git: {told}")
    return result.stdout
