-- One row for each way to meet in a free time slot.
select
    booking_calendar_time_slots.booking_calendar_id,
    cast(booking_calendar_time_slots.start_time as timestamp) as start_time,
    {{ position('location') }} as position, -- Place in the list, from 1.
    {{ json_text(item('location'), 'type') }} as type,
    {{ json_text(item('location'), 'value') }} as value,
    {{ json_text(item('location'), 'id') }} as location_id
from {{ stream('booking_calendar_time_slots') }} as booking_calendar_time_slots
{{ each('booking_calendar_time_slots.locations', 'location') }}
where booking_calendar_time_slots._sdc_deleted_at is null
