-- One row for each stream: is it there, how fresh is it, and did OnceHub send fields that this version does not know.
with streams as (
    {%- for name in streams() %}
    {{ stream_health(name) }}
    {{- '\n    union all' if not loop.last }}
    {%- endfor %}
),

new_fields as (
    select
        stream,
        {{ dbt.listagg('field', "', '", 'order by field') }} as new_fields
    from {{ ref('int_new_fields') }}
    group by stream
)

select
    streams.stream, -- Name of the stream.
    streams.is_loaded, -- Whether the stream has a table; those that are not selected have none.
    streams.record_count, -- How many rows are in the account, as far as is known.
    streams.deleted_count, -- How many rows the warehouse holds that are gone from the account.
    streams.last_loaded_at, -- When a row was last read, in UTC; an incremental stream in which nothing has changed brings few rows or none.
    streams.newest_record_at, -- When a record was last changed or made, in UTC, null where records have no time.
    new_fields.new_fields -- Fields of the column _extra: new in OnceHub's API, or with values of another type than their column.
from streams
left join new_fields on new_fields.stream = streams.stream
