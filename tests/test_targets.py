"""Every target is what its own tools take: hadolint, Compose, Kubernetes, Helm, systemd."""

import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from stackc import literals
from stackc.catalog import Catalog
from stackc.check import check
from stackc.cli import main
from stackc.commands.arguments import USAGE
from stackc.deployment import dns_name
from stackc.emit import emit
from stackc.load import read
from stackc.lock import Lock
from stackc.pipeline import planned_stack
from stackc.plan import Plan, plan
from stackc.resolve import resolve
from stackc.settings import Setting
from stackc.targets import TARGETS, chosen, offered
from stackc.values import Array, Object
from stacks import DISTRIBUTIONS, ROOT, SERVING, running

CATALOG = Catalog()
ODD = ROOT / "tests/cases/every-target-of-a-stack-with-odd-values"
FOLDERS = [*(ROOT / "generated" / name for name in DISTRIBUTIONS), ODD / "want/on_the-edge"]
DOCKERFILES = [*ROOT.glob("generated/*/Dockerfile"), *ROOT.glob("tests/cases/*/want/*/Dockerfile")]
NEEDED = {"NEEDED_KEY": "a-key", "NEEDED_URL": "https://needed.example.com"}
SECRET = "a-default-that-is-shown-nowhere"

folders = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def tool(name: str) -> str:
    """Where a tool is that the extra `test` installs."""
    found = shutil.which(
        name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    assert found, f"{name} is not installed: pip install -e '.[test]'"
    return found


def systemd_analyze() -> str:
    """Where systemd-analyze is, which Debian's package systemd brings; without it, a skip."""
    found = shutil.which("systemd-analyze")
    if found is None and "CI" in os.environ:
        pytest.fail("systemd-analyze is not installed: apt-get install systemd")
    return found or pytest.skip("systemd-analyze is not installed: apt-get install systemd")


def run(*command: object, **options: Any) -> str:
    """What a command prints that finds no fault."""
    settings = {"capture_output": True, "text": True, **options}
    result = subprocess.run([str(each) for each in command], **settings)
    assert result.returncode == 0, result.stdout + result.stderr
    return str(result.stdout)


def compose(folder: Path, *arguments: str, **variables: str) -> str:
    """What Compose makes of a folder in an environment with nothing but `variables`."""
    command = (tool("docker-compose"), "--project-directory", folder, "config", *arguments)
    return run(*command, env={"PATH": os.environ["PATH"], **variables}, cwd=folder)


HELM = """
import json, sys
import helm_python as helm
folder, values = sys.argv[1], json.loads(sys.argv[2])
report = helm.lint(folder, values, strict=True)
worse = [each for each in report["messages"] if each["severity"] > 1]
assert not worse and not report["errors"], report
with helm.Chart.load(folder) as chart:
    json.dump(chart.render(values, name="demo", namespace="prod"), sys.stdout)
"""
"""`helm lint --strict` and `helm template`, by Helm's own library."""


def helm(folder: Path, **values: object) -> dict[str, str]:
    """The manifests of a chart that has nothing to complain of, by the names of their files."""
    made = json.loads(run(sys.executable, "-c", HELM, folder, json.dumps(values)))
    return {path.rpartition("/")[2]: text for path, text in made.items()}


def validate(*paths: Path) -> None:
    """Checks manifests by the schemas of Kubernetes."""
    assert paths
    run(tool("kubernetes-validate"), "--strict", *paths)


def document(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def copied(folder: Path, target: Path) -> Path:
    """A copy of a generated folder's own files."""
    context = shutil.ignore_patterns("wheels", "runtime", "models", "__pycache__")
    return shutil.copytree(folder, target, ignore=context)


def planned(folder: Path) -> Plan:
    """The plan that a generated folder was made from."""
    name = folder.name
    file = ODD / "distribution.yaml" if folder == FOLDERS[-1] else f"distributions/{name}.yaml"
    return planned_stack(ROOT / file, CATALOG)[1]


def defaults(folder: Path, hidden: bool = False) -> dict[str, str]:
    """The variables of a stack and their defaults as texts, without those that a target sets."""
    found = planned(folder)
    given = {each.variable for each in found.deployment.given}
    kept = (each for each in found.settings if hidden or not each.secret)
    return {each.variable: each.example for each in kept if each.variable not in given}


def test_hadolint() -> None:
    assert len(DOCKERFILES) > len(DISTRIBUTIONS)
    run(tool("hadolint"), *DOCKERFILES)


@folders
def test_compose(folder: Path, tmp_path: Path) -> None:
    copy = copied(folder, tmp_path / "copy")
    env = copy / ".env.example"
    if planned(folder).deployment.needs_settings:
        env.rename(copy / ".env")
    compose(copy, "-q", **NEEDED)
    service = json.loads(compose(copy, "--format", "json", **NEEDED))["services"][folder.name]
    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["mem_limit"]) == planned(folder).deployment.memory_limit << 20
    assert ("gpus" in service) == folder.name.endswith("-gpu")
    assert healthcheck(service["healthcheck"]) in (copy / "Dockerfile").read_text()


def healthcheck(of: dict[str, Any]) -> str:
    """A health check of Compose as an instruction of a Dockerfile."""
    options = ("interval", "timeout", "start_period", "retries")
    words = (f"--{each.replace('_', '-')}={of[each]}" for each in options)
    return f"HEALTHCHECK {' '.join(words)} CMD {json.dumps(of['test'][1:])}"


def test_compose_needs_what_the_stack_needs(tmp_path: Path) -> None:
    copy = copied(FOLDERS[-1], tmp_path / "copy")
    with pytest.raises(AssertionError, match=r"\.env not found"):
        compose(copy, "-q", **NEEDED)
    (copy / ".env").touch()
    with pytest.raises(AssertionError, match="NEEDED_KEY is missing a value: it is needed"):
        compose(copy, "-q")


def test_compose_reads_the_example_as_it_is_meant(tmp_path: Path) -> None:
    copy = copied(FOLDERS[-1], tmp_path / "copy")
    text = (copy / ".env.example").read_text()
    (copy / ".env").write_text(re.sub(r"(?m)^#(?! )|^#(?=  two)", "", text))
    service = json.loads(compose(copy, "--format", "json", **NEEDED))["services"][FOLDERS[-1].name]
    found = {key: value.replace("$$", "$") for key, value in service["environment"].items()}
    fixed = {"LISTEN_HOST": "0.0.0.0", "LISTEN_PORT": "443", "VLLM_TOKEN": ""}
    wanted = defaults(FOLDERS[-1]) | fixed | {"NEEDED_KEY": "a-key"}
    assert found == wanted


@folders
def test_kubernetes(folder: Path) -> None:
    files = sorted((folder / "kubernetes").glob("*.yaml"))
    manifests = [path for path in files if path.name != "kustomization.yaml"]
    validate(*manifests)
    kustomization = document(folder / "kubernetes" / "kustomization.yaml")
    assert kustomization["resources"] == [path.name for path in manifests]
    assert {document(path)["metadata"]["name"] for path in manifests} == {dns_name(folder.name)}
    if shutil.which("kubectl"):
        made = yaml.safe_load_all(run("kubectl", "kustomize", folder / "kubernetes"))
        assert len(list(made)) == len(manifests)


def hardened(pod: dict[str, Any]) -> None:
    """Asserts what every pod is held to."""
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/v1/health", "port": "http"}
    assert {"memory", "cpu"} <= container["resources"]["limits"].keys()
    assert {each["mountPath"] for each in container["volumeMounts"]} == {"/tmp", "/dev/shm"}


@folders
def test_the_pods_of_both_are_the_same(folder: Path) -> None:
    one = document(folder / "kubernetes" / "deployment.yaml")["spec"]["template"]["spec"]
    chart = helm(folder / "helm", env=needed(folder))
    other = yaml.safe_load(chart["deployment.yaml"])["spec"]["template"]["spec"]
    hardened(one)
    (container,), (again,) = one["containers"], other["containers"]
    for limit in (container, again):
        cpu = limit["resources"]["limits"].pop("cpu")
        assert int(cpu) == planned(folder).deployment.cpu_limit
    assert again.pop("image") == f"{container.pop('image')}:latest"
    assert again.pop("envFrom")[0]["configMapRef"]["name"].startswith("demo")
    del container["envFrom"]
    assert one == other


def needed(folder: Path) -> dict[str, str]:
    """Values of the variables of a folder's stack that have none and need one."""
    return {key: value for key, value in NEEDED.items() if key in defaults(folder)}


@folders
def test_defaults_are_what_they_are_in_every_format(folder: Path) -> None:
    wanted = defaults(folder)
    assert document(folder / "kubernetes" / "configmap.yaml")["data"] == wanted
    assert document(folder / "helm" / "values.yaml")["env"] == wanted
    made = helm(folder / "helm", env=needed(folder))
    assert yaml.safe_load(made["configmap.yaml"])["data"] == wanted | needed(folder)


@folders
def test_helm(folder: Path, tmp_path: Path) -> None:
    ingress = {"enabled": True, "host": "a.example", "tlsSecret": "tls", "className": "nginx"}
    off = {"enabled": False}
    every = helm(folder / "helm", env=needed(folder), ingress=ingress)
    few = helm(
        folder / "helm",
        env=needed(folder),
        autoscaling=off,
        podDisruptionBudget=off,
        networkPolicy=off,
        replicas=3,
    )
    paths = []
    for name, made in (("every", every), ("few", few)):
        assert "port-forward" in made.pop("NOTES.txt")
        kept = {file: text for file, text in made.items() if text.strip()}
        for file, text in kept.items():
            paths.append(tmp_path / f"{name}-{file}")
            paths[-1].write_text(text)
        assert len(kept) == (7 if name == "every" else 3)
    validate(*paths)
    assert yaml.safe_load(few["deployment.yaml"])["spec"]["replicas"] == 3


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"env": {"NO_SUCH_VARIABLE": "x"}}, "additional properties 'NO_SUCH_VARIABLE'"),
        ({"replicas": "many"}, "got string, want integer"),
        ({"ingress": {"enabled": True}}, "ingress.host is needed"),
        ({"env": {"NEEDED_URL": ""}}, "env.NEEDED_URL is needed"),
    ],
)
def test_helm_refuses(values: dict[str, Any], told: str) -> None:
    values["env"] = NEEDED_URL | values.get("env", {})
    with pytest.raises(AssertionError, match=re.escape(told)):
        helm(FOLDERS[-1] / "helm", **values)


