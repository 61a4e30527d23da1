-- One row for each booking that follows an earlier one by a reschedule. What OnceHub links does not say which came
-- first, so the time at which a booking was made does.
with recursive bookings as (
    select booking_id, creation_time, rescheduled_booking_id
    from {{ ref('stg_bookings') }}
),

links as (
    select
        case when linked.creation_time < bookings.creation_time then bookings.booking_id else linked.booking_id end as booking_id,
        case when linked.creation_time < bookings.creation_time then linked.booking_id else bookings.booking_id end as previous_booking_id
    from bookings
    inner join bookings as linked on linked.booking_id = bookings.rescheduled_booking_id
    where linked.creation_time != bookings.creation_time
),

ancestors as (
    select booking_id, previous_booking_id as first_booking_id, 1 as reschedules
    from links
    union all
    select ancestors.booking_id, links.previous_booking_id, ancestors.reschedules + 1
    from ancestors
    inner join links on links.booking_id = ancestors.first_booking_id
),

ranked as (
    select
        ancestors.booking_id,
        ancestors.first_booking_id,
        ancestors.reschedules,
        row_number() over (
            partition by ancestors.booking_id
            order by bookings.creation_time, bookings.booking_id, ancestors.reschedules desc
        ) as place
    from ancestors
    inner join bookings on bookings.booking_id = ancestors.first_booking_id
)

select
    ranked.booking_id, -- Id of the booking (bookings.booking_id).
    ranked.first_booking_id, -- Id of the booking that began the chain.
    ranked.reschedules -- How many reschedules led from that first booking to this one.
from ranked
where ranked.place = 1
