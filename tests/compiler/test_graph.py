"""`stackc graph`: the same edges in every form, every text escaped, and nothing on top of another."""

import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stackc.catalog import Catalog
from stackc.cli import main
from stackc.commands.arguments import FINE, INPUT_AT_FAULT
from stackc.drawing.graph import EDGE_KINDS, Edge, Graph, Node, graph_of
from stackc.drawing.layout import LONGEST, layout_of
from stackc.drawing.mermaid import comment, escaped, mermaid
from stackc.drawing.svg import svg
from stackc.drawing.words import columns, shortened
from stackc.pipeline import planned_stack

ROOT = Path(__file__).parent.parent.parent
NAMESPACE = {"svg": "http://www.w3.org/2000/svg"}


@pytest.fixture(scope="module")
def starter() -> Graph:
    return graph_of(*planned_stack(ROOT / "distributions/starter.yaml", Catalog()))


def hostile(text: str) -> Graph:
    """A graph in which everything is called so."""
    nodes = (
        Node("a", "variable", text, (text,)),
        Node("b", "provider", text, (text,), conditional=True),
        Node("c", "API", text),
        Node("d", "route", text),
    )
    edges = (Edge("a", "b", "enables"), Edge("b", "c", "serves"), Edge("c", "d", "answers"))
    return Graph(text, (text,), nodes, edges)


def test_the_starter(starter: Graph) -> None:
    def between(kind: str) -> set[tuple[str, str]]:
        return {(edge.start, edge.end) for edge in starter.edges if edge.kind == kind}

    assert ("variable OPENAI_API_KEY", "provider inference/openai") in between("enables")
    assert ("variable OPENAI_API_KEY", "provider inference/openai") in between("configures")
    assert ("provider inference/onnx", "API inference") in between("serves")
    assert ("API inference", "API models") in between("implies")
    assert ("API models", "API inference") not in between("implies")
    assert ("API models", "route GET /v1/models") in between("answers")
    assert between("needs") == {("model onnx/smollm2-135m-instruct", "model onnx/all-minilm-l6-v2")}
    conditional = {node.label for node in starter.nodes if node.conditional}
    assert conditional == {"openai", "ollama", "vllm"}
    assert starter.notes[-1].startswith("memory: about ")


def test_every_edge_has_its_ends(starter: Graph) -> None:
    ids = [node.id for node in starter.nodes]
    assert len(ids) == len(set(ids))
    assert {id_ for edge in starter.edges for id_ in (edge.start, edge.end)} <= set(ids)
    assert {edge.kind for edge in starter.edges} <= set(EDGE_KINDS)


def test_no_secret_is_drawn(tmp_path: Path) -> None:
    (tmp_path / "gateway.lock").write_text((ROOT / "distributions/gateway.lock").read_text())
    path = tmp_path / "gateway.yaml"
    path.write_text(
        "version: 2\nimage_name: gateway\nproviders:\n  inference:\n"
        "  - {provider_id: one, provider_type: remote::openai, config: "
        '{api_key: "${env.KEY:=hunter2}"}}\n'
        "  - {provider_id: two, provider_type: remote::vllm, config: "
        "{url: http://localhost/v1, api_token: hunter2}}\n"
        "server: {port: '${env.PORT:=9000}'}\n"
    )
    graph = graph_of(*planned_stack(path, Catalog()))
    assert "hunter2" not in svg(graph) + mermaid(graph)
    assert Edge("variable PORT", "server", "configures") in graph.edges


def test_both_forms_have_the_same_edges(starter: Graph) -> None:
    wanted = sorted(edge.kind for edge in starter.edges)
    drawn = ElementTree.fromstring(svg(starter)).findall("svg:path", NAMESPACE)
    assert sorted(path.attrib["class"].split()[1] for path in drawn) == wanted
    assert sorted(re.findall(r"-->\|(\w+)\|", mermaid(starter))) == wanted


def test_boxes_do_not_overlap(starter: Graph) -> None:
    layout = layout_of(starter)
    for one, other in combinations(layout.boxes, 2):
        apart = one.x + one.width < other.x or other.x + other.width < one.x
        assert apart or one.y + one.height < other.y or other.y + other.height < one.y
    for box in layout.boxes:
        assert box.x > 0 and box.x + box.width < layout.width
        assert box.y > 0 and box.y + box.height < layout.height


def test_words_do_not_stand_on_each_other(starter: Graph) -> None:
    marks = layout_of(starter).marks
    for one, other in combinations(marks, 2):
        assert one.x != other.x or abs(one.y - other.y) >= 12


def test_conditional_parts_are_dashed(starter: Graph) -> None:
    rects = ElementTree.fromstring(svg(starter)).findall(".//svg:rect", NAMESPACE)
    assert sum("conditional" in rect.attrib.get("class", "") for rect in rects) == 3
    assert re.search(r"class n\d+,n\d+,n\d+ conditional\n", mermaid(starter))


def test_a_stack_without_variables_and_models() -> None:
    graph = Graph("empty", (), (Node("server", "server", "server"),), ())
    assert ElementTree.fromstring(svg(graph)) is not None
    assert mermaid(graph).count("subgraph") == 4


@given(st.text())
def test_svg_is_well_formed_and_shows_the_text(text: str) -> None:
    root = ElementTree.fromstring(svg(hostile(text)))
    shown = [each.text or "" for each in root.findall(".//svg:text", NAMESPACE)]
    drawn = "".join(character if character.isprintable() else "·" for character in text)
    assert shortened(drawn, LONGEST) in shown


@given(st.text())
def test_no_text_leaves_its_place_in_mermaid(text: str) -> None:
    assert re.fullmatch(r"(?:[\w .,:/-]|#\d+;)*", escaped(text))
    assert re.sub(r"#(\d+);", lambda found: chr(int(found[1])), escaped(text)) == "".join(
        character if character.isprintable() else "·" for character in text
    )
    assert not re.search(r"[{}\r\n]", comment(text))
    assert len(mermaid(hostile(text)).splitlines()) == len(mermaid(hostile("x")).splitlines())


def test_texts_are_cut_by_their_columns() -> None:
    assert shortened("模型模型", 8) == "模型模型"
    assert shortened("模型模型模", 8) == "模型模…"
    assert columns("e\u0301") == 1


def test_the_same_bytes(starter: Graph) -> None:
    again = graph_of(*planned_stack(ROOT / "distributions/starter.yaml", Catalog()))
    assert svg(again) == svg(starter)
    assert mermaid(again) == mermaid(starter)


def test_into_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    distribution, path = str(ROOT / "distributions/gateway.yaml"), tmp_path / "stack.svg"
    assert main(["graph", distribution, "--output", str(path)]) == FINE
    assert capsys.readouterr().out == ""
    assert main(["graph", distribution]) == FINE
    assert capsys.readouterr().out == path.read_text(encoding="utf-8")


def test_into_a_file_that_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    distribution = str(ROOT / "distributions/gateway.yaml")
    path = str(tmp_path / "no" / "stack.svg")
    assert main(["graph", distribution, "--output", path]) == INPUT_AT_FAULT
    assert "error[write-failed]" in capsys.readouterr().err
