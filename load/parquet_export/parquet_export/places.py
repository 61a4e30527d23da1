"""Where the files go: a folder, or any object store that fsspec knows."""

import typing as t
from dataclasses import dataclass

import duckdb
import fsspec  # type: ignore[import-untyped]

_EXTRAS = {"s3": "s3", "gs": "gs", "gcs": "gs", "az": "az", "abfs": "az", "abfss": "az"}


class UnknownPlaceError(Exception):
    """Nothing is installed that can write there."""


@dataclass(frozen=True)
class Place:
    """A folder that tables are written into."""

    url: str
    system: fsspec.AbstractFileSystem
    is_local: bool

    @classmethod
    def at(cls, url: str, options: dict[str, t.Any]) -> "Place":
        """Open a place.

        Args:
            url: A folder, or such as s3://bucket/folder.
            options: Settings of the file system, for what its environment does not say.

        Returns:
            The place.

        Raises:
            UnknownPlaceError: If nothing that is installed can write there.
        """
        protocol = url.split("://", 1)[0] if "://" in url else "file"
        try:
            system = fsspec.filesystem(protocol, **options)
        except (ImportError, ValueError) as error:
            extra = _EXTRAS.get(protocol)
            hint = f"; install parquet-export[{extra}]" if extra else ""
            msg = f"cannot write to {protocol}://: {error}{hint}"
            raise UnknownPlaceError(msg) from error
        is_local = protocol in {"file", "local"}
        root = system._strip_protocol(url) if is_local else url.rstrip("/")  # noqa: SLF001
        return cls(root, system, is_local)

    def open_for(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Let DuckDB write to the place."""
        if not self.is_local:
            connection.register_filesystem(self.system)

    def files(self, folder: str) -> set[str]:
        """List the Parquet files below a folder, as URLs."""
        # Others may have written there since it was last looked at.
        self.system.invalidate_cache()
        path = f"{self.url}/{folder}"
        found = self.system.find(path) if self.system.exists(path) else []
        return {self._url(name) for name in found if name.endswith(".parquet")}

    def make_folder(self, file: str) -> None:
        """Make the folder that a file will be in; object stores have none."""
        if self.is_local:
            self.system.makedirs(file.rpartition("/")[0], exist_ok=True)

    def remove(self, files: set[str]) -> None:
        """Remove files."""
        for file in sorted(files):
            self.system.rm_file(self.system._strip_protocol(file))  # noqa: SLF001

    def _url(self, name: str) -> str:
        return name if self.is_local else f"{self.url.split('://', 1)[0]}://{name}"
