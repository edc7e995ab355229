"""The questions that serving asks ClickHouse, one `.sql` file each.

Belongs here: SQL over `rollups.*` and `marts.*` with bound parameters `{name:Type}`, and the
pool that runs it. Raw tables do not belong here, but in `whereabouts/`, where one event is looked
for by its id; nor does what an answer looks like to its reader. What was asked of landed data, and
what is kept out of the models, is read in `expectations/`.
"""
