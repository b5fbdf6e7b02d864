"""Models that the workers and commands of a cluster share: a folder each, in a folder or an object store.

A model stands there under its hash as in a home (`models.keeping`), `HASH/model.skops` and `HASH/card.json`. The log
names a model by the digest of its file (`model.promoted`): what is taken from here is compared with it.
"""

from __future__ import annotations

from pathlib import Path

import fsspec
import msgspec
from fsspec.implementations.local import LocalFileSystem

from models import keeping
from models.keeping import Card, ModelError


class ModelStore:
    """The models below a URL that fsspec understands: a folder, `s3://…`, `memory://…`."""

    def __init__(self, url: str) -> None:
        """`url`: where they are. Raises ValueError where no such store can be opened."""
        try:
            self._files, root = fsspec.core.url_to_fs(url)
        except ImportError as error:
            msg = f"no program for models at {url.partition('://')[0]}://: {error}"
            raise ValueError(msg) from error
        self._root = root.rstrip("/")

    def put(self, folder: Path) -> None:
        """Keeps the model of a folder, the card last: one with a card is whole. Raises ModelError and OSError."""
        card = keeping.card_of(folder)
        file = (folder / keeping.MODEL_FILE).read_bytes()
        if keeping.hash_of(file) != card.hash:
            raise ModelError(f"{folder}：文件与模型卡的散列不符 / the file is not the one of the card")
        self._files.makedirs(f"{self._root}/{card.hash}", exist_ok=True)
        self._write(card.hash, keeping.MODEL_FILE, file)
        self._write(card.hash, keeping.CARD_FILE, (folder / keeping.CARD_FILE).read_bytes())

    def holds(self, name: str) -> bool:
        """Whether the model of a hash is here, whole and unchanged. Raises OSError where the store is away."""
        try:
            file: bytes = self._files.cat_file(f"{self._root}/{name}/{keeping.MODEL_FILE}")
        except FileNotFoundError:
            return False
        return keeping.hash_of(file) == name

    def kind_of(self, name: str) -> str:
        """The kind of a model that is here. Raises ModelError and OSError."""
        return self._card(name).kind

    def fetch(self, name: str, home: Path) -> Path:
        """Copies the model of a hash below a home, from where it is opened; its folder there. Raises ModelError where
        it is not here or is another one.
        """
        try:
            file: bytes = self._files.cat_file(f"{self._root}/{name}/{keeping.MODEL_FILE}")
            card = self._card(name)
        except FileNotFoundError as error:
            raise ModelError(
                f"共用的模型目录中没有 {name} / the shared models have none of this hash: promote it again from the "
                "home where it was trained (CREDIT_MONITOR_CLUSTER_MODELS)"
            ) from error
        except OSError as error:
            raise ModelError(f"{name}：{error}") from error
        if card.hash != name:
            raise ModelError(f"{name}：模型卡是另一模型的 / the card is of another model")
        return keeping.keep(home, file, card)

    def cards(self) -> list[Card]:
        """The cards of all models here, by hash. Raises ModelError and OSError."""
        self._files.invalidate_cache(self._root)
        if not self._files.isdir(self._root):
            return []
        names = sorted(name.rstrip("/").rpartition("/")[2] for name in self._files.ls(self._root, detail=False))
        return [self._card(name) for name in names if self._files.exists(f"{self._root}/{name}/{keeping.CARD_FILE}")]

    def find(self, beginning: str) -> str | None:
        """The hash that begins so; None where there is none. Raises ModelError where there are several, and OSError."""
        found = [card.hash for card in self.cards() if beginning and card.hash.startswith(beginning)]
        if len(found) > 1:
            raise ModelError(
                f"{beginning} 不止一个模型，请写全 / more than one model begins with {beginning}: write more of it"
            )
        return found[0] if found else None

    def _card(self, name: str) -> Card:
        text: bytes = self._files.cat_file(f"{self._root}/{name}/{keeping.CARD_FILE}")
        try:
            return msgspec.json.decode(text, type=Card)
        except msgspec.DecodeError as error:
            raise ModelError(f"{name}：模型卡有误 / the card is wrong: {error}") from error

    def _write(self, name: str, file: str, content: bytes) -> None:
        """An object appears when it is whole; a file is put in its place when it is."""
        path = f"{self._root}/{name}/{file}"
        if isinstance(self._files, LocalFileSystem):
            made = Path(f"{path}.new")
            made.write_bytes(content)
            made.replace(path)
        else:
            self._files.pipe_file(path, content)
