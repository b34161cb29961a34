"""Whether the service keeps what is replaced or removed, found out on a blob: that needs no right on the account."""

from typing import Final

from azure.storage.blob import ContainerClient

_ADVICE: Final = (
    "a session of mops replaces its heartbeat 8,640 times a day, and what is kept is paid for: switch it off for the "
    "account, or let a lifecycle rule delete previous versions under mops1/session/ after a day"
)


def what_is_kept(container: ContainerClient, name: str) -> str:
    """What to warn of; empty if nothing is kept. Replaces and removes a blob whose name nobody else knows."""
    blob = container.get_blob_client(name)
    blob.upload_blob(b"first", overwrite=True)
    versioned = blob.upload_blob(b"second", overwrite=True).get("version_id")
    blob.delete_blob()
    deleted = any(found.deleted for found in container.list_blobs(name_starts_with=name, include=["deleted"]))
    kept = " and ".join([*["blob versioning"] * bool(versioned), *["soft delete"] * deleted])
    return f"{kept} is on: {_ADVICE}" if kept else ""
