"""Where events come from: files of JSON Lines, directories, standard input, and tables by a mapping.

``open_source``, and ``Place`` where sources are followed, are all that the runner and the commands need; what they
give are raw lines, about which intake decides.
"""

from __future__ import annotations

import logging
from pathlib import Path

from monitor.sources.chunks import Chunk, OversizedLine, Position, Source, SourceError
from monitor.sources.definition import TABLE_ENDINGS, MappingError, MappingFile
from monitor.sources.files import (
    FileSource,
    StandardInput,
    holds_lines,
    list_directory,
    unpacked_name,
    unreadable,
)
from monitor.sources.mapping import is_table, load_mapping

__all__ = [
    "Chunk",
    "MappingError",
    "OversizedLine",
    "Place",
    "Position",
    "Source",
    "SourceError",
    "load_mapping",
    "open_source",
]

_log = logging.getLogger(__name__)


def open_source(path: str, mapping: Path | None, *, follow: bool = False) -> list[Source]:
    """The sources behind one path: a file, all known files below a directory, or standard input (`-`).

    `mapping` says how the columns of tables become events; JSON Lines beside them need none. `follow`: a last
    line without a line end is still being written. Files of a directory that are neither are named in one
    warning of this module's logger. Raises SourceError, also for a mapping that does not fit.
    """
    return Place(path, mapping, follow=follow).find()


class Place:
    """One path and the sources behind it, which may become more while a folder is followed."""

    def __init__(self, path: str, mapping: Path | None, *, follow: bool) -> None:
        """As for `open_source`; the mapping is read, no source is opened. Raises SourceError."""
        self._path = path
        self._rules = load_mapping(mapping) if mapping is not None else None
        self._follow = follow
        self._opened: set[Path] = set()
        self._named: set[Path] = set()
        self._searched = False

    def find(self) -> list[Source]:
        """The sources that were not there at the last call; all, at the first. Raises SourceError; a later call finds
        what this one did not.
        """
        path, searched = self._path, self._searched
        self._searched = True
        if path == "-":
            return [] if searched else [StandardInput(follow=self._follow)]
        place = Path(path)
        if not place.is_dir():
            return [] if searched else [_open_file(place, path, self._rules, self._follow)]
        try:
            files = list_directory(place)
        except OSError as failure:
            raise SourceError(unreadable(path, failure)) from failure
        rules = self._rules
        known = [file for file in files if holds_lines(file) or (rules is not None and is_table(file, rules))]
        joins = list(rules.joins()) if rules is not None else []
        read = {*known, *(file for file in files if any(join.takes(file.name) for join in joins))}
        self._name_others(place, [file for file in files if file not in read])
        return self._open([file for file in known if file not in self._opened], patient=searched)

    def _open(self, files: list[Path], *, patient: bool) -> list[Source]:
        """Opens files; where one cannot be, a `patient` caller gets the others and the trouble with the next call."""
        sources: list[Source] = []
        for file in files:
            try:
                sources.append(_open_file(file, str(file), self._rules, self._follow))
            except SourceError:
                if not patient or not sources:
                    raise
                break
            self._opened.add(file)
        return sources

    def _name_others(self, place: Path, files: list[Path]) -> None:
        others = [str(file.relative_to(place)) for file in files if file not in self._named]
        self._named.update(files)
        if others:
            _log.warning(
                "%s：未读取 %d 个文件 / %d files are not read: %s%s",
                self._path,
                len(others),
                len(others),
                ", ".join(others[:10]),
                " …" if len(others) > 10 else "",
            )


def _open_file(path: Path, name: str, rules: MappingFile | None, follow: bool) -> Source:
    if not path.is_file():
        raise SourceError(f"{name}：没有此文件，管道请用 - / there is no such file; for a pipe use -")
    if holds_lines(path):
        return FileSource(path, name, follow=follow)
    if rules is not None:
        # Tables bring polars with them, 36 MB: only where there is one.
        from monitor.sources.tables import TableSource

        return TableSource(path, name, rules, follow=follow)
    if unpacked_name(path).endswith(TABLE_ENDINGS):
        raise SourceError(f"{name}：表格需要映射，请加 --mapping FILE / a table needs a mapping: add --mapping FILE")
    return FileSource(path, name, follow=follow)
