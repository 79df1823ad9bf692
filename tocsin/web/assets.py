"""Style sheet, script and icon under names that hold their hash: browsers keep them for ever."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request, Response

STATIC = Path(__file__).parent / "static"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file in memory, plain and compressed; `path` is where it is served."""

    path: str
    media_type: str
    plain: bytes
    compressed: bytes


def load_assets(directory: Path = STATIC) -> dict[str, Asset]:
    """Every asset by its file name."""
    files = (file for file in sorted(directory.iterdir()) if file.suffix in MEDIA_TYPES)
    return {file.name: _asset(file) for file in files}


def _asset(file: Path) -> Asset:
    plain = file.read_bytes()
    digest = hashlib.sha256(plain).hexdigest()[:12]
    return Asset(
        path=f"/static/{file.stem}.{digest}{file.suffix}",
        media_type=MEDIA_TYPES[file.suffix],
        plain=plain,
        compressed=gzip.compress(plain, mtime=0),
    )


def assets_router(assets: dict[str, Asset]) -> APIRouter:
    """GET /static/{name}; a name that is not there is 404."""
    router = APIRouter()
    by_path = {asset.path: asset for asset in assets.values()}

    @router.get("/static/{name}")
    def static(name: str, request: Request) -> Response:
        asset = by_path.get(f"/static/{name}")
        if asset is None:
            return Response(status_code=404)
        headers = {"Cache-Control": FOR_EVER, "Vary": "Accept-Encoding"}
        body = asset.plain
        if "gzip" in request.headers.get("accept-encoding", ""):
            body, headers["Content-Encoding"] = asset.compressed, "gzip"
        return Response(body, media_type=asset.media_type, headers=headers)

    return router
