{#- A plan's limit of a resource is a number, or an object with the number, `mode` and
    `grace_percent` (stores/postgres/plan_limits.py); absent or null is unlimited. One that cannot be
    read allows nothing: a plan must not become unlimited by a slip. -#}
{% macro is_count(value) -%}
    coalesce(jsonb_typeof({{ value }}) = 'number' and {{ value }}::text ~ '^[0-9]{1,15}$', false)
{%- endmacro %}
