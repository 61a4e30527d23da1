-- Bookings for each day on which meetings start (UTC), owner, booking calendar or classic page, and status.
select
    cast(bookings.starting_time as date) as day, -- Day on which the meetings start, in UTC.
    bookings.owner_id,
    bookings.owner_name,
    bookings.booked_on,
    bookings.booked_on_id,
    bookings.booked_on_name,
    bookings.status,
    count(*) as bookings, -- How many bookings.
    sum(bookings.duration_minutes) as minutes, -- Their planned length together, in minutes.
    sum(case when bookings.is_first_of_chain then 1 else 0 end) as first_bookings, -- How many of them follow no other booking by a reschedule.
    sum(case when bookings.is_replaced then 0 else 1 end) as meetings, -- How many of them no other booking replaced, as OnceHub's reports count; one for each guest of a group session.
    sum(case when bookings.is_completed and not bookings.is_replaced then 1 else 0 end) as held_meetings, -- How many of these meetings took place.
    count(distinct case when not bookings.is_replaced then bookings.session_id end) as sessions -- How many times somebody meets: a group session once.
from {{ ref('bookings') }} as bookings
group by
    cast(bookings.starting_time as date),
    bookings.owner_id,
    bookings.owner_name,
    bookings.booked_on,
    bookings.booked_on_id,
    bookings.booked_on_name,
    bookings.status