NEEDED_URL = {"NEEDED_URL": "https://needed.example.com"}


@folders
def test_systemd(folder: Path, tmp_path: Path) -> None:
    """The unit with /opt put into a folder of the test, where its executable is."""
    analyze = systemd_analyze()
    name = f"{folder.name}.service"
    opt = tmp_path / "opt"
    (opt / folder.name / "venv" / "bin").mkdir(parents=True)
    (opt / folder.name / "venv" / "bin" / "python").symlink_to(sys.executable)
    unit = tmp_path / name
    unit.write_text((folder / "systemd" / name).read_text().replace("/opt/", f"{opt}/"))
    result = subprocess.run([analyze, "verify", unit], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    run(analyze, "security", "--offline=true", "--threshold=25", "--no-pager", unit)


@folders
def test_systemd_reads_the_example(folder: Path) -> None:
    example = (folder / "systemd" / "environment.example").read_text()
    assert example == (folder / ".env.example").read_text()
    unit = (folder / "systemd" / f"{folder.name}.service").read_text()
    required = any(setting.required for setting in planned(folder).settings)
    assert f"\nEnvironmentFile={'' if required else '-'}/etc/{folder.name}/environment\n" in unit


@pytest.mark.skipif(sys.platform != "linux", reason="a call of Linux")
@pytest.mark.parametrize("name", SERVING)
def test_no_stack_writes_code(name: str, built: dict[str, Path], tmp_path: Path) -> None:
    """What `MemoryDenyWriteExecute` forbids, by the kernel's own switch (prctl(2), Linux 6.3)."""
    if ctypes.CDLL(None).prctl(66, 0, 0, 0, 0) < 0:
        pytest.skip("this kernel has no PR_SET_MDWE")
    python = tmp_path / "python"
    code = "import ctypes, runpy, sys; assert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0; "
    code += "del sys.argv[:2]; runpy.run_module(sys.argv[0], run_name='__main__')"
    python.write_text(f"#!{sys.executable}\n{code}\n")
    python.chmod(0o755)
    with running(built[name], name, python=str(python)):
        pass


def test_no_secret_is_shown() -> None:
    shown = [path for path in FOLDERS[-1].rglob("*") if path.is_file()]
    assert [path.name for path in shown if SECRET in path.read_text()] == ["settings.py"]


def test_what_a_gpu_needs() -> None:
    for folder in FOLDERS:
        on_gpu = folder.name.endswith("-gpu")
        limits = document(folder / "kubernetes" / "deployment.yaml")["spec"]["template"]["spec"]
        limits = limits["containers"][0]["resources"]["limits"]
        assert limits.get("nvidia.com/gpu") == (1 if on_gpu else None)
        unit = (folder / "systemd" / f"{folder.name}.service").read_text()
        assert ("DeviceAllow=char-nvidia rw" in unit) == on_gpu
        assert ("PrivateDevices=yes" in unit) != on_gpu


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_memory_is_that_of_the_plan(name: str) -> None:
    found = planned_stack(ROOT / f"distributions/{name}.yaml", CATALOG)[1]
    memory, deployment = found.memory, found.deployment
    assert memory.start <= deployment.memory_request << 20
    assert memory.full * 1.25 <= deployment.memory_limit << 20 <= memory.full * 1.25 + 3e9
    assert deployment.memory_request % 32 == deployment.memory_limit % 32 == 0


def made(text: str, *targets: str) -> Plan:
    """The plan of a distribution of remote providers, without the hashes of its packages."""
    stack = resolve(check(read(Path("made.yaml"), text), CATALOG), CATALOG)
    return plan(stack, Lock(stack.packages.required, (), (), ()), CATALOG, targets)


def distribution(name: str = "made", port: str = "8321", **config: object) -> str:
    provider = {"provider_id": "p", "provider_type": "remote::vllm", "config": config}
    data = {"version": 2, "image_name": name, "providers": {"inference": [provider]}}
    return json.dumps({**data, "server": {"port": port if "$" in port else int(port)}})


@pytest.mark.parametrize(
    ("url", "port", "told"),
    [
        ("https://a.example/v1", 443, "p: a.example"),
        ("http://a.example:8000/v1", 8000, "p: a.example"),
        ("https://user:password@a.example", 443, "p: a.example"),
        ("http://[2001:db8::1]:8000", 8000, "p: 2001:db8::1"),
        ("http://bücher.example\u2028", 80, "p: bücher.example\\u2028"),
        ("https://${env.HOST}/v1", 443, "p: the host that HOST names"),
        ("https://${env.HOST:=a.example}:8443", 8443, "p: a.example, unless HOST says otherwise"),
        ("${env.URL:=https://a.example}", 443, "p: a.example, unless URL says otherwise"),
        ("https://${env.A:=a}.${env.B:=b}", 443, "p: a.b, unless A and B says otherwise"),
    ],
)
def test_egress(url: str, port: int, told: str) -> None:
    (egress,) = made(distribution(url=url)).deployment.egress
    assert (egress.port, egress.upstreams) == (port, (told,))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://localhost:8000", ()),
        ("http://127.0.0.1:8000", ()),
        ("${env.URL}", ("p: the port that URL names",)),
        ("${env.URL:=http://localhost:8000}", ("p: the port that URL names",)),
        ("https://a.example:${env.PORT}", ("p: the port that PORT names",)),
        ("${env.SCHEME:+https}://a.example", ("p: the port that SCHEME names",)),
        ("http://[a.example", ("p: the port that its configuration names",)),
        ("a.example", ("p: the port that its configuration names",)),
    ],
)
def test_a_port_is_never_guessed(url: str, told: tuple[str, ...]) -> None:
    deployment = made(distribution(url=url)).deployment
    assert deployment.egress == ()
    assert deployment.untold == told


