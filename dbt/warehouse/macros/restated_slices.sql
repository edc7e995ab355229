{#-
  A table kept equal to its source, slice by slice. A slice is a day, a week or a month, and a
  partition of the table.

  0. Ask whether anything moved: the parts of every table below the source and of the rollup
     itself are known to ClickHouse without reading a row. Where they are those of the last
     refresh, nothing can differ (macros/restated_slices_state.sql).
  1. Compare: one number per slice is computed from the source and from the table; where the
     two differ, the slice is touched. Nothing is remembered between runs but what 0 skips by,
     so late rows, deleted rows, a truncated source and a half-finished run are all found.
  2. Restate: the model's query runs for the touched slices only, into a table of its own.
  3. Record: what is restated of days or months that are over goes to platform.restatements,
     with the counts before and after.
  4. Replace: each touched partition is exchanged in one step. A reader sees the old day or
     the new one, never neither; a slice that has no rows any more becomes empty.

  A rollup whose query, columns or configuration changed is rebuilt by its next refresh: its
  comment carries the digest of what built it.

  The rollup's own number is kept by a projection, one row per partition, and so is that of the
  event tables (stores/clickhouse/migrations/0020): comparing reads slices, not history. What is
  compared with captured tables reads the compared columns of these, with FINAL.

  Configuration:
    compared_with   the model whose rows are counted (also referenced by the query)
    slice           the expression that gives a row of that model its slice, a Date
    source_measure  one number per slice of the source, an aggregate
    own_slice       the same expression over the table itself; also its partition
    own_measure     the same number from the table itself, an aggregate
    compare_since   slices up to this day are not compared: the source has dropped them
    drop_until      slices up to this day are taken out of the rollup, which keeps no more
    own_count       what people count, of the table itself; recorded when an ended slice changes
    slice_ends      when a slice is over, by default the next day
    sliced_sources  tables below that are partitioned by day, each with the slice that `day` belongs to:
                    while no other table below moved, only slices with another part are compared

  The variables `restate_from` and `restate_until`, two days, have every slice between them restated
  also where nothing differs: what a backfill asks for.

  The query must filter by `touched_slices(expression)`.
-#}
{% materialization restated_slices, adapter='clickhouse' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set restated = relation_beside('restated') -%}
    {#- The slices found to differ; kept after the run, to see what the last one restated. -#}
    {%- set touched = relation_beside('touched') -%}
    {%- set found = restated_slices__found(target_relation, touched) -%}
    {%- set digest = restated_slices__digest(sql) -%}
    {%- set rebuild = existing is none or should_full_refresh() or digest not in found.comment -%}
    {%- set unmoved = not rebuild and found.unmoved and not var('restate_from', none) -%}
    {%- set looked = not unmoved and config.get('sliced_sources') and parts_seen__look(restated_slices__sliced_tables(target_relation)) -%}
    {%- set is_of_some = looked and not rebuild and not found.others_moved and not var('restate_from', none) -%}

    {{ run_hooks(pre_hooks) }}
    {% do adapter.drop_relation(restated) %}
    {%- set slices = [] -%}
    {% if unmoved %}
        {% call statement('touched') %} truncate table {{ touched }} {{ on_cluster_clause(touched) }} {% endcall %}
    {% else %}
        {% do adapter.drop_relation(touched) %}
        {% call statement('touched') %}
            create table {{ touched }} {{ on_cluster_clause(touched) }} (slice Date) {{ engine_clause() }} order by slice
        {% endcall %}
        {% call statement('compare') %}
            insert into {{ touched }} {{ restated_slices__differing(target_relation, rebuild, is_of_some) }}
        {% endcall %}
        {%- set slices = run_query('select toString(slice) as slice from ' ~ touched ~ ' order by slice').rows | map(attribute='slice') | list -%}
    {% endif %}

    {% if rebuild or slices %}
        {% do clickhouse__create_empty_table(False, restated, sql, config.get('contract').enforced) %}
        {% call statement('projection') %}
            alter table {{ restated }} {{ on_cluster_clause(restated) }}
                add projection own_measure (select {{ config.require('own_slice') }}, {{ config.require('own_measure') }} group by {{ config.require('own_slice') }}),
                modify comment '{{ digest }}'
        {% endcall %}
        {% call statement('main') %}
            {{ clickhouse__insert_into(restated, sql, config.get('contract').enforced) }}
        {% endcall %}
        {% if rebuild and existing is not none and config.get('compare_since') %}
            {% call statement('carry') %} {{ restated_slices__carry(target_relation, restated) }} {% endcall %}
        {% endif %}
    {% else %}
        {% call statement('main') %} select 'no slice differs' {% endcall %}
    {% endif %}

    {#- Counts can be compared where the columns are the same; another query may have others. -#}
    {% if existing is not none and slices and (digest in found.comment or found.comment == '') %}
        {% call statement('record') %} {{ restated_slices__record(target_relation, restated, rebuild) }} {% endcall %}
    {% endif %}
    {% if existing is none %}
        {% call statement('publish') %} rename table {{ restated }} to {{ target_relation }} {{ on_cluster_clause(target_relation) }} {% endcall %}
    {% elif rebuild %}
        {% call statement('publish') %} exchange tables {{ restated }} and {{ target_relation }} {{ on_cluster_clause(target_relation) }} {% endcall %}
    {% elif slices %}
        {% call statement('publish') %} {{ restated_slices__replace(target_relation, restated, slices) }} {% endcall %}
    {% endif %}
    {% if slices %}
        {{ log(this ~ ': restated ' ~ slices | length ~ ' slice(s), ' ~ slices[0] ~ ' to ' ~ slices[-1]) }}
    {% endif %}

    {% if existing is not none and (rebuild or slices) %}
        {% do adapter.drop_relation(restated) %}
    {% endif %}
    {% if looked %}
        {% do restated_slices__note_parts(target_relation) %}
    {% endif %}
    {% if not unmoved %}
        {% do restated_slices__remember(touched, target_relation, found) %}
    {% endif %}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{% macro touched_slices(expression) -%}
    {{ expression }} in (select slice from {{ relation_beside('touched') }})
{%- endmacro %}


{% macro restated_slices__differing(target_relation, rebuild, is_of_some) -%}
    {%- set since = config.get('compare_since') -%}
    {%- set until = config.get('drop_until') -%}
    {%- set own_where, source_where = [], [] -%}
    {%- if until or since -%}{%- do source_where.append(config.get('slice') ~ ' > ' ~ (until or since)) -%}{%- endif -%}
    {%- if since -%}{%- do own_where.append(config.get('own_slice') ~ ' > ' ~ since) -%}{%- endif -%}
    {%- if is_of_some -%}
        {%- set moved = ' in (' ~ restated_slices__moved() ~ ')' -%}
        {%- do source_where.append(config.get('slice') ~ moved) -%}
        {%- do own_where.append(config.get('own_slice') ~ moved) -%}
    {%- endif -%}
    select slice
    from (
        select
            toDate({{ config.require('slice') }}) as slice,
            toInt256({{ config.require('source_measure') }}) as source_measure,
            toInt256(0) as own_measure
        from {{ ref(config.require('compared_with')) }}
        {%- if source_where %}
        where {{ source_where | join(' and ') }}
        {%- endif %}
        group by slice
        {%- if not rebuild %}
        union all
        select
            toDate({{ config.require('own_slice') }}) as slice,
            toInt256(0) as source_measure,
            toInt256({{ config.require('own_measure') }}) as own_measure
        from {{ target_relation }}
        {%- if own_where %}
        where {{ own_where | join(' and ') }}
        {%- endif %}
        group by slice
        {%- endif %}
    )
    group by slice
    {%- if not rebuild %}
    having sum(source_measure) != sum(own_measure)
        {%- if var('restate_from', none) %}
        or (slice <= toDate('{{ var('restate_until') }}') and {{ config.get('slice_ends', 'slice + 1') }} > toDate('{{ var('restate_from') }}'))
        {%- endif %}
    {%- endif %}
{%- endmacro %}


{#- History outlives its source: a rebuild takes over the slices that cannot be computed any more,
    as far as their columns are still there. -#}
{% macro restated_slices__carry(target_relation, restated) -%}
    {%- set kept = adapter.get_columns_in_relation(restated) | map(attribute='name') | list -%}
    {%- set columns = [] -%}
    {%- for column in adapter.get_columns_in_relation(target_relation) if column.name in kept -%}
        {%- do columns.append(column.quoted) -%}
    {%- endfor -%}
    insert into {{ restated }} ({{ columns | join(', ') }})
    select {{ columns | join(', ') }}
    from {{ target_relation }}
    where {{ config.get('own_slice') }} <= {{ config.get('compare_since') }}
{%- endmacro %}


{#- A rebuild touches every slice, so only those that come out otherwise are recorded of it. -#}
{% macro restated_slices__record(target_relation, restated, rebuild) -%}
    insert into platform.restatements (rollup, slice, before_count, after_count)
    select
        '{{ this.schema }}.{{ this.identifier }}',
        slice,
        sum(before) as before_count,
        sum(after) as after_count
    from (
        select toDate({{ config.require('own_slice') }}) as slice, toInt64({{ config.require('own_count') }}) as before, toInt64(0) as after
        from {{ target_relation }}
        where {{ touched_slices(config.require('own_slice')) }}
        group by slice
        union all
        select toDate({{ config.require('own_slice') }}) as slice, toInt64(0) as before, toInt64({{ config.require('own_count') }}) as after
        from {{ restated }}
        group by slice
    )
    where {{ config.get('slice_ends', 'slice + 1') }} <= toDate(now('UTC'))
    {%- if config.get('drop_until') %} and slice > {{ config.get('drop_until') }}{% endif %}
    group by slice
    {%- if rebuild %}
    having before_count != after_count
    {%- endif %}
{%- endmacro %}


{% macro restated_slices__replace(target_relation, restated, slices) -%}
    alter table {{ target_relation }} {{ on_cluster_clause(target_relation) }}
    {%- for slice in slices %}
        replace partition '{{ slice }}' from {{ restated }}{{ ',' if not loop.last }}
    {%- endfor %}
    {#- Since 26.6 emptying a partition this way has to be asked for; older servers refuse the setting. #}
    {%- if adapter.is_at_or_after_version('26.6') %}
    settings allow_replace_partition_from_empty_source = 1
    {%- endif %}
{%- endmacro %}
