-- One row for each stream and field that the column _extra holds.
with fields as (
    {%- for name in streams() %}
    select '{{ name }}' as stream, {{ field_name('field') }} as field
    from {{ stream(name) }} as rows_of_stream
    {{ each_field('rows_of_stream._extra', 'field') }}
    {{- '\n    union all' if not loop.last }}
    {%- endfor %}
)

select
    fields.stream, -- Name of the stream.
    fields.field, -- Name of the field.
    count(*) as records -- How many records have it.
from fields
group by fields.stream, fields.field
