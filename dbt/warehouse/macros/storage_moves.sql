{#-
  When an object that was stored on a day comes into a class and leaves it, as an array of
  (day, class, +1 or -1), by the lifecycle rules of the bucket. S3 moves an object at the midnight
  after it has reached the age, so it spends the whole day of its birthday where it was.
  The rules are those of stores/object_store/lifecycle.json, which a test compares.
-#}
{% macro storage_moves(prefix, stored_on) -%}
multiIf(
    {%- for rule in var('storage_transitions') %}
    startsWith({{ prefix }}, '{{ rule['prefix'] }}'), [
        ({{ stored_on }}, 'STANDARD', 1)
        {%- set before = namespace(storage_class='STANDARD') %}
        {%- for move in rule['moves'] %},
        ({{ stored_on }} + {{ move['days'] + 1 }}, '{{ before.storage_class }}', -1),
        ({{ stored_on }} + {{ move['days'] + 1 }}, '{{ move['storage_class'] }}', 1)
        {%- set before.storage_class = move['storage_class'] %}
        {%- endfor %}
    ],
    {%- endfor %}
    [({{ stored_on }}, 'STANDARD', 1)]
)
{%- endmacro %}
