-- depends_on: {{ ref('stg_landed__sources') }}
-- A cast to Nullable makes null of what does not fit, without a word: a column of another kind
-- upstream would empty every number behind it. Staging's own casts say which kind it takes.
{%- set wanted = [] -%}
{%- for node in graph.nodes.values() if node.resource_type == 'model' and node.fqn[1] == 'staging' -%}
    {%- for id in node.depends_on.nodes if id in graph.sources -%}
        {%- for _, column, type in modules.re.findall('cast\\((\\w+)\\.(\\w+) as (.+?)\\) as \\w+', node.raw_code) -%}
            {%- do wanted.append((node.name, graph.sources[id].schema, graph.sources[id].identifier, column, type | replace("'", "\\'"))) -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endfor %}
with
wanted as (
    {%- for model, database, source_table, column, type in wanted %}
    select
        '{{ model }}' as model_name,
        '{{ database }}' as database_name,
        '{{ source_table }}' as table_name,
        '{{ column }}' as column_name,
        '{{ type }}' as wanted_type
    {{ 'union all' if not loop.last }}
    {%- else %}
    select '' as model_name, '' as database_name, '' as table_name, '' as column_name, '' as wanted_type limit 0
    {%- endfor %}
)

select
    wanted.model_name as model_name,
    wanted.column_name as column_name,
    wanted.wanted_type as wanted_type,
    if(columns.type = '', 'missing', columns.type) as found_type
from wanted
left join system.columns as columns
    on columns.database = wanted.database_name
    and columns.table = wanted.table_name
    and columns.name = wanted.column_name
where {{ kind_of_type('wanted_type') }} != {{ kind_of_type('found_type') }}
settings join_use_nulls = 0
