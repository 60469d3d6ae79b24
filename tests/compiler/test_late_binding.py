"""What a provider is constructed from."""

from pathlib import Path

import pytest
from stackc.catalog import Catalog
from stackc.expressions import Constant
from stackc.late_binding import Binding
from stackc.pipeline import front

HEAD = """
version: 2
image_name: one
providers:
  inference:
  - provider_id: one
    provider_type: remote::ollama
    config: """


@pytest.mark.parametrize(
    ("config", "url"),
    [
        ("{}", "http://localhost:11434/v1"),
        ("{url: http://here}", "http://here/v1"),
        ("{base_url: http://here/v2}", "http://here/v2"),
        ("{base_url: http://here/v2, url: http://there}", "http://here/v2"),
    ],
)
def test_a_field_named_like_an_argument_stands_for_it(
    config: str, url: str, tmp_path: Path
) -> None:
    path = tmp_path / "distribution.yaml"
    path.write_text(HEAD + config)
    (provider,) = front(path, Catalog()).providers
    assert dict(Binding(()).arguments(provider)) == {"base_url": Constant(url)}
