"""Microsoft's SDK as it comes, with no more set than how many requests a large blob is moved by at once."""

import os
from pathlib import Path
from typing import Any

from azure.storage.blob import BlobServiceClient

AT_ONCE = 8  # as mops


def blob(folder: Path, name: str = "blob") -> Any:
    """The client of a blob of one contestant."""
    service = BlobServiceClient.from_connection_string(os.environ["AZURE_STORAGE_CONNECTION_STRING"])
    return service.get_blob_client("shared", f"{folder.parent.name}/{folder.name}/{name}")
