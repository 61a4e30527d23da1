-- Every free time slot of the booking calendars.
select
    booking_calendar_id,
    cast(start_time as timestamp) as start_time
from {{ stream('booking_calendar_time_slots') }} as booking_calendar_time_slots
where _sdc_deleted_at is null
