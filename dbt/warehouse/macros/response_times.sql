{#-
  Percentiles that can be merged. A DDSketch is off by no more than the given share of the value,
  1 %, whatever was merged in whichever order, and its size does not grow with the requests; a
  t-digest depends on the order and has no such bound.
-#}
{% macro response_time_state(column) -%}
    quantilesDDState(0.01, 0.5, 0.95, 0.99)({{ column }})
{%- endmacro %}

{% macro merged_response_time_state(column) -%}
    quantilesDDMergeState(0.01, 0.5, 0.95, 0.99)({{ column }})
{%- endmacro %}

{#- The three percentiles that every rollup of health has beside its state. -#}
{% macro response_times_of(state) -%}
    {%- for percentile in ['50', '95', '99'] %}
    toFloat64(arrayElement(finalizeAggregation({{ state }}), {{ loop.index }})) as response_time_ms_p{{ percentile }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
