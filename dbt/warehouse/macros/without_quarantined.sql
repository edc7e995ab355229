{#-
  Leaves out the rows that broke a severe expectation of `suite` (expectations/) and that nobody
  has released. `key` is the row's id.

  Nearly always there is none. Then the first line is a constant that is true, and the key's
  column, 16 bytes a row that do not compress, is not even read.
-#}
{% macro without_quarantined(suite, key) -%}
((select count() from expectations.quarantined where suite = '{{ suite }}') = 0
    or {{ key }} not in (select row_id from expectations.quarantined where suite = '{{ suite }}'))
{%- endmacro %}
