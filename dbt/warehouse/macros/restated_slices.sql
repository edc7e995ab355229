{#-
  A table kept equal to its source, slice by slice. A slice is a day or a month, and a
  partition of the table.

  1. Compare: one number per slice is computed from the source and from the table; where the
     two differ, the slice is touched. Nothing is remembered between runs, so late rows,
     deleted rows, a truncated source and a half-finished run are all found the same way.
  2. Restate: the model's query runs for the touched slices only, into a table of its own.
  3. Record: what is restated of days or months that are over goes to platform.restatements,
     with the counts before and after.
  4. Replace: each touched partition is exchanged in one step. A reader sees the old day or
     the new one, never neither; a slice that has no rows any more becomes empty.

  Configuration:
    compared_with   the model whose rows are counted (also referenced by the query)
    slice           the expression that gives a row of that model its slice, a Date
    source_measure  one number per slice of the source
    own_slice       the same expression over the table itself; also its partition
    own_measure     the same number from the table itself
    restate_since   slices up to this day are kept although the source has dropped them
    own_count       what people count, of the table itself; recorded when an ended slice changes
    slice_ends      when a slice is over, by default the next day

  The query must filter by `touched_slices(expression)`.
-#}
{% materialization restated_slices, adapter='clickhouse' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set rebuild = existing is none or should_full_refresh() -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set restated = this.incorporate(path={'identifier': this.identifier ~ '__restated'}, type='table') -%}
    {%- set touched = restated_slices__touched_relation() -%}

    {{ run_hooks(pre_hooks) }}
    {% do adapter.drop_relation(restated) %}
    {% do adapter.drop_relation(touched) %}

    {% call statement('touched') %}
        create table {{ touched }} engine = MergeTree order by slice as
        {{ restated_slices__differing(target_relation, rebuild) }}
    {% endcall %}
    {%- set slices = run_query('select toString(slice) as slice from ' ~ touched ~ ' order by slice').rows | map(attribute='slice') | list -%}

    {% if rebuild or slices %}
        {% do clickhouse__create_empty_table(False, restated, sql, config.get('contract').enforced) %}
        {% call statement('main') %}
            {{ clickhouse__insert_into(restated, sql, config.get('contract').enforced) }}
        {% endcall %}
    {% else %}
        {% call statement('main') %} select 'no slice differs' {% endcall %}
    {% endif %}

    {% if existing is not none and slices %}
        {% call statement('record') %} {{ restated_slices__record(target_relation, restated, rebuild) }} {% endcall %}
    {% endif %}
    {% if existing is none %}
        {% call statement('publish') %} rename table {{ restated }} to {{ target_relation }} {% endcall %}
    {% elif rebuild %}
        {% call statement('publish') %} exchange tables {{ restated }} and {{ target_relation }} {% endcall %}
    {% elif slices %}
        {% call statement('publish') %} {{ restated_slices__replace(target_relation, restated, slices) }} {% endcall %}
    {% endif %}
    {% if slices %}
        {{ log(this ~ ': restated ' ~ slices | length ~ ' slice(s), ' ~ slices[0] ~ ' to ' ~ slices[-1]) }}
    {% endif %}

    {% if existing is not none %}
        {% do adapter.drop_relation(restated) %}
    {% endif %}
    {% do persist_docs(target_relation, model) %}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{#- The slices found to differ; kept after the run, to see what the last one restated. -#}
{% macro restated_slices__touched_relation() -%}
    {{ return(this.incorporate(path={'identifier': this.identifier ~ '__touched'}, type='table')) }}
{%- endmacro %}


{% macro touched_slices(expression) -%}
    {{ expression }} in (select slice from {{ restated_slices__touched_relation() }})
{%- endmacro %}


{% macro restated_slices__differing(target_relation, rebuild) -%}
    select slice
    from (
        select
            toDate({{ config.require('slice') }}) as slice,
            toInt256({{ config.require('source_measure') }}) as source_measure,
            toInt256(0) as own_measure
        from {{ ref(config.require('compared_with')) }}
        group by slice
        {%- if not rebuild %}
        union all
        select
            toDate({{ config.require('own_slice') }}) as slice,
            toInt256(0) as source_measure,
            toInt256({{ config.require('own_measure') }}) as own_measure
        from {{ target_relation }}
        {%- if config.get('restate_since') %}
        where {{ config.get('own_slice') }} > {{ config.get('restate_since') }}
        {%- endif %}
        group by slice
        {%- endif %}
    )
    group by slice
    {%- if not rebuild %}
    having sum(source_measure) != sum(own_measure)
    {%- endif %}
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
        group by slice
        union all
        select toDate({{ config.require('own_slice') }}) as slice, toInt64(0) as before, toInt64({{ config.require('own_count') }}) as after
        from {{ restated }}
        group by slice
    )
    where {{ config.get('slice_ends', 'slice + 1') }} <= toDate(now('UTC'))
        and slice in (select slice from {{ restated_slices__touched_relation() }})
    group by slice
    {%- if rebuild %}
    having before_count != after_count
    {%- endif %}
{%- endmacro %}


{% macro restated_slices__replace(target_relation, restated, slices) -%}
    alter table {{ target_relation }}
    {%- for slice in slices %}
        replace partition '{{ slice }}' from {{ restated }}{{ ',' if not loop.last }}
    {%- endfor %}
    {#- Since 26.6 emptying a partition this way has to be asked for; older servers refuse the setting. #}
    {%- if adapter.is_at_or_after_version('26.6') %}
    settings allow_replace_partition_from_empty_source = 1
    {%- endif %}
{%- endmacro %}
