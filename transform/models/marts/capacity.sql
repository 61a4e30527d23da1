-- Free time slots against meetings that are booked, for each published booking calendar, weekday and hour, from the time at
-- which the slots were last read to the last of them.
with horizon as (
    select
        max(read_at) as first_time,
        max(start_time) as last_time
    from {{ ref('stg_booking_calendar_time_slots') }}
),

calendars as (
    select
        booking_calendars.booking_calendar_id,
        booking_calendars.name,
        booking_calendars.host_id,
        coalesce(users.name, teams.name) as host_name,
        coalesce({{ known_zone('users.timezone') }}, 'UTC') as timezone
    from {{ ref('stg_booking_calendars') }} as booking_calendars
    left join {{ ref('stg_users') }} as users on users.user_id = booking_calendars.host_id
    left join {{ ref('stg_teams') }} as teams on teams.team_id = booking_calendars.host_id
    where coalesce(booking_calendars.is_published, true)
),

slots as (
    select
        time_slots.booking_calendar_id,
        time_slots.start_time,
        1 as free,
        0 as booked
    from {{ ref('stg_booking_calendar_time_slots') }} as time_slots
    union all
    select distinct
        bookings.booked_on_id,
        bookings.starting_time,
        0,
        1
    from {{ ref('bookings') }} as bookings
    where bookings.is_open and not bookings.is_replaced and bookings.booked_on = 'booking_calendar'
),

local_slots as (
    select
        calendars.booking_calendar_id,
        calendars.name,
        calendars.host_id,
        calendars.host_name,
        calendars.timezone,
        slots.free,
        slots.booked,
        {{ local_time('slots.start_time', 'calendars.timezone') }} as local_start
    from slots
    inner join calendars on calendars.booking_calendar_id = slots.booking_calendar_id
    inner join horizon on slots.start_time between horizon.first_time and horizon.last_time
)

select
    local_slots.booking_calendar_id, -- Id of the booking calendar (booking_calendars.id).
    local_slots.name as booking_calendar_name, -- Name of the booking calendar inside OnceHub.
    local_slots.host_id, -- Id of the user or team that hosts the meetings (users.id or teams.id).
    local_slots.host_name, -- Name of that user or team, null where it is gone.
    local_slots.timezone, -- Time zone of weekday and hour: the host's, or UTC for a team.
    cast({{ weekday('local_slots.local_start') }} as integer) as weekday, -- Day of the week, 1 for Monday.
    cast(extract(hour from local_slots.local_start) as integer) as hour, -- Hour of the day, from 0.
    sum(local_slots.free) as free_slots, -- At how many times a meeting can still start.
    sum(local_slots.booked) as booked_slots, -- At how many times a meeting that is requested, scheduled or rescheduled starts; a group session counts once.
    100.0 * sum(local_slots.booked) / sum(local_slots.free + local_slots.booked) as booked_percent -- Share of the booked ones in both.
from local_slots
group by
    local_slots.booking_calendar_id,
    local_slots.name,
    local_slots.host_id,
    local_slots.host_name,
    local_slots.timezone,
    cast({{ weekday('local_slots.local_start') }} as integer),
    cast(extract(hour from local_slots.local_start) as integer)
