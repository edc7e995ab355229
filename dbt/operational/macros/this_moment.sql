{#- Now; a unit test gives another moment. -#}
{% macro this_moment() -%}
    now()
{%- endmacro %}
