{#- Databases are called staging, marts and rollups in every environment; an environment is a
    server of its own, so a prefix would only make the names differ from what serving reads. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
