"""`stackc init`: asks what a stack is to be, and writes its distribution."""

import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path
from typing import TYPE_CHECKING

from stackc.commands.arguments import FINE

if TYPE_CHECKING:
    from stackc.catalog import Catalog
    from stackc.drafts.draft import Draft


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    parser = commands.add_parser("init", help="write a new distribution")
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="the file to write (default: NAME.yaml, in ./distributions where that is)",
    )
    parser.add_argument("--name", help="the name of the stack")
    _repeated(parser, "--provider", "API=TYPE", "a provider, such as inference=remote::openai")
    _repeated(parser, "--switch", "ID=VARIABLE", "a provider is only there where VARIABLE is set")
    _repeated(parser, "--config", "ID.KEY=VALUE", "a value of a provider's config")
    _repeated(parser, "--model", "ID=SOURCE", "a model to compile into the stack")
    parser.add_argument("--port", type=int, default=8321, help="the port (default: 8321)")
    parser.add_argument("--yes", action="store_true", help="ask nothing, take what is suggested")
    parser.add_argument("--force", action="store_true", help="overwrite the file")
    return parser


def _repeated(parser: ArgumentParser, option: str, form: str, what: str) -> None:
    parser.add_argument(
        option, action="append", default=[], metavar=form, help=f"{what}; may be repeated"
    )


def run(options: Namespace) -> int:
    """Writes the file, and says what is to be done next."""
    from stackc.catalog import Catalog
    from stackc.commands.output import misuse
    from stackc.drafts.draft import text
    from stackc.drafts.options import MisuseError
    from stackc.pipeline import front

    catalog = Catalog()
    if options.file and _in_the_way(options.file, options):
        return misuse(_there(options.file))
    try:
        draft = _draft(options, catalog)
    except MisuseError as error:
        return misuse(str(error))
    except EOFError:
        return misuse("the answers ended before the questions")
    path = options.file or _default_path(draft.name)
    if _in_the_way(path, options):
        return misuse(_there(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text(draft, path), encoding="utf-8")
    print(f"wrote {path}")
    front(path, catalog)
    print(f"next: stackc lock {path}")
    return FINE


def _draft(options: Namespace, catalog: "Catalog") -> "Draft":
    from stackc.drafts.options import draft_of

    suggested = _suggested_name(options)
    scripted = options.yes or options.provider
    if scripted or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return draft_of(options, catalog, suggested)
    from rich.console import Console

    from stackc.drafts.interview import Interview

    return Interview(Console()).draft(catalog, options.name or suggested)


def _suggested_name(options: Namespace) -> str:
    from stackc.names import identifier

    return identifier(options.file.stem).strip("_") if options.file else "mine"


def _default_path(name: str) -> Path:
    file = f"{name}.yaml"
    return Path("distributions") / file if Path("distributions").is_dir() else Path(file)


def _in_the_way(path: Path, options: Namespace) -> bool:
    return path.exists() and not options.force


def _there(path: Path) -> str:
    return f"`{path}` is there already; --force overwrites it"
