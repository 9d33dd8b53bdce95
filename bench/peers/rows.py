"""Whether several have the same rows."""
from collections import Counter


def differences(results):
    """What differs from the first one's rows, a line each; the first ten of an entity on either side.

    `results`: by contestant, by entity, rows as lists of texts in any order.
    """
    lines = []
    (first, wanted), *others = results.items()
    for other, rows in others:
        for entity in sorted(wanted.keys() | rows.keys()):
            mine = Counter(map(tuple, wanted.get(entity, [])))
            theirs = Counter(map(tuple, rows.get(entity, [])))
            for name, only in ((first, mine - theirs), (other, theirs - mine)):
                lines += [f"{entity}: only {name} has {'|'.join(row)}" for row in sorted(only)[:10]]
    return lines
