"""Log-based change capture: PostgreSQL's log becomes rows in ClickHouse.

Reading order: `messages` (what the log says), `types` and `layout` (what a table becomes),
`batch` (what one insert round holds), `apply` (how it is written and remembered),
`snapshot` (rows from before the log), `capture` (the loop), `run` (how others call it).
"""
