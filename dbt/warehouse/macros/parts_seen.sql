{#-
  The parts of tables as a refresh saw them, and what has become of them since. ClickHouse knows name,
  blocks and hash of every part without reading a row:

    an insert adds a part with a block number higher than all before it;
    a merge takes parts away and adds one from the first block of the first to the last of the last;
    a mutation (of rows, or of columns) adds parts that carry its number;
    a dropped or truncated part leaves none that covers its blocks;
    another table of the same name has another uuid.

  `__looked_…` has the parts at the beginning of a refresh, and becomes `__seen` at its end: what comes
  meanwhile is found by the next one. Two refreshes at the same time have a table each, and the
  later one says what was seen: each had made up for all since what both began with.
-#}
{% macro parts_seen__create(relation) %}
    {% call statement('parts_table') %}
        create table if not exists {{ relation }} {{ on_cluster_clause(relation) }} (
            database String, name String, uuid UUID, part String, hash String,
            first_block Int64, last_block Int64, mutation Int64, day Date
        ) {{ engine_clause() }} order by (database, name, part)
    {% endcall %}
{% endmacro %}


{#- Looks at the parts of `tables`, SQL pairs of database and name. False where they cannot be told:
    a cluster has them on other machines too, and who runs dbt with a manifest of his own has to
    build its graph. `day` is that of a partition which is one. What killed runs left goes with it. -#}
{% macro parts_seen__look(tables) %}
    {%- do parts_seen__forget_killed() -%}
    {%- if adapter.get_clickhouse_cluster_name() is not none or not graph.get('nodes') -%}
        {{ return(False) }}
    {%- endif -%}
    {%- set looked = relation_of_this_run('looked') -%}
    {%- do parts_seen__create(relation_beside('seen')) -%}
    {%- do parts_seen__create(looked) -%}
    {% call statement('look') %} insert into {{ looked }} {{ parts_seen__of(tables) }} {% endcall %}
    {{ return(True) }}
{% endmacro %}


{#- Drops what refreshes that failed or were killed have left: tables of their own, an hour old. -#}
{% macro parts_seen__forget_killed() %}
    {%- set left = run_query(
        "select name from system.tables where database = '" ~ this.schema ~ "'"
        ~ " and match(name, '^" ~ this.identifier ~ "__(looked|noted|restated)_[0-9a-f]{12}$')"
        ~ " and metadata_modification_time < now() - interval 1 hour"
    ).rows -%}
    {%- for row in left -%}
        {%- do adapter.drop_relation(this.incorporate(path={'identifier': row['name']}, type='table')) -%}
    {%- endfor -%}
{% endmacro %}


{% macro parts_seen__of(tables) -%}
    select
        known.database, known.name, known.uuid, parts.name, parts.hash_of_all_files,
        parts.min_block_number, parts.max_block_number, if(parts.data_version = parts.min_block_number, 0, parts.data_version),
        ifNull(toDateOrNull(parts.partition), toDate(0))
    from system.parts as parts
    inner join (select database, name, uuid from system.tables where (database, name) in ({{ tables | join(', ') }})) as known
        on known.database = parts.database and known.name = parts.table
    where parts.active and (parts.database, parts.table) in ({{ tables | join(', ') }})
{%- endmacro %}


{#- Subqueries of what differs between the last refresh and now. -#}
{% macro parts_seen__differences() -%}
    {%- set looked, seen = relation_of_this_run('looked'), relation_beside('seen') -%}
    gone as (select * from {{ seen }} where (uuid, part, hash) not in (select uuid, part, hash from {{ looked }})),
    come as (select * from {{ looked }} where (uuid, part, hash) not in (select uuid, part, hash from {{ seen }})),
    covered as (
        select gone.uuid, gone.part
        from gone
        inner join come on come.uuid = gone.uuid
        where come.first_block <= gone.first_block and gone.last_block <= come.last_block
    ),
    lost as (select * from gone where (uuid, part) not in (select * from covered)),
    mutated as (
        select come.part
        from come
        left join (select uuid, max(mutation) as newest from {{ seen }} group by uuid) as before on before.uuid = come.uuid
        where come.mutation > before.newest
    )
{%- endmacro %}


{#- Whether a row of an unpartitioned table is in a part that was written to since, by the name of the
    part: all, first block, last block, level. -#}
{% macro parts_seen__is_new(database, table) -%}
    toInt64(splitByChar('_', _part)[3]) > (
        select max(last_block) from {{ relation_beside('seen') }} where database = '{{ database }}' and name = '{{ table }}'
    )
{%- endmacro %}


{#- What `relation` has becomes what was seen, and `comment` is said of it. -#}
{% macro parts_seen__note(relation, comment) %}
    {%- set seen = relation_beside('seen') -%}
    {% call statement('comment_of_parts') %} alter table {{ relation }} modify comment '{{ comment }}' {% endcall %}
    {% call statement('exchange_parts') %} exchange tables {{ relation }} and {{ seen }} {% endcall %}
    {% do adapter.drop_relation(relation) %}
{% endmacro %}
