"""What plain scalars are: the same as another reader of YAML 1.2 has it."""

from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.resolver import VersionedResolver
from stackc.core_schema import PREFIX, plain_value

RESOLVER = VersionedResolver()
STRINGS = ("", "str", "timestamp", "value", "merge")

words = st.sampled_from(("true", "True", "yes", "null", "~", "Null", "off", "nan", ".nan", "-.inf"))


@settings(max_examples=2000, deadline=None)
@given(st.text("-+0123456789_.eExXobaBfF", max_size=8) | words)
def test_a_plain_scalar_is_what_ruamel_yaml_has(text: str) -> None:
    tag = str(RESOLVER.resolve(ScalarNode, text, (True, False)))
    kind = tag.removeprefix(PREFIX)
    explicit = None if kind in STRINGS else plain_value(text, tag, quoted=False)
    found = plain_value(text, None, quoted=False)
    if kind in STRINGS:
        assert found == text
    else:
        assert (found, type(found)) == (explicit, type(explicit))
