-- What lay in the bucket at the end of each day. Each object arrives in one class and moves on by
-- its age; the moves of all objects add up to what is in a class. What was stored on a day is kept
-- by a projection of the objects.
{{ config(materialized='view', schema='staging', contract={'enforced': false}) }}
with
stored as (
    select
        stored_on,
        prefix,
        toInt64(count()) as object_count,
        toInt64(sum(ifNull(size_bytes, 0))) as stored_bytes,
        toInt64(countIf(size_bytes is null)) as unsized_object_count
    from {{ ref('int_storage__objects') }}
    group by stored_on, prefix
),

moves as (
    select
        prefix,
        tupleElement(move, 1) as date,
        tupleElement(move, 2) as storage_class,
        tupleElement(move, 3) * object_count as object_count,
        tupleElement(move, 3) * stored_bytes as stored_bytes,
        tupleElement(move, 3) * unsized_object_count as unsized_object_count
    from stored
    array join {{ storage_moves('prefix', 'stored_on') }} as move
    where tupleElement(move, 1) <= {{ present_day() }}
),

moved as (
    select
        date,
        prefix,
        storage_class,
        sum(moves.object_count) as object_count,
        sum(moves.stored_bytes) as stored_bytes,
        sum(moves.unsized_object_count) as unsized_object_count
    from moves
    group by date, prefix, storage_class
),

-- What lies there from a move up to the day before the next one, or up to today.
stretches as (
    select
        prefix,
        storage_class,
        date as first_date,
        leadInFrame(date, 1, {{ present_day() }} + 1) over later as until_date,
        sum(moved.object_count) over so_far as objects_so_far,
        sum(moved.stored_bytes) over so_far as bytes_so_far,
        sum(moved.unsized_object_count) over so_far as unsized_so_far
    from moved
    window
        so_far as (partition by prefix, storage_class order by date),
        later as (partition by prefix, storage_class order by date rows between current row and unbounded following)
)

select
    first_date + day as date,
    prefix,
    storage_class,
    toUInt64(objects_so_far) as object_count,
    toUInt64(bytes_so_far) as stored_bytes,
    toUInt64(unsized_so_far) as unsized_object_count
from stretches
array join range(0, toUInt64(until_date - first_date)) as day
where objects_so_far > 0