@pytest.mark.parametrize(
    "name", ["on", "null", "helm", "kubernetes", "a_b-c", "x" * 64, "x" * 62 + "_y"]
)
def test_any_name_of_a_stack(name: str, tmp_path: Path) -> None:
    text = distribution(name, port="${env.PORT:=80}", url="https://a.example")
    files = emit(made(text, *offered()), None)
    for path, data in files.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    compose(tmp_path, "-q")
    charts = helm(tmp_path / "helm")
    charts.pop("NOTES.txt")
    for file, manifest in charts.items():
        if manifest.strip():
            (tmp_path / f"made-{file}").write_text(manifest)
    manifests = [*tmp_path.glob("kubernetes/*.yaml"), *tmp_path.glob("made-*.yaml")]
    validate(*(path for path in manifests if path.name != "kustomization.yaml"))
    service = document(tmp_path / "kubernetes" / "service.yaml")
    assert re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", service["metadata"]["name"])


def test_only_what_is_asked_for() -> None:
    default = made(distribution(url="https://a.example"))
    assert default.targets == ("container", "package")
    files = emit(default, None)
    assert "Dockerfile" in files
    assert not [path for path in files if path.startswith(("compose", "helm", "kube", "systemd"))]
    none = made(distribution(url="https://a.example")[:-1] + ', "targets": []}')
    assert none.targets == ("package",)
    assert "Dockerfile" not in emit(none, None)


