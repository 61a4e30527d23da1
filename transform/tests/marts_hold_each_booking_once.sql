-- The marts hold as many bookings as there are: no join has lost or doubled one.
with counts as (
    select
        (select count(*) from {{ ref('stg_bookings') }}) as there_are,
        (select count(*) from {{ ref('bookings') }}) as in_bookings,
        (select coalesce(sum(bookings), 0) from {{ ref('daily_bookings') }}) as in_daily_bookings
)

select *
from counts
where there_are != in_bookings or there_are != in_daily_bookings
