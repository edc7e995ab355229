-- What lay in the bucket at the end of each day. Each object arrives in one class and moves on by
-- its age; the moves of all objects add up to what is in a class. Size is recorded of originals; of
-- processed copies where the product wrote it down.
{{ config(materialized='view', schema='staging', contract={'enforced': false}) }}
with
objects as (
    select
        toDate(assumeNotNull(created_at), 'UTC') as stored_on,
        concat(arrayStringConcat(arraySlice(splitByChar('/', tupleElement(object, 1)), 1, 2), '/'), '/') as prefix,
        tupleElement(object, 2) as size_bytes
    from {{ ref('stg_oltp__media_files') }}
    array join [
        (ifNull(original_path, ''), toNullable(toInt64(file_size_bytes))),
        (ifNull(processed_path, ''), JSONExtract(ifNull(metadata_json, '{}'), 'processed_size_bytes', 'Nullable(Int64)')),
        (ifNull(thumbnail_path, ''), JSONExtract(ifNull(metadata_json, '{}'), 'thumbnail_size_bytes', 'Nullable(Int64)'))
    ] as object
    where tupleElement(object, 1) != '' and created_at is not null
        and ifNull(media_file_status, '') != 'uploading'
),

stored as (
    select
        stored_on,
        prefix,
        toInt64(count()) as object_count,
        toInt64(sum(ifNull(size_bytes, 0))) as stored_bytes,
        toInt64(countIf(size_bytes is null)) as unsized_object_count
    from objects
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

days as (
    select first_day + number as date
    from (select min(date) as first_day from moved) as earliest
    inner join (select arrayJoin(range(0, 36500)) as number) as numbers on true
    where date <= {{ present_day() }} and first_day > toDate('1970-01-01')
),

places as (
    select days.date as date, kinds.prefix as prefix, kinds.storage_class as storage_class
    from days
    inner join (select distinct prefix, storage_class from moved) as kinds on true
),

summed as (
    select
        places.date as date,
        places.prefix as prefix,
        places.storage_class as storage_class,
        sum(moved.object_count) over so_far as objects_so_far,
        sum(moved.stored_bytes) over so_far as bytes_so_far,
        sum(moved.unsized_object_count) over so_far as unsized_so_far
    from places
    left join moved
        on moved.date = places.date
        and moved.prefix = places.prefix
        and moved.storage_class = places.storage_class
    window so_far as (partition by places.prefix, places.storage_class order by places.date)
)

select
    date,
    prefix,
    storage_class,
    toUInt64(objects_so_far) as object_count,
    toUInt64(bytes_so_far) as stored_bytes,
    toUInt64(unsized_so_far) as unsized_object_count
from summed
where objects_so_far > 0
settings join_use_nulls = 0
