{#-
  What a rollup was last refreshed from, told by the parts of tables: their names and hashes are
  in ClickHouse's memory. Any insert, delete, mutation, time to live, truncation or exchange gives
  a table other parts. A merge does too, which costs one comparison that finds nothing.

  What was found is the comment of the `__touched` table: the parts of all sources, those of the
  rollup, and those of the sources that are not known by slice. A run that is killed leaves none
  behind, and the next one compares.
-#}


{#- One look before a refresh: the comment of the rollup, the parts below it, and whether both
    they and its own are those that the last refresh ended with. -#}
{% macro restated_slices__found(target_relation, touched) %}
    {%- set tables = restated_slices__tables_below(model) -%}
    {%- set sliced = restated_slices__sliced().keys() | list -%}
    {%- set others = tables | reject('in', sliced) | list -%}
    {%- set rows = run_query(
        "select (select any(comment) from system.tables where " ~ restated_slices__is(target_relation) ~ ") as comment,"
        ~ " (select any(comment) from system.tables where " ~ restated_slices__is(touched) ~ ") as remembered,"
        ~ " " ~ restated_slices__state_of_sources(tables) ~ " as sources, " ~ restated_slices__state(restated_slices__is(target_relation)) ~ " as own,"
        ~ " " ~ restated_slices__state_of_sources(others) ~ " as others"
    ).rows -%}
    {%- set row = rows[0] -%}
    {%- set remembered = (row['remembered'] or '').split(' ') -%}
    {{ return({
        'comment': row['comment'] or '',
        'sources': row['sources'],
        'others': row['others'],
        'unmoved': remembered[:2] == [row['sources'], row['own']],
        'others_moved': remembered[2:] != [row['others']],
    }) }}
{% endmacro %}


{#- The state of the sources is that from before the comparison: what lands meanwhile is compared
    by the next refresh. -#}
{% macro restated_slices__remember(touched, target_relation, found) %}
    {%- set own = run_query('select ' ~ restated_slices__state(restated_slices__is(target_relation)) ~ ' as own').rows[0]['own'] -%}
    {% call statement('remember') %}
        alter table {{ touched }} {{ on_cluster_clause(touched) }} modify comment '{{ [found.sources, own, found.others] | join(' ') }}'
    {% endcall %}
{% endmacro %}


{% macro restated_slices__digest(sql) -%}
    {%- set columns = model.columns.values() | map(attribute='data_type') | join(' ') -%}
    {{ return(local_md5(
        sql ~ columns ~ config.get('own_slice') ~ config.get('own_measure')
        ~ config.get('partition_by') ~ config.get('order_by') ~ config.get('engine')
    )) }}
{%- endmacro %}


{% macro restated_slices__is(relation) -%}
    database = '{{ relation.schema }}' and name = '{{ relation.identifier }}'
{%- endmacro %}


{#- The parts of the tables that a condition on `database` and `name` chooses, as one number. -#}
{% macro restated_slices__state(condition) -%}
    (
        select toString(cityHash64(arraySort(groupArray((database, table_name, part, hash)))))
        from (
            select database, table as table_name, name as part, hash_of_all_files as hash
            from system.parts
            where active and (database, table) in (select database, name from system.tables where {{ condition }})
        )
    )
{%- endmacro %}


{#- Once an hour it is compared in any case, for a view may look at the clock. Always, where the parts
    cannot be told: a cluster has them on other machines too, and who runs dbt with a manifest of
    his own has to build its graph. -#}
{% macro restated_slices__state_of_sources(tables) -%}
    {%- if adapter.get_clickhouse_cluster_name() is not none or not graph.get('nodes') %}
    (select toString(generateUUIDv4()))
    {%- else %}
    (
        select concat(
            {{ restated_slices__state("(database, name) in (" ~ tables | join(', ') ~ ")") }}, '@', formatDateTime(now('UTC'), '%Y-%m-%dT%H'),
            -- Where one of them keeps its rows elsewhere, its parts say nothing.
            if(countIf(engine like '%MergeTree%') = {{ tables | length }}, '', toString(generateUUIDv4()))
        )
        from system.tables
        where (database, name) in ({{ tables | join(', ') }})
    )
    {%- endif %}
{%- endmacro %}


{#- Every table that a model reads, through the views between, as SQL pairs of database and name; and
    quarantine, which rows come into and leave without a ref(). -#}
{% macro restated_slices__tables_below(node) -%}
    {#- A captured table is a view over the log of its versions, of the same name. -#}
    {%- set kept_in = {'oltp': 'oltp_log'} -%}
    {%- set seen, tables, waiting = [], [restated_slices__pair('expectations', 'quarantine')], node.depends_on.nodes | list -%}
    {%- for _ in range(10000) if waiting -%}
        {%- set id = waiting.pop() -%}
        {%- if id not in seen -%}
            {%- do seen.append(id) -%}
            {%- set below = graph.sources[id] if id in graph.sources else graph.nodes[id] -%}
            {%- if 'watermark' in below.tags -%}
                {#- Waited for, not read: it is another one after every refresh. -#}
            {%- elif below.resource_type == 'model' and below.config.materialized in ('view', 'ephemeral') -%}
                {%- do waiting.extend(below.depends_on.nodes) -%}
            {%- else -%}
                {%- set table = restated_slices__pair(kept_in.get(below.schema, below.schema), below.identifier or below.alias) -%}
                {%- if table not in tables -%}{%- do tables.append(table) -%}{%- endif -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(tables) }}
{%- endmacro %}


{#- The `sliced_sources`, as SQL pairs of database and name, each with its slice. -#}
{% macro restated_slices__sliced() %}
    {%- set found = {} -%}
    {%- for node in graph.get('nodes', {}).values() if node.name in config.get('sliced_sources', {}) -%}
        {%- do found.update({restated_slices__pair(node.schema, node.alias): config.get('sliced_sources')[node.name]}) -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}


{#- These and the rollup itself, whose slices are its partitions. -#}
{% macro restated_slices__sliced_tables(target_relation) %}
    {{ return((restated_slices__sliced().keys() | list) + [restated_slices__pair(target_relation.schema, target_relation.identifier)]) }}
{% endmacro %}


{% macro restated_slices__pair(database, name) -%}
    {{ return("('" ~ database ~ "', '" ~ name ~ "')") }}
{%- endmacro %}


{#- The slices with a part that came or went since the last refresh. -#}
{% macro restated_slices__moved() -%}
    select multiIf(
        {%- for table, slice in restated_slices__sliced().items() %}(database, name) = {{ table }}, {{ slice }}, {% endfor %}day) as slice
    from (
        select distinct database, name, day
        from (
            select database, name, day, part, hash from {{ relation_beside('seen') }}
            union all
            select database, name, day, part, hash from {{ relation_of_this_run('looked') }}
        )
        group by database, name, day, part, hash
        having count() = 1
    )
{%- endmacro %}


{#- The sources as they were before the comparison, the rollup as it is now. -#}
{% macro restated_slices__note_parts(target_relation) %}
    {%- set looked, noted = relation_of_this_run('looked'), relation_of_this_run('noted') -%}
    {%- do parts_seen__create(noted) -%}
    {% call statement('note_parts') %}
        insert into {{ noted }}
        select * from {{ looked }} where not ({{ restated_slices__is(target_relation) }})
        union all
        {{ parts_seen__of([restated_slices__pair(target_relation.schema, target_relation.identifier)]) }}
    {% endcall %}
    {% do adapter.drop_relation(looked) %}
    {% do parts_seen__note(noted, '') %}
{% endmacro %}
