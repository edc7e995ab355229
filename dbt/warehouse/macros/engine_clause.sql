{#-
  In place of dbt-clickhouse's own: on a cluster every table is replicated, so that a model names
  its engine once for both. Marts' tables and rollups are small beside what they are made from, so
  each machine holds all of their rows: the replica's name tells shards apart, and the path does not.
  Reading one then asks no other machine, and a replaced partition is replaced everywhere.
-#}
{% macro engine_clause() -%}
    {%- set stated = config.get('engine') or 'MergeTree()' -%}
    {%- if adapter.get_clickhouse_cluster_name() is not none and 'MergeTree' in stated and 'Replicated' not in stated -%}
        {%- set name, arguments = stated.split('(')[0] | trim, stated.split('(')[1:] | join('(') | trim -%}
        {%- set own = arguments[:-1] | trim -%}
        engine = Replicated{{ name }}('{{ var("replica_path") }}', '{{ var("replica_name") }}'{{ ', ' ~ own if own }})
    {%- else -%}
        engine = {{ stated }}
    {%- endif -%}
{%- endmacro %}
