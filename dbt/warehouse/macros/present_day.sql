{#- The day it is, UTC; unit tests choose another. -#}
{% macro present_day() -%}
    toDate(now('UTC'))
{%- endmacro %}
