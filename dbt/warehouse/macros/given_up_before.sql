{#- Since when nothing may have happened in what is not to count as given up, in UTC. -#}
{% macro given_up_before() -%}
    now64(6, 'UTC') - interval {{ var('abandoned_after_hours') }} hour
{%- endmacro %}
