"""What each command of the command line does."""

import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from stackc import resources
from stackc.catalog import Catalog
from stackc.cli import FINE, INPUT_AT_FAULT, USAGE
from stackc.diagnostics.report import CompileError
from stackc.diagnostics.suggest import nearest


def show(error: CompileError, form: str) -> None:
    """Prints diagnostics: JSON to the standard output, for programs, the rest to the other one."""
    from stackc.diagnostics.render import render

    text = render(error.diagnostics, form)
    if form == "human" and sys.stderr.isatty():
        from stackc.diagnostics.colour import print_coloured

        print_coloured(text)
    else:
        print(text, end="", file=sys.stdout if form == "json" else sys.stderr)


def check(options: Namespace) -> int:
    """`stackc check`."""
    from stackc.pipeline import plan_of

    plan = plan_of(options.distribution, Catalog())
    if options.format == "json":
        show(CompileError([]), "json")
    else:
        counted = {
            "route": plan.routes,
            "provider": plan.providers,
            "package": plan.lock.packages,
        }
        counts = (
            f"{len(found)} {noun}{'s' * (len(found) != 1)}" for noun, found in counted.items()
        )
        print(f"{options.distribution}: fine ({', '.join(counts)})")
        print(*plan.summary, sep="\n")
    return FINE


def build(options: Namespace) -> int:
    """`stackc build`."""
    from stackc import pipeline

    if options.check:
        lines = pipeline.outdated(options.distribution, options.out, Catalog())
        print(*lines, sep="\n", end="\n" if lines else "", file=sys.stderr)
        return INPUT_AT_FAULT if lines else FINE
    built = pipeline.build(options.distribution, options.out, Catalog())
    print(f"built {built.folder}", *built.plan.summary, sep="\n")
    return FINE


def run(options: Namespace) -> int:
    """`stackc run`: does not return where all is well; the process becomes the stack."""
    from stackc import pipeline, virtualenv
    from stackc.diagnostics import errors

    built = pipeline.build(options.distribution, options.out, Catalog())
    try:
        python = virtualenv.python_of(built.plan.lock.packages)
    except virtualenv.InstallError as error:
        fault = errors.environment_failed(str(error), error.lines, built.plan.place)
        raise CompileError([fault]) from error
    arguments = [f"--host={options.host}"] if options.host else []
    arguments += [f"--port={options.port}"] if options.port is not None else []
    virtualenv.start(python, built.plan.package, built.folder.resolve(), arguments)
    return FINE


def lock(options: Namespace) -> int:
    """`stackc lock`."""
    from stackc.locking import write_lock
    from stackc.pipeline import front

    path = write_lock(front(options.distribution, Catalog()), upgrade=options.upgrade)
    print(f"wrote {path}")
    return FINE


def explain(options: Namespace) -> int:
    """`stackc explain`."""
    pages = {path.stem: path for path in resources.folder("errors").glob("*.md")}
    if options.code not in pages:
        near = nearest(options.code, pages)
        hint = f"; did you mean `{near}`?" if near else ""
        print(f"stackc: there is no error `{options.code}`{hint}", file=sys.stderr)
        return USAGE
    print(pages[options.code].read_text(encoding="utf-8"), end="")
    return FINE


def list_distributions(options: Namespace) -> int:
    """`stackc list`: each distribution, and whether it is built."""
    for path in sorted(Path("distributions").glob("*.yaml")):
        state = "built" if (Path("generated") / path.stem).is_dir() else "not built"
        print(f"{path.stem:<24} {state}")
    return FINE


def list_apis(options: Namespace) -> int:
    """`stackc list-apis`."""
    catalog = Catalog()
    for name in catalog.api_names:
        print(f"{name:<24} {catalog.api(name).summary}")
    return FINE


def list_providers(options: Namespace) -> int:
    """`stackc list-providers`: the types of one API or of all, with their configuration keys."""
    catalog = Catalog()
    if options.api and options.api not in catalog.api_names:
        near = nearest(options.api, catalog.api_names)
        hint = f"; did you mean `{near}`?" if near else ""
        print(f"stackc: there is no API `{options.api}`{hint}", file=sys.stderr)
        return USAGE
    for api in [options.api] if options.api else catalog.api_names:
        for type_ in catalog.provider_types(api):
            provider = catalog.provider(api, type_)
            assert provider is not None
            keys = ", ".join(provider.config.get("properties", {}))
            print(f"{api:<12} {type_:<24} {provider.summary}\n{'':<37} config: {keys or 'none'}")
    return FINE


def list_deps(options: Namespace) -> int:
    """`stackc list-deps`: what the stack installs, as a requirements file without hashes."""
    from stackc.pipeline import plan_of

    for package in plan_of(options.distribution, Catalog()).lock.packages:
        print(package.requirement)
    return FINE


COMMANDS: dict[str, Callable[[Namespace], int]] = {
    "build": build,
    "check": check,
    "explain": explain,
    "list": list_distributions,
    "list-apis": list_apis,
    "list-deps": list_deps,
    "list-providers": list_providers,
    "lock": lock,
    "run": run,
}
