"""Images of the stand-ins: built by the engine, on a Debian root with Python."""

from __future__ import annotations

import io
import os
import pathlib
import subprocess
import tarfile
import tempfile
from typing import Any

FAKES = pathlib.Path(__file__).parent
ROOT = FAKES.parents[1]
BASE = "multimeter-test/debian:base"


def build_stand_in(client: Any, service: str) -> str:
    """Build the stand-in of a service, and return the name of its image."""
    require_base(client)
    name = f"multimeter-test/{service}:stand-in"
    client.images.build(
        fileobj=_context(service),
        custom_context=True,
        tag=name,
        buildargs={"BASE": BASE},
        rm=True,
        forcerm=True,
    )
    return name


def _context(service: str) -> io.BytesIO:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(FAKES / service / "Dockerfile", "Dockerfile")
        for file in sorted((FAKES / service).glob("*.py")):
            tar.add(file, f"app/{file.name}")
        library = ROOT / "multimeter"
        for file in sorted(library.rglob("*.py")):
            path = file.relative_to(library)
            # The package itself imports what the image does not have.
            if str(path) != "__init__.py" and path.parts[0] != "visualization":
                tar.add(file, f"app/multimeter/{path}")
        tar.addfile(tarfile.TarInfo("app/multimeter/__init__.py"))
    packed.seek(0)
    return packed


def require_base(client: Any) -> None:
    """Import a Debian root with Python, where the engine does not have it yet."""
    if any(BASE in image.tags for image in client.images.list()):
        return
    sudo = ["sudo"] if os.getuid() else []
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder) / "root"
        include = "--include=python3,python3-yaml"
        subprocess.run(
            [*sudo, "debootstrap", "--variant=minbase", include, "bookworm", str(root)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        packed = pathlib.Path(folder) / "root.tar"
        left_out = ("dev", "proc", "sys", "var/cache/apt", "var/lib/apt/lists")
        words = [f"--exclude=./{each}" for each in (*left_out, "usr/share/doc")]
        tar = [*sudo, "tar", "-C", str(root), *words, "-cf", str(packed), "."]
        subprocess.run(tar, check=True)
        subprocess.run([*sudo, "rm", "-rf", str(root)], check=True)
        client.api.import_image_from_file(
            str(packed), repository=BASE.partition(":")[0], tag=BASE.partition(":")[2]
        )
