{#- When what has no end yet ends: the last day that a Date can hold, so that days can be compared. -#}
{% macro open_end() -%}
    toDateTime64('2149-06-06 00:00:00', 6, 'UTC')
{%- endmacro %}
