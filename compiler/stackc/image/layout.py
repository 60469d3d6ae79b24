"""An image as a folder in the OCI image layout, replaced whole or not at all."""

from dataclasses import replace
from pathlib import Path

from stackc.image.errors import ImageError
from stackc.image.image import Image
from stackc.image.oci import INDEX, encoded
from stackc.package import package

TAG = "latest"


def write_layout(image: Image, folder: Path) -> None:
    """Writes the folder; layers are links into the cache. Raises ImageError, WriteError."""
    refuse_other(folder)
    root = replace(image.root, annotations=(("org.opencontainers.image.ref.name", TAG),))
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [root.as_json()]}
    files = {f"blobs/sha256/{digest[7:]}": data for digest, data in image.documents.items()}
    files["index.json"] = encoded(index)
    files["oci-layout"] = encoded({"imageLayoutVersion": "1.0.0"})
    package(
        folder,
        files,
        {f"blobs/sha256/{layer.descriptor.hex}": layer.path for layer in image.layers},
    )


def refuse_other(folder: Path) -> None:
    """Raises ImageError where the folder holds something that is no image."""
    if folder.exists() and not (folder / "oci-layout").is_file() and any(folder.iterdir()):
        raise ImageError(f"`{folder}` is there and is no image: it would be replaced")
