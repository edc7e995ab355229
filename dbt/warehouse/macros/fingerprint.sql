{#-
  One number for the content of rows, which adds up: over facts and over their sums by `keys` it is
  the same, and it differs when an amount changes or moves to other keys. Keys must not be null.

    fingerprint(['user_id'], {'started_count': '1', 'cost': 'cost_usd * 10000'})
-#}
{% macro fingerprint(keys, amounts) -%}
sum(
    {%- for name, amount in amounts.items() %}
    toUInt64({{ amount }}) * cityHash64({{ keys | join(', ') }}, '{{ name }}'){{ ' +' if not loop.last }}
    {%- endfor %}
)
{%- endmacro %}


{#- The same where every column of a row counts and the source has the very rows: null is a value. -#}
{% macro fingerprint_of_rows(columns) -%}
sum(cityHash64(
    {%- for column in columns %}
    ifNull(toString({{ column }}), '\\N'){{ ',' if not loop.last }}
    {%- endfor %}
))
{%- endmacro %}
