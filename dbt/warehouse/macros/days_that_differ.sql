{#-
  The days on which rows that are kept (macros/kept_rows.sql) are not those that were captured, each
  with how many there are of both. `captured` and `kept` are what to select from, with a `date` and
  the `columns` that are compared.
-#}
{% macro days_that_differ(captured, kept, columns) -%}
select date, sum(captured_rows) as captured_count, sum(kept_rows) as kept_count
from (
    select date, count() as captured_rows, 0 as kept_rows, {{ fingerprint_of_rows(columns) }} as captured_content, 0 as kept_content
    from {{ captured }}
    group by date
    union all
    select date, 0, count(), 0, {{ fingerprint_of_rows(columns) }}
    from {{ kept }}
    group by date
)
group by date
having sum(captured_content) != sum(kept_content)
{%- endmacro %}
