{#- Stands for nobody and for none, where a column must not be null. -#}
{% macro nil_uuid() -%}
    toUUID('00000000-0000-0000-0000-000000000000')
{%- endmacro %}
