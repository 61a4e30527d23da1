-- One row for each span of a weekday in which a user can be booked.
select
    user_scheduling_availability.user_id,
    {{ json_text(item('day'), 'day') }} as day,
    {{ position('span') }} as position, -- Place in the list, from 1.
    {{ json_text(item('span'), 'start_time') }} as start_time,
    {{ json_text(item('span'), 'end_time') }} as end_time,
    user_scheduling_availability.timezone
from {{ stream('user_scheduling_availability') }} as user_scheduling_availability
{{ each('user_scheduling_availability.weekly', 'day') }}
{{ each(json_list(item('day'), 'working_hours'), 'span') }}
where user_scheduling_availability._sdc_deleted_at is null
