{#- As exact as the time of capture: dbt warns where the two are of different types. -#}
{% macro clickhouse__snapshot_get_time() -%}
    now64(3, 'UTC')
{%- endmacro %}
