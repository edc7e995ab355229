{#-
  The day on which a limit will have been used up if the rest of the month is used at the pace so
  far, today included as a whole day. Null where that is after the month, or the month is not the
  present one, or the limit is used up already: then the day is known and nothing to project.
-#}
{% macro projected_exhaustion(used, limit, month, today) -%}
    {#- In whole numbers, rounded up: 3 used of 10 by the 4th is used up on the 14th. -#}
    {%- set day_of_month = 'intDivOrZero(' ~ limit ~ ' * toDayOfMonth(' ~ today ~ ') + ' ~ used ~ ' - 1, ' ~ used ~ ')' -%}
    if(
        {{ month }} != toStartOfMonth({{ today }})
        or {{ used }} = 0
        or {{ used }} >= {{ limit }}
        or {{ day_of_month }} > toDayOfMonth(toLastDayOfMonth({{ month }})),
        null,
        {{ month }} + toUInt16({{ day_of_month }} - 1)
    )
{%- endmacro %}
