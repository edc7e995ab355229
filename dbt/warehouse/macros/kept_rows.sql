{#-
  A table of the rows that rollups add up, kept equal to a query over captured tables by looking at
  what changed in these. A captured table is a log of versions in the order of ids, which say nothing
  of days: reading it, with the newest version of each row, costs as much as all of its history. These
  tables are partitioned by day instead and hold one version, so that a rollup reads the days that
  it restates.

  0. Ask for the parts of every table below (macros/parts_seen.sql). Where they are those of the last
     refresh, nothing differs.
  1. Where nothing was done to them but inserts and merges, the new versions are in parts whose last
     block was written since. The ids in these are the changed ones. A part that merged old and new
     versions has too many of them, which costs time and changes nothing.
  2. Rows are made anew whose key is among these, or that were made of a changed row: a row knows
     by `made_of` all ids it was made of, also of those that are deleted by now.
  3. The days that these are in, and were in, are put together with the rows that did not change, and
     replaced partition by partition. What was seen is noted last: whoever is killed before leaves
     days that are old or new, and the next refresh finds the same changes. Of two runs at the same
     time one says so and stops before it replaces anything.

  The whole is made anew, and exchanged in one step, by the first refresh of a day (UTC), so that
  nothing that is remembered stays wrong for longer. So it is after a mutation, where a part is gone,
  when a table moved that is not followed, when much changed at once, for a backfill, and on a
  cluster, whose parts one server does not know. A row that came into quarantine, or left it, counts
  as changed.

  Configuration:
    key           the column that rows are made by, a UUID; several rows may have the same
    followed      the captured tables, each with those of its columns that name changed rows: its
                  id, and the ids of what depends on it
    has_made_of   whether the query gives `made_of`, an Array(UUID) of all ids but the key
    projection    sums that are kept by part, as of a ClickHouse projection
    partition_by  the day, a Date

  The query must filter by `changed_keys(expression)`, and must not look at the clock.
-#}
{% materialization kept_rows, adapter='clickhouse' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing is not none and existing.is_view -%}
        {#- Of a release in which it was one. -#}
        {%- do adapter.drop_relation(existing) -%}
        {%- set existing = none -%}
    {%- endif -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set restated = relation_of_this_run('restated') -%}
    {%- set changed = relation_beside('changed') -%}
    {%- set digest = local_md5(restated_slices__digest(sql) ~ config.require('followed') ~ config.get('projection')) -%}
    {%- set way = namespace(name='anew') -%}

    {{ run_hooks(pre_hooks) }}
    {%- set looked = parts_seen__look(restated_slices__tables_below(model)) -%}
    {% if looked and existing is not none and not should_full_refresh() and not var('restate_from', none) %}
        {%- set way.name = kept_rows__way(target_relation, digest) -%}
    {% endif %}

    {% if way.name != 'unmoved' %}
        {% do adapter.drop_relation(changed) %}
        {% call statement('changed') %}
            create table {{ changed }} {{ on_cluster_clause(changed) }} (key UUID) {{ engine_clause() }} order by key
        {% endcall %}
        {%- set uuid_of_changed = kept_rows__uuid(changed) -%}
        {% if way.name == 'changed' %}
            {% call statement('find_changed') %} {{ kept_rows__changed_ids() }} {% endcall %}
            {% if config.get('has_made_of') %}
                {% call statement('find_made_of_changed') %}
                    insert into {{ changed }}
                    select {{ config.require('key') }} from {{ target_relation }}
                    where arrayExists(id -> id in (select key from {{ changed }}), made_of)
                {% endcall %}
            {% endif %}
            {%- set found = run_query(
                'select count() as changed_count, (select count() from ' ~ target_relation ~ ') as row_count from ' ~ changed
            ).rows[0] -%}
            {% if found['changed_count'] == 0 %}
                {%- set way.name = 'unchanged' -%}
            {% elif found['changed_count'] > 100000 and found['changed_count'] * 4 > found['row_count'] %}
                {%- set way.name = 'anew' -%}
                {% call statement('everything') %} truncate table {{ changed }} {{ on_cluster_clause(changed) }} {% endcall %}
            {% endif %}
        {% endif %}
    {% endif %}

    {% if way.name in ('unmoved', 'unchanged') %}
        {% call statement('main') %} select 'nothing changed' {% endcall %}
    {% else %}
        {% do clickhouse__create_empty_table(False, restated, sql, config.get('contract').enforced) %}
        {% call statement('describe') %}
            alter table {{ restated }} {{ on_cluster_clause(restated) }}
                {% if config.get('projection') %}add projection by_part ({{ config.get('projection') }}),{% endif %}
                modify comment '{{ digest }}'
        {% endcall %}
        {% call statement('main') %} {{ clickhouse__insert_into(restated, sql, config.get('contract').enforced) }} {% endcall %}
    {% endif %}
    {% if way.name == 'changed' %}
        {%- set day = config.require('partition_by') -%}
        {%- set slices = run_query(
            'select toString(' ~ day ~ ') as slice from ' ~ restated ~ ' union distinct select toString(' ~ day ~ ') as slice from '
            ~ target_relation ~ ' where ' ~ changed_keys(config.require('key')) ~ ' order by slice'
        ).rows | map(attribute='slice') | list -%}
        {% if slices %}
            {% call statement('unchanged') %}
                insert into {{ restated }}
                select * from {{ target_relation }}
                where {{ day }} in ('{{ slices | join("', '") }}') and not {{ changed_keys(config.require('key')) }}
            {% endcall %}
        {% endif %}
    {% endif %}
    {% if way.name in ('changed', 'anew') and kept_rows__uuid(changed) != uuid_of_changed %}
        {{ exceptions.raise_compiler_error(this ~ ' is being built by another run of dbt; run it again when that is over') }}
    {% endif %}
    {% if way.name == 'anew' and existing is none %}
        {% call statement('publish') %} rename table {{ restated }} to {{ target_relation }} {{ on_cluster_clause(target_relation) }} {% endcall %}
    {% elif way.name == 'anew' %}
        {% call statement('publish') %} exchange tables {{ restated }} and {{ target_relation }} {{ on_cluster_clause(target_relation) }} {% endcall %}
        {% do adapter.drop_relation(restated) %}
    {% elif way.name == 'changed' %}
        {% if slices %}
            {% call statement('publish') %} {{ restated_slices__replace(target_relation, restated, slices) }} {% endcall %}
            {{ log(this ~ ': made ' ~ found['changed_count'] ~ ' key(s) anew in ' ~ slices | length ~ ' day(s), ' ~ slices[0] ~ ' to ' ~ slices[-1]) }}
        {% endif %}
        {% do adapter.drop_relation(restated) %}
    {% endif %}
    {% if way.name == 'unmoved' %}
        {% do adapter.drop_relation(relation_of_this_run('looked')) %}
    {% elif looked %}
        {% do parts_seen__note(relation_of_this_run('looked'), kept_rows__state_of_own(target_relation)) %}
    {% endif %}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{% macro kept_rows__uuid(relation) -%}
    {{ return(run_query('select toString(any(uuid)) as uuid from system.tables where ' ~ restated_slices__is(relation)).rows[0]['uuid']) }}
{%- endmacro %}


{#- Chooses the rows that are to be made anew; all of them while nothing is named as changed. -#}
{% macro changed_keys(expression) -%}
    {%- set changed = relation_beside('changed') -%}
    ((select count() from {{ changed }}) = 0 or {{ expression }} in (select key from {{ changed }}))
{%- endmacro %}


{#- `unmoved` where nothing did, `changed` where the changed ids are known, or else `anew`. -#}
{% macro kept_rows__way(target_relation, digest) %}
    {%- set followed = [restated_slices__pair('expectations', 'quarantine')] -%}
    {%- for table in config.require('followed') -%}{%- do followed.append(restated_slices__pair('oltp_log', table)) -%}{%- endfor -%}
    {{ return(run_query(
        "with " ~ parts_seen__differences() ~ " select multiIf("
        ~ " (select any(comment) from system.tables where " ~ restated_slices__is(target_relation) ~ ") != '" ~ digest ~ "', 'anew',"
        ~ " (select any(comment) from system.tables where " ~ restated_slices__is(relation_beside('seen')) ~ ") != " ~ kept_rows__own_state(target_relation) ~ ", 'anew',"
        ~ " (select count() from come) + (select count() from gone) = 0, 'unmoved',"
        ~ " (select count() from (select database, name from come union all select database, name from gone)"
        ~ " where (database, name) not in (" ~ followed | join(', ') ~ ")) > 0, 'anew',"
        ~ " (select count() from lost) + (select count() from mutated) > 0, 'anew',"
        ~ " 'changed') as way"
    ).rows[0]['way']) }}
{% endmacro %}


{#- That nobody else wrote here, and that it was made anew today. Merges keep the number of rows. -#}
{% macro kept_rows__own_state(target_relation) -%}
    (
        select concat(toString(sum(rows)), ' ', toString(toDate(now('UTC'))))
        from system.parts
        where active and database = '{{ target_relation.schema }}' and table = '{{ target_relation.identifier }}'
    )
{%- endmacro %}


{% macro kept_rows__state_of_own(target_relation) -%}
    {{ return(run_query('select ' ~ kept_rows__own_state(target_relation) ~ ' as own').rows[0]['own']) }}
{%- endmacro %}


{#- The ids in all versions written since, and in all versions of rows whose quarantine changed since. -#}
{% macro kept_rows__changed_ids() -%}
    insert into {{ relation_beside('changed') }}
    {%- for table, columns in config.require('followed').items() %}
    {%- for condition in (
        parts_seen__is_new('oltp_log', table),
        "id in (select row_id from expectations.quarantine where suite = '" ~ table ~ "' and " ~ parts_seen__is_new('expectations', 'quarantine') ~ ")",
    ) %}
    select distinct arrayJoin([
        {%- for column in columns %}ifNull({{ column }}, {{ nil_uuid() }}){{ ', ' if not loop.last }}{% endfor -%}
    ]) as key
    from {{ adapter.quote('oltp_log') }}.{{ adapter.quote(table) }}
    where {{ condition }} and key != {{ nil_uuid() }}
    {{ 'union distinct' if not loop.last }}
    {%- endfor %}
    {{ 'union distinct' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
