{#- Of a type what matters for a cast: Int for every width, Date for Date32, without Nullable. -#}
{% macro kind_of_type(type) -%}
    extract(replaceRegexpAll({{ type }}, '(Nullable|LowCardinality)\\(', ''), '^U?([A-Z][A-Za-z]+|UID)')
{%- endmacro %}
