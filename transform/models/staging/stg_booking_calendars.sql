-- Every booking calendar.
select
    id as booking_calendar_id,
    name,
    subject,
    host as host_id,
    duration_minutes,
    published as is_published,
    url
from {{ stream('booking_calendars') }} as booking_calendars
where _sdc_deleted_at is null
