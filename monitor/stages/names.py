"""Sources by number: a list of names that knows its own index. Few, so kept whole."""

from __future__ import annotations

from collections.abc import Iterable


class Names(list[str]):
    """Names by number, from 1 on; 0 stands for none."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        """`names`: those that have numbers already, in order."""
        super().__init__(("", *names))
        self.numbers = {name: number for number, name in enumerate(self)}

    def number(self, name: str) -> int:
        """The number of a name, a new one if need be."""
        number = self.numbers.get(name)
        if number is None:
            number = self.numbers[name] = len(self)
            self.append(name)
        return number
