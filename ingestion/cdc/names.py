"""What captured tables are called in ClickHouse.

Belongs here: the rule. Giving storages and views another name belongs to `registry`.
"""

from collections.abc import Iterable, Mapping


def target_of(schema: str, name: str) -> str:
    """What a table is called, where no other is called so."""
    return name if schema == "public" else f"{schema}__{name}"


def targets(
    published: Iterable[tuple[int, str, str]], held: Mapping[int, str] | None = None
) -> dict[int, str]:
    """The name of each of `published` (oid, schema, name), by oid.

    Of several that would be called the same, as `public.a__b` and `a.b`, the one that has the
    name (`held`: names by oid) keeps it, else the oldest gets it; the others add their oid.
    """
    held = held or {}
    plain = {oid: target_of(schema, name) for oid, schema, name in published}
    in_order = sorted(plain, key=lambda oid: (held.get(oid) != plain[oid], oid))
    names: dict[int, str] = {}
    for oid in in_order:
        is_taken = plain[oid] in names.values()
        names[oid] = f"{plain[oid]}__{oid}" if is_taken else plain[oid]
    return names
