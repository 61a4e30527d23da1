-- The time zone of each user's schedule; its hours are in stg_weekly_hours and stg_override_hours.
select
    user_id,
    timezone
from {{ stream('user_scheduling_availability') }} as user_scheduling_availability
where _sdc_deleted_at is null
