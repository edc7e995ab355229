{#- A plan's limit of a resource for a month: a number, or an object with the number under `limit`
    (stores/postgres/plan_limits.py); absent or null is unlimited. One that cannot be read allows
    nothing: a plan must not become unlimited by a slip. -#}
{% macro plan_limit(limits, resource) -%}
    multiIf(
        JSONType({{ limits }}, '{{ resource }}') = 'Object',
        {{ count_or_nothing(limits, "'" ~ resource ~ "', 'limit'") }},
        {{ count_or_nothing(limits, "'" ~ resource ~ "'") }}
    )
{%- endmacro %}

{% macro count_or_nothing(limits, path) -%}
    multiIf(
        JSONType({{ limits }}, {{ path }}) = 'Null', null,
        JSONType({{ limits }}, {{ path }}) in ('Int64', 'UInt64'),
        ifNull(JSONExtract({{ limits }}, {{ path }}, 'Nullable(UInt64)'), 0),
        0
    )
{%- endmacro %}
