"""Licences as SPDX expressions: read out of a package's metadata, and asked what they permit."""

import re
from collections.abc import Mapping, Sequence, Set
from typing import Any

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

LONGEST_NAME = 60
"""Characters of a text that is the name of a licence; a longer one is the licence itself."""

_CLASSIFIERS = {
    "Academic Free License (AFL)": "AFL-3.0",
    "Apache Software License": "Apache-2.0",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 (LGPLv2)": "LGPL-2.0-only",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Universal Permissive License (UPL)": "UPL-1.0",
    "zlib/libpng License": "Zlib",
}
"""Classifiers that mean one licence; `BSD License` and the like, which mean several, are not here."""

_NAMES = {
    "apache": "Apache-2.0",
    "apache2": "Apache-2.0",
    "apache20": "Apache-2.0",
    "apachelicense20": "Apache-2.0",
    "apachelicenseversion20": "Apache-2.0",
    "bsd2clause": "BSD-2-Clause",
    "bsd2clauselicense": "BSD-2-Clause",
    "bsd3": "BSD-3-Clause",
    "bsd3clause": "BSD-3-Clause",
    "bsd3clauselicense": "BSD-3-Clause",
    "isclicense": "ISC",
    "mitlicense": "MIT",
    "mozillapubliclicense20": "MPL-2.0",
    "newbsd": "BSD-3-Clause",
    "newbsdlicense": "BSD-3-Clause",
    "psf": "PSF-2.0",
    "simplifiedbsd": "BSD-2-Clause",
    "themitlicense": "MIT",
    "themitlicensemit": "MIT",
}
"""Names that people write, in small letters and digits only."""


def licence_of(metadata: Mapping[str, Any]) -> str | None:
    """The SPDX expression of a package's metadata (PEP 566 as JSON), None where it tells nothing.

    Its License-Expression (PEP 639) counts first, then a License that is an expression, then the
    classifiers, all of which hold, then the name in License. What SPDX does not know becomes a
    `LicenseRef-`.
    """
    text = (metadata.get("license") or "").strip()
    return (
        expression(metadata.get("license_expression") or "")
        or expression(text)
        or _of_classifiers(metadata.get("classifier") or ())
        or named(text)
    )


def expression(text: str) -> str | None:
    """A text as the canonical form of the SPDX expression that it is, if it is one."""
    try:
        return str(canonicalize_license_expression(text)) if text else None
    except InvalidLicenseExpression:
        return None


def named(text: str) -> str | None:
    """The expression that the name of a licence stands for; None where there is no name."""
    if not text or len(text) > LONGEST_NAME or "\n" in text or text.upper() == "UNKNOWN":
        return None
    known = _NAMES.get(re.sub(r"[^a-z0-9]", "", text.lower()))
    return known or expression(text) or _reference(text)


def _of_classifiers(classifiers: Sequence[str]) -> str | None:
    names = [each.split(" :: ")[-1] for each in classifiers if each.startswith("License :: ")]
    specific = (name for name in names if name != "OSI Approved")
    found = {_CLASSIFIERS.get(name) or _reference(name) for name in specific}
    return " AND ".join(sorted(found)) or None


def _reference(name: str) -> str:
    return "LicenseRef-" + re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-")


def is_known(licence: str) -> bool:
    """Whether SPDX knows every licence of an expression."""
    return "LicenseRef-" not in licence


def permits(licence: str, denied: Set[str]) -> bool:
    """Whether an expression can be met without the denied licences: of `A OR B`, one is enough."""
    tokens = re.findall(r"\(|\)|[^\s()]+", licence)
    return _alternatives(tokens, denied)


def _alternatives(tokens: list[str], denied: Set[str]) -> bool:
    permitted = _together(tokens, denied)
    while tokens and tokens[0] == "OR":
        tokens.pop(0)
        permitted = _together(tokens, denied) or permitted
    return permitted


def _together(tokens: list[str], denied: Set[str]) -> bool:
    permitted = _one(tokens, denied)
    while tokens and tokens[0] == "AND":
        tokens.pop(0)
        permitted = _one(tokens, denied) and permitted
    return permitted


def _one(tokens: list[str], denied: Set[str]) -> bool:
    name = tokens.pop(0)
    if name == "(":
        permitted = _alternatives(tokens, denied)
        tokens.pop(0)
        return permitted
    if tokens and tokens[0] == "WITH":
        exception = [tokens.pop(0), tokens.pop(0)]
        return " ".join((name, *exception)) not in denied and name not in denied
    return name not in denied
