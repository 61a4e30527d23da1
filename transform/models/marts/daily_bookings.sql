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
    sum(case when bookings.is_first_of_chain then 1 else 0 end) as first_bookings -- How many of them follow no other booking by a reschedule.
from {{ ref('bookings') }} as bookings
group by
    cast(bookings.starting_time as date),
    bookings.owner_id,
    bookings.owner_name,
    bookings.booked_on,
    bookings.booked_on_id,
    bookings.booked_on_name,
    bookings.status