@pytest.mark.parametrize(
    ("declared", "more", "wanted"),
    [
        (None, (), ("container", "package")),
        (("systemd",), (), ("package", "systemd")),
        (("systemd",), ("helm",), ("container", "helm", "package", "systemd")),
        ((), ("compose", "compose"), ("compose", "container", "package")),
    ],
)
def test_chosen(
    declared: tuple[str, ...] | None, more: tuple[str, ...], wanted: tuple[str, ...]
) -> None:
    fields = () if declared is None else (("targets", Array(declared)),)
    assert chosen(Object(fields), more) == wanted


def test_the_schema_offers_every_target() -> None:
    schema = CATALOG.distribution_schema["properties"]["targets"]
    assert tuple(schema["items"]["enum"]) == offered()
    assert {path.name for path in (ROOT / "templates").iterdir()} == set(TARGETS)


def test_a_target_of_the_command_line_is_added(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plain.yaml"
    text = (ROOT / "distributions/gateway.yaml").read_text()
    path.write_text(re.sub(r"(?m)^targets:.*\n", "", text))
    shutil.copy(ROOT / "distributions/gateway.lock", tmp_path / "plain.lock")
    out = str(tmp_path / "out")
    assert main(["build", str(path), "--out", out, "--target", "systemd"]) == 0
    assert main(["build", str(path), "--out", out, "--target", "systemd", "--check"]) == 0
    assert (tmp_path / "out" / "systemd" / "gateway.service").is_file()
    assert not (tmp_path / "out" / "kubernetes").exists()
    assert main(["build", str(path), "--out", out, "--check"]) == 1
    assert "stray: " in capsys.readouterr().err
    assert main(["build", str(path), "--target", "systemv"]) == USAGE
    assert "did you mean `systemd`?" in capsys.readouterr().err


ODD_TEXT = st.text(
    st.one_of(st.sampled_from("'\"\\$#%{}:,[]!&*?|>@` =\n\t-~"), st.characters(codec="utf-8")),
    max_size=20,
)


@given(ODD_TEXT)
@settings(max_examples=100, deadline=None)
def test_any_text_is_itself_in_yaml(text: str) -> None:
    line = f"key: {literals.yaml(text)}\nother: 1\n"
    assert yaml.safe_load(line) == {"key": text, "other": 1}
    assert "\n" not in literals.yaml(text)


@pytest.mark.parametrize("value", [True, False, None, 0, -1, 1.5, "1", "true", "~", "é"])
def test_any_value_is_itself_in_yaml(value: Any) -> None:
    assert yaml.safe_load(literals.yaml(value)) == value


def test_any_text_in_a_comment_stays_in_its_line() -> None:
    everything = "".join(map(chr, [*range(0x3000), 0xFEFF, 0xE0001]))
    assert len(literals.visible(everything).splitlines()) == 1


PRINTABLE = st.text(
    st.one_of(
        st.sampled_from("'\"\\$#%{}:,[]!&*?|>@` =\n\t-~"),
        st.characters(codec="utf-8", exclude_categories=("C", "Z")),
    ),
    max_size=20,
)


@given(st.lists(PRINTABLE, min_size=40, max_size=60))
@settings(max_examples=8, deadline=None)
def test_any_text_is_itself_in_an_env_file(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    """Written as `.env.example` has it and with its comment signs taken away, as Compose reads it."""
    folder = tmp_path_factory.mktemp("env")
    lines = []
    for number, text in enumerate(texts):
        setting = Setting(f"x{number}", f"X{number}", "string", False, False, text, ())
        lines += [line.removeprefix("#") for line in setting.line.split("\n")]
    (folder / ".env").write_text("\n".join(lines) + "\n")
    (folder / "compose.yaml").write_text("services: {s: {image: x, env_file: [.env]}}")
    found = json.loads(compose(folder, "--format", "json"))["services"]["s"]["environment"]
    wanted = {f"X{number}": text for number, text in enumerate(texts)}
    assert {key: value.replace("$$", "$") for key, value in found.items()} == wanted
