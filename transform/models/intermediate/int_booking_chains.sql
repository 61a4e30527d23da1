-- One row for each booking of a chain, in which each took the place of the one before; those that are deleted or in the
-- trash count, so that a chain does not break.
with recursive bookings as (
    select
        id as booking_id,
        status,
        creation_time,
        rescheduled_booking_id,
        {{ json_integer('payment_information', 'amount_charged') }} as payment_amount,
        {{ json_text('payment_information', 'currency') }} as payment_currency
    from {{ stream('bookings') }} as bookings
),

links as (
    select
        bookings.booking_id,
        previous.booking_id as previous_booking_id
    from bookings
    inner join bookings as previous on previous.booking_id = bookings.rescheduled_booking_id
    where previous.booking_id != bookings.booking_id
),

-- From the first one on: a circle, which has none, is never entered.
chains as (
    select distinct
        previous_booking_id as booking_id,
        previous_booking_id as first_booking_id,
        0 as reschedules
    from links
    where previous_booking_id not in (select booking_id from links)
    union all
    select
        links.booking_id,
        chains.first_booking_id,
        chains.reschedules + 1
    from chains
    inner join links on links.previous_booking_id = chains.booking_id
),

members as (
    select
        chains.booking_id,
        chains.first_booking_id,
        chains.reschedules,
        bookings.status,
        bookings.payment_amount,
        bookings.payment_currency,
        row_number() over (
            partition by chains.first_booking_id
            order by bookings.creation_time desc nulls last, chains.reschedules desc, chains.booking_id desc
        ) as from_last,
        row_number() over (
            partition by chains.first_booking_id
            order by case when bookings.payment_amount is null then 1 else 0 end, chains.reschedules, chains.booking_id
        ) as from_paid
    from chains
    inner join bookings on bookings.booking_id = chains.booking_id
)

select
    members.booking_id, -- Id of the booking (bookings.id).
    members.first_booking_id, -- Id of the booking that began the chain.
    members.reschedules, -- How many reschedules led from that first booking to this one.
    last_ones.status as chain_status, -- Status of the last booking of the chain: the one that was made last.
    paid_ones.payment_amount as chain_payment_amount, -- Amount that was paid for the chain, in the smallest unit of the currency.
    paid_ones.payment_currency as chain_payment_currency -- Currency of that amount.
from members
inner join members as last_ones on last_ones.first_booking_id = members.first_booking_id and last_ones.from_last = 1
inner join members as paid_ones on paid_ones.first_booking_id = members.first_booking_id and paid_ones.from_paid = 1
