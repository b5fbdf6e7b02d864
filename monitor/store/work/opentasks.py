"""Which open tasks are about which target or enterprise, kept in memory by the one who writes a home.

A cut joins what is new to open tasks and minds their planned visits: it asks for those that matter, and reads no
others.
"""

from __future__ import annotations

from collections.abc import Iterable

from monitor.supervision.tasks import Task


class OpenTasks:
    """Ids of open tasks by their targets and by the codes of their enterprises. Some of them may have ended."""

    def __init__(self) -> None:
        """Nothing is known: `fill` comes first."""
        self.filled = False
        self._ids: dict[str, tuple[str, ...]] = {}

    def fill(self, tasks: Iterable[Task]) -> None:
        """Takes in all open tasks."""
        self.filled = True
        for task in tasks:
            self.note(task)

    def note(self, task: Task) -> None:
        """A task as it is now."""
        if not self.filled:
            return
        for name in {task.target, *task.enterprises}:
            ids = self._ids.get(name, ())
            if task.open and task.id not in ids:
                self._ids[name] = (*ids, task.id)
            elif not task.open and task.id in ids:
                left = tuple(one for one in ids if one != task.id)
                if left:
                    self._ids[name] = left
                else:
                    del self._ids[name]

    def about(self, names: Iterable[str]) -> set[str]:
        """The tasks on some targets or enterprises."""
        return {one for name in names for one in self._ids.get(name, ())}
