-- One row for each span in which a user can be booked on a date that differs from the week; a date without hours has no row.
select
    user_scheduling_availability.user_id,
    {{ json_text(item('day'), 'date') }} as date,
    {{ json_text(item('day'), 'day') }} as day,
    {{ position('span') }} as position, -- Place in the list, from 1.
    {{ json_text(item('span'), 'start_time') }} as start_time,
    {{ json_text(item('span'), 'end_time') }} as end_time,
    user_scheduling_availability.timezone
from {{ stream('user_scheduling_availability') }} as user_scheduling_availability
{{ each('user_scheduling_availability.overrides', 'day') }}
{{ each(json_list(item('day'), 'working_hours'), 'span') }}
where user_scheduling_availability._sdc_deleted_at is null
