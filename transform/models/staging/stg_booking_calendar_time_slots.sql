-- Every free time slot of the booking calendars.
select
    booking_calendar_id,
    cast(start_time as timestamp) as start_time,
    _sdc_extracted_at as read_at -- When the slot was last read, in UTC.
from {{ stream('booking_calendar_time_slots') }} as booking_calendar_time_slots
where _sdc_deleted_at is null
