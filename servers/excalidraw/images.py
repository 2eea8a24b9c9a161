"""The images of a drawing: binary files that elements of type `image` show by their `fileId`."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from bodhisattva.servers.core.errors import InvalidData, LimitExceeded

# Of all data URLs of a diagram, since an answer to get_diagram has to fit into a connection's queue (protocol 4).
MOST_BYTES = 4 * 2**20

Files = Annotated[dict[str, dict[str, Any]], msgspec.Meta(max_length=1000)]


class _Image(msgspec.Struct, rename={"mime_type": "mimeType", "data_url": "dataURL"}):
    """The fields that a file must have; further ones are kept unchanged."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    mime_type: Annotated[str, msgspec.Meta(pattern=r"^(image/[a-z0-9.+-]{1,50}|application/octet-stream)\Z")]
    data_url: Annotated[str, msgspec.Meta(pattern=r"^data:[a-z0-9.+/-]*[;,]")]


def check_files(held: Mapping[str, Any], sent: Mapping[str, Any]) -> None:
    """Raise InvalidData for the first file that is no image, LimitExceeded if the diagram's files become too large."""
    for identity, file in sent.items():
        try:
            fits = msgspec.convert(file, _Image).id == identity
        except msgspec.ValidationError:
            fits = False
        if not fits:
            raise InvalidData(
                "A file needs the id that it stands under, an image's mimeType and a dataURL.",
                field=f"files.{identity[:200]}",
            )
    if sum(len(file["dataURL"]) for file in {**sent, **held}.values()) > MOST_BYTES:
        raise LimitExceeded("The diagram's images are too large.", field="files", limit=MOST_BYTES)
